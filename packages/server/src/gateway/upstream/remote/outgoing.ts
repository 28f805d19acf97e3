/** What a message of the client is to whoever sends it over HTTP. It was read with care before (read-client-message.ts); only what is needed here. */
import type { RpcId } from "../../message/read-client-message.ts";

export type Outgoing =
  | { readonly kind: "request"; readonly id: RpcId; readonly method: string; readonly params: unknown; /** Of the protocol without sessions: the version it names. */ readonly version: string | undefined }
  | { readonly kind: "notification"; readonly method: string; readonly params: unknown }
  | { readonly kind: "response" };

const VERSION = "io.modelcontextprotocol/protocolVersion";

/** Undefined for what is no message at all. */
export function readOutgoing(line: Buffer | string): Outgoing | undefined {
  let message: unknown;
  try {
    message = JSON.parse(line.toString());
  } catch {
    return undefined;
  }
  const [method, id, params] = [memberOf(message, "method"), memberOf(message, "id"), memberOf(message, "params")];
  if (typeof method !== "string") return { kind: "response" };
  if (typeof id !== "string" && typeof id !== "number") return { kind: "notification", method, params };
  const version = memberOf(memberOf(params, "_meta"), VERSION);
  return { kind: "request", id, method, params, version: typeof version === "string" ? version : undefined };
}

export function memberOf(value: unknown, key: string): unknown {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
