import type { JsonValue } from "./json.ts";

/**
 * RFC 8785 (JCS) text of a JSON value: keys by UTF-16 code unit, numbers and strings as ECMAScript writes them, no white space.
 * The value must have passed the strict parse: no lone surrogates, no NaN, no infinities.
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value).toSorted();
  // Own keys of the very object, so the lookup never misses.
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as JsonValue)}`).join(",")}}`;
}

/** Array.isArray that also narrows readonly arrays. */
export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
