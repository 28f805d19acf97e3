/** Where two values differ, by JSON Pointer: names and places, never values. Browser-safe. */
import { canonicalJson, isArray } from "./canonical-json.ts";
import type { JsonValue } from "./json.ts";

/** Those of the first `most` places, in order; what is only in one of the two is one place, whatever it holds. */
export function changedPointers(before: JsonValue, after: JsonValue, most = 200): readonly string[] {
  const found: string[] = [];
  compare(before, after, "", found, most);
  return found;
}

function compare(before: JsonValue | undefined, after: JsonValue | undefined, pointer: string, found: string[], most: number): void {
  if (found.length >= most) return;
  if (isContainer(before) && isContainer(after) && isArray(before) === isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(memberOf(before, key), memberOf(after, key), `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, found, most);
    }
  } else if (before === undefined || after === undefined || canonicalJson(before) !== canonicalJson(after)) found.push(pointer);
}

type Container = Extract<JsonValue, object>;

function isContainer(value: JsonValue | undefined): value is Container {
  return typeof value === "object" && value !== null;
}

/** Own members alone. */
function memberOf(value: Container, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? (value as { readonly [key: string]: JsonValue })[key] : undefined; // lists have theirs by index
}
