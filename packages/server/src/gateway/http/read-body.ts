/**
 * Bodies of requests, within limits that are kept before anything is read (R34): the length that is announced, then the length that comes,
 * and what all bodies together may take while they come in.
 */
import type { IncomingMessage } from "node:http";

export type Body =
  | { readonly kind: "body"; readonly bytes: Buffer }
  | { readonly kind: "too large" | "no room" }
  /** The client went away in the middle. */
  | { readonly kind: "gone" };

export interface BodyReader {
  /** Never rejects. Where it is not the body, reading has stopped. */
  read(request: IncomingMessage): Promise<Body>;
}

const EMPTY = Buffer.alloc(0);

/** `maxBytes`: of one body. `maxTotalBytes`: of all that are coming in at a time. */
export function createBodyReader(maxBytes: number, maxTotalBytes: number): BodyReader {
  let total = 0;

  return {
    read(request) {
      const announced = Number(request.headers["content-length"] ?? 0);
      if (announced > maxBytes) return Promise.resolve({ kind: "too large" });
      const { promise, resolve } = Promise.withResolvers<Body>();
      const parts: Buffer[] = [];
      let length = 0;
      let isOver = false;
      const finish = (body: Body): void => {
        if (isOver) return;
        isOver = true;
        total -= length;
        parts.length = 0;
        if (body.kind !== "body") request.pause();
        resolve(body);
      };
      const onData = (chunk: Buffer): void => {
        if (isOver) return;
        length += chunk.length;
        total += chunk.length;
        parts.push(chunk);
        if (length > maxBytes) finish({ kind: "too large" });
        else if (total > maxTotalBytes) finish({ kind: "no room" });
      };
      const onEnd = (): void => finish({ kind: "body", bytes: parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts) });
      const onGone = (): void => finish({ kind: "gone" });
      request.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
      return promise;
    },
  };
}
