/** Members of JSON that came from outside: own ones alone, where there is an object at all. */
import { parseJson, type JsonObject, type JsonValue } from "@countersign/sdk/call";

export function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined; // an own member of JSON
}

/** `_meta` of a message's params, where it is an object. */
export function metaOf(params: JsonValue | undefined): JsonObject | undefined {
  const meta = memberOf(params, "_meta");
  return meta !== null && typeof meta === "object" && !Array.isArray(meta) ? (meta as JsonObject) : undefined; // no list, no null
}

/** The result of a response, for what is compared by its keys: they are read as keys deserve. */
export function resultIn(line: Buffer): unknown {
  return memberOf(parseJson(line.toString("utf8")), "result");
}
