/** The body of an answer, whole, or the beginning of it. */
import type { IncomingMessage } from "node:http";

export type Body = { readonly kind: "whole"; readonly bytes: Buffer } | { readonly kind: "too long" } | { readonly kind: "broken" };

/** Never rejects. */
export function readBody(message: IncomingMessage, maxBytes: number): Promise<Body> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) parts.push(chunk);
      else {
        resolve({ kind: "too long" });
        message.destroy();
      }
    });
    message.once("end", () => resolve({ kind: "whole", bytes: Buffer.concat(parts, length) }));
    message.on("error", () => resolve({ kind: "broken" }));
    message.once("close", () => resolve({ kind: "broken" }));
    if (message.closed) resolve({ kind: "broken" }); // before anybody listened
  });
}

/** Text of an answer that says no: at most so much of it, and at most for so long. Empty where there is none. */
export async function readRefusal(message: IncomingMessage): Promise<string> {
  const timer = setTimeout(() => message.destroy(), REFUSAL_MS);
  const body = await readBody(message, MAX_REFUSAL_BYTES);
  clearTimeout(timer);
  return body.kind === "whole" ? body.bytes.toString("utf8") : "";
}

const MAX_REFUSAL_BYTES = 64 * 1024;
const REFUSAL_MS = 3_000;
