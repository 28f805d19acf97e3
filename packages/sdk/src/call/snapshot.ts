/**
 * The snapshot: one walk over an object that somebody else holds, which copies it into plain JSON data or refuses it.
 * Everything later (policy, people, digest, bytes on the wire) sees only the copy, so a caller that changes its object while
 * a person thinks changes nothing. Each property is read exactly once: a getter or Proxy cannot show two faces.
 * Refused is what JSON parsers disagree about (GUARANTEES R4; RFC 8259 §4, §6, §8.2; RFC 7493).
 */
import { canonicalJson } from "./canonical-json.ts";
import type { JsonObject, JsonValue } from "./json.ts";

export const MAX_DEPTH = 64;
export const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;

export type Snapshot<T extends JsonValue = JsonValue> =
  | { readonly ok: true; readonly value: T; /** RFC 8785 text of `value`. */ readonly text: string }
  | { readonly ok: false; readonly reason: string; readonly cause?: unknown };

export interface SnapshotOptions {
  /** Depth of the outermost container; 1 is the params object. Default 1. */
  readonly depth?: number;
  /** Upper bound of the canonical text in UTF-8 bytes. Default 4 MiB. */
  readonly maxBytes?: number;
  /** JSON Pointer of the outermost value, for reasons. Default "". */
  readonly at?: string;
}

/** Copies `live` with its keys in canonical order. `undefined` members are dropped and `toJSON` is honoured, as JSON.stringify does. */
export function snapshotJson(live: unknown, options: SnapshotOptions = {}): Snapshot {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const walk: Walk = { path: [options.at ?? ""], budget: maxBytes, indexKeys: false };
  try {
    const value = copy(live, "", options.depth ?? 1, walk);
    if (value === undefined) return { ok: false, reason: `${pointer(walk.path)}: not a JSON value` };
    const text = walk.indexKeys ? canonicalJson(value) : JSON.stringify(value);
    if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) return { ok: false, reason: tooLarge(maxBytes) };
    return { ok: true, value, text };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, reason: error.message };
    return { ok: false, reason: `${pointer(walk.path)}: could not be read (${nameOf(error)})`, cause: error };
  }
}

/** snapshotJson for what must be an object. */
export function snapshotObject(live: unknown, options: SnapshotOptions = {}): Snapshot<JsonObject> {
  const result = snapshotJson(live, options);
  if (!result.ok) return result;
  const { value } = result;
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return { ok: false, reason: `${options.at ?? ""}: must be an object` };
  }
  // The three tests above leave only objects; TypeScript cannot narrow readonly arrays by Array.isArray.
  return { ok: true, value: value as JsonObject, text: result.text };
}

interface Walk {
  readonly path: string[];
  /** Characters left before the value is certainly over its limit; also ends walks over graphs that share nodes. */
  budget: number;
  /** Set where a key looks like an array index: engines enumerate such keys first, so JSON.stringify is not canonical. */
  indexKeys: boolean;
}

class Refused extends Error {}

function copy(value: unknown, key: string, depth: number, walk: Walk): JsonValue | undefined {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) refuse(walk, key, "a lone surrogate");
      spend(walk, value.length + 2);
      return value;
    case "number":
      spend(walk, 1);
      return copyNumber(value, key, walk);
    case "boolean":
      spend(walk, 4);
      return value;
    case "object":
      spend(walk, 2);
      return value === null ? null : copyObject(value, key, depth, walk);
    case "undefined":
      return undefined;
    case "bigint":
    case "function":
    case "symbol":
      return refuse(walk, key, `a ${typeof value}, which is not JSON`);
  }
}

function copyNumber(value: number, key: string, walk: Walk): number {
  if (!Number.isFinite(value)) return refuse(walk, key, "NaN or an infinity, which is not JSON");
  // Below 1e21 ECMAScript spells integers in full, and readers with 64-bit or double integers read them differently.
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21) {
    return refuse(walk, key, "an integer beyond ±(2^53-1); send it as a string");
  }
  return value === 0 ? 0 : value; // -0 is sent as 0
}

function copyObject(value: object, key: string, depth: number, walk: Walk): JsonValue | undefined {
  if (depth > MAX_DEPTH) return refuse(walk, key, `nested deeper than ${MAX_DEPTH}`);
  const toJson: unknown = Reflect.get(value, "toJSON");
  if (typeof toJson === "function") {
    const plain: unknown = Reflect.apply(toJson, value, [key]);
    if (plain === null || typeof plain !== "object") return copy(plain, key, depth, walk);
    return copyMembers(plain, key, depth, walk);
  }
  return copyMembers(value, key, depth, walk);
}

function copyMembers(value: object, key: string, depth: number, walk: Walk): JsonValue | undefined {
  if (value instanceof String || value instanceof Number || value instanceof Boolean) return copy(value.valueOf(), key, depth, walk);
  walk.path.push(key);
  const result = Array.isArray(value) ? copyArray(value, depth, walk) : copyRecord(value, depth, walk);
  walk.path.pop();
  return result;
}

function copyArray(value: readonly unknown[], depth: number, walk: Walk): JsonValue[] {
  const { length } = value;
  spend(walk, length * 2);
  const out: JsonValue[] = [];
  for (let index = 0; index < length; index++) out.push(copy(value[index], String(index), depth + 1, walk) ?? null);
  return out;
}

function copyRecord(value: object, depth: number, walk: Walk): JsonObject {
  const keys = Object.keys(value);
  for (let index = 1; index < keys.length; index++) {
    // Both indexes are inside the array.
    if ((keys[index - 1] as string) > (keys[index] as string)) {
      keys.sort();
      break;
    }
  }
  const out: Record<string, JsonValue> = {};
  for (const key of keys) {
    const first = key.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) walk.indexKeys = true;
    if (key === "__proto__") refuse(walk, key, "the key __proto__");
    if (!key.isWellFormed()) refuse(walk, "", "a key with a lone surrogate");
    spend(walk, key.length + 4);
    const member = copy(Reflect.get(value, key), key, depth + 1, walk);
    if (member !== undefined) out[key] = member;
  }
  return out;
}

function spend(walk: Walk, characters: number): void {
  walk.budget -= characters;
  if (walk.budget < 0) throw new Refused("larger than the limit for one call");
}

function refuse(walk: Walk, key: string, what: string): never {
  throw new Refused(`${pointer([...walk.path, key])}: ${what}`);
}

function tooLarge(maxBytes: number): string {
  return `larger than the limit of ${maxBytes} bytes for one call`;
}

/** JSON Pointer (RFC 6901) of a place; keys are cut and cleaned, since reasons reach logs and terminals. */
function pointer(path: readonly string[]): string {
  const segments = path.slice(1).filter((segment, index) => index > 0 || segment !== "");
  const text = [path[0] ?? "", ...segments.map((segment) => segment.replaceAll("~", "~0").replaceAll("/", "~1"))].join("/");
  const clean = text.replaceAll(/[^\x21-\x7e]/gu, "?");
  return clean === "" ? "params" : clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
