/**
 * fetch for what a server sends us to: metadata, authorization servers, token endpoints. A server that lies must not make us ask within
 * somebody's network, wait for ever, or read without end; so: https alone, but from this machine to this machine; no redirect; little, and soon.
 */
import type { FetchLike } from "@modelcontextprotocol/client";

const ASK_MS = 10_000;
const MAX_BYTES = 1024 * 1024;

export function isOnThisMachine({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether `server` may send us there. */
export function mayAsk(server: URL, target: URL): boolean {
  if (target.username !== "" || target.password !== "") return false;
  return target.protocol === "https:" || (target.protocol === "http:" && isOnThisMachine(target) && isOnThisMachine(server));
}

export function carefulFetch(server: URL): FetchLike {
  return async (given, init) => {
    const target = new URL(given);
    if (!mayAsk(server, target)) throw new Error(`${target.origin} is not asked: only https is, and this machine where the server is on it too`);
    const response = await fetch(target, { ...init, redirect: "manual", signal: AbortSignal.timeout(ASK_MS) });
    const body = await readLittle(response);
    return new Response([101, 204, 205, 304].includes(response.status) ? null : body, { status: response.status === 0 ? 502 : response.status, headers: response.headers });
  };
}

async function readLittle({ body }: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > MAX_BYTES) throw new Error(`an answer was longer than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts, length));
}
