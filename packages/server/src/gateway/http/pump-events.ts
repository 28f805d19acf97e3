/**
 * Server-sent events from an upstream to a client, each looked at before it goes on, in order, with back-pressure. Bytes are the upstream's
 * own where nobody puts others in their place.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { headersBack } from "./http-upstream.ts";
import { EventFramer } from "./event-framer.ts";
import { holdForTurn } from "./write-together.ts";

/** So much of one event may have to be held in memory. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** What is written in an event's place; undefined is nothing. A promise holds what follows back. */
export type TakeEvent = (event: Buffer) => Buffer | undefined | Promise<Buffer | undefined>;

/** Resolves once the upstream has ended, or broken off, and all it said was taken. Never rejects; does not end `to`. */
export function pumpEvents(from: IncomingMessage, to: ServerResponse | undefined, take: TakeEvent): Promise<"ended" | "broken"> {
  const { promise, resolve } = Promise.withResolvers<"ended" | "broken">();
  const queue: Buffer[] = [];
  let holding = false;
  let over: "ended" | "broken" | undefined;
  const framer = new EventFramer(MAX_ANSWER_BYTES, (event) => queue.push(event));

  const write = (bytes: Buffer | undefined): void => {
    if (bytes === undefined || to === undefined || to.destroyed || to.writableEnded) return;
    holdForTurn(to);
    if (to.write(bytes)) return;
    from.pause();
    const go = (): void => {
      to.off("drain", go).off("close", go);
      if (!holding) from.resume();
    };
    to.on("drain", go).on("close", go);
  };

  const work = (): void => {
    while (!holding) {
      const event = queue.shift();
      if (event === undefined) break;
      const taken = take(event);
      if (!(taken instanceof Promise)) {
        write(taken);
        continue;
      }
      holding = true;
      from.pause();
      void taken.then((bytes) => {
        holding = false;
        from.resume();
        write(bytes);
        work();
      });
      return;
    }
    if (over !== undefined && queue.length === 0) resolve(over);
  };

  const finish = (how: "ended" | "broken"): void => {
    if (over !== undefined) return;
    over = how;
    const rest = framer.rest();
    if (rest !== undefined) queue.push(rest);
    if (!holding) work();
  };

  from.on("data", (chunk: Buffer) => {
    try {
      framer.push(chunk);
    } catch {
      from.destroy(); // an event too long to hold
    }
    work();
  });
  from.once("end", () => finish("ended"));
  from.once("close", () => finish("broken"));
  return promise;
}

/**
 * The head of the upstream's stream, with its first event where that is there already, else by itself. Not how long that says it is: with
 * other bytes in an event's place the rest would be read as the answer to another request.
 */
export function beginStream(response: ServerResponse, from: IncomingMessage): void {
  const { "content-length": _length, ...headers } = headersBack(from);
  response.writeHead(from.statusCode ?? 200, headers);
  setImmediate(() => {
    if (!response.destroyed && !response.writableEnded) response.flushHeaders();
  });
}

/** The whole body; undefined where it broke off or is too long to hold. */
export function collect(from: IncomingMessage): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const parts: Buffer[] = [];
  let length = 0;
  from.on("data", (chunk: Buffer) => {
    parts.push(chunk);
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) from.destroy();
  });
  from.once("end", () => resolve(parts.length === 1 ? parts[0] : Buffer.concat(parts)));
  from.once("close", () => resolve(undefined));
  return promise;
}
