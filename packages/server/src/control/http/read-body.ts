/** Reads a body of bounded size and parses it strictly: what two JSON parsers would read in two ways is refused. */
import { parseStrictJson } from "@countersign/sdk/call";
import type { JsonValue } from "@countersign/sdk";
import type { IncomingMessage } from "node:http";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  readonly members: number;
}

/** Arguments lie at most three levels below a body, and their own depth is counted from the params object. */
const OUTERMOST = -1;

export async function readJsonBody(incoming: IncomingMessage, limits: BodyLimits): Promise<{ readonly ok: true; readonly value: JsonValue } | Refusal> {
  const bytes = await readBytes(incoming, limits.maxBytes);
  if (bytes === undefined) return refuse("too_large", "the body");
  if (hasMoreMembers(bytes, limits.members)) return refuse("too_large", "the number of members in the body");
  const parsed = parseStrictJson(bytes, { maxBytes: limits.maxBytes, depth: OUTERMOST });
  if (parsed.ok) return parsed;
  // Other reasons name a place by the keys on the way to it, which are the caller's.
  return refuse("bad_request", parsed.reason.startsWith("offset ") ? `body: ${parsed.reason}` : "body: not strict JSON");
}

/** Undefined where there is more than that. Stops reading there. */
function readBytes(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const done = (settle: () => void): void => {
      incoming.off("data", onData).off("end", onEnd).off("error", onFail).off("close", onFail);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      total += chunk.byteLength;
      if (total <= maxBytes) chunks.push(chunk);
      else {
        incoming.pause();
        done(() => resolve(undefined));
      }
    };
    const onEnd = (): void => done(() => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)));
    const onFail = (): void => done(() => reject(new ClientGone()));
    incoming.on("data", onData).on("end", onEnd).on("error", onFail).on("close", onFail);
    if (incoming.destroyed && !incoming.readableEnded) onFail();
  });
}

/** The connection ended before the body did: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/** Counts commas and colons outside of strings: a bound on keys and items that costs no memory. */
function hasMoreMembers(bytes: Uint8Array, limit: number): boolean {
  let members = 0;
  let inString = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (inString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA || byte === COLON) {
      members += 1;
      if (members > limit * 2) return true;
    }
  }
  return false;
}
