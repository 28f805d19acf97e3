/** Members of messages that the gateway looks at, in both protocol eras. */
import { parseJson, type JsonObject, type JsonValue } from "@countersign/sdk/call";

/** Beside name, arguments and `_meta`: what params of a tools/call may hold in a session, and without one. */
export const LEGACY_KEYS = ["task"] as const;
export const MODERN_KEYS = ["inputResponses", "requestState"] as const;
/** What each request of the protocol without sessions says of its client stands in `_meta` under keys that begin so. */
export const ENVELOPE = "io.modelcontextprotocol/";
export const VERSION = `${ENVELOPE}protocolVersion`;
export const CAPABILITIES = `${ENVELOPE}clientCapabilities`;

export function metaOf(params: JsonValue | undefined): JsonObject | undefined {
  const meta = memberOf(params, "_meta");
  return isObject(meta) ? meta : undefined;
}

export function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined; // an own member of JSON
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The result in a message of the upstream. Definitions are compared by their keys, so they are read as keys deserve. */
export function resultIn(message: Buffer): unknown {
  return memberOf(parseJson(message.toString("utf8")), "result");
}
