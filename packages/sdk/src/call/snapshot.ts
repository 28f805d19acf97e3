/**
 * The snapshot: one walk over an object that somebody else holds, which copies it into plain JSON data or refuses it.
 * Everything later (policy, people, digest, bytes on the wire) sees only the copy, so a caller that changes its object while
 * a person thinks changes nothing. Each member is read exactly once: a getter or Proxy cannot show two faces.
 * Refused is what JSON parsers disagree about (GUARANTEES R4; RFC 8259 §4, §6, §8.2; RFC 7493).
 */
import { types } from "node:util";
import { canonicalJson, isArray } from "./canonical-json.ts";
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

/**
 * Copies `live` with its keys in canonical order. `undefined` members are dropped and `toJSON` is honoured, as JSON.stringify
 * does; functions, symbols, bigints and NaN are refused, where JSON.stringify would drop or replace them. Never throws.
 */
export function snapshotJson(live: unknown, options: SnapshotOptions = {}): Snapshot {
  const { depth = 1, maxBytes = DEFAULT_MAX_BYTES, at = "" } = options;
  const walk: Walk = { path: [], budget: maxBytes, indexKeys: false, refusal: undefined };
  try {
    const value = copy(live, "", depth, walk);
    if (value === undefined) return no(at, [], "not a JSON value");
    // A toJSON that somebody put on the built-in prototypes would be asked a second time by JSON.stringify.
    const text = walk.indexKeys || "toJSON" in Array.prototype ? canonicalJson(value) : JSON.stringify(value);
    // JSON.stringify spells lone surrogates \ud…; the same characters may also be a backslash that was escaped.
    const lone = text.includes("\\ud") ? loneSurrogate(value, [""]) : undefined;
    if (lone !== undefined) return no(at, lone, "a lone surrogate");
    if (isLonger(text, maxBytes)) return no(at, [], TOO_LARGE);
    return { ok: true, value, text };
  } catch (cause) {
    // What a getter threw is not looked at: even its class may be a trap.
    return walk.refusal === undefined ? { ...no(at, walk.path, "could not be read"), cause } : no(at, walk.path, walk.refusal);
  }
}

/** snapshotJson for what must be an object. */
export function snapshotObject(live: unknown, options: SnapshotOptions = {}): Snapshot<JsonObject> {
  const result = snapshotJson(live, options);
  if (!result.ok) return result;
  const { value, text } = result;
  if (value === null || typeof value !== "object" || isArray(value)) return no(options.at ?? "", [], "must be an object");
  return { ok: true, value, text };
}

/** True where a text takes more bytes than that in UTF-8. */
export function isLonger(text: string, maxBytes: number): boolean {
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

/** Keys and indexes from the outermost value, which stands first under any name, to a place inside it. */
type Path = readonly (string | number)[];

interface Walk {
  /** The container the walk is in; after a refusal, the place that was refused. */
  readonly path: (string | number)[];
  /** Characters left before the text is certainly over its limit; also ends walks over cycles and graphs that share nodes. */
  budget: number;
  /** Set where a key looks like an array index: engines enumerate such keys first, so JSON.stringify is not canonical. */
  indexKeys: boolean;
  /** What is wrong at `path`. Set once, and the walk is over. */
  refusal: string | undefined;
}

const TOO_LARGE = "larger than the limit for one call";

function copy(value: unknown, key: string | number, depth: number, walk: Walk): JsonValue | undefined {
  switch (typeof value) {
    case "string":
      spend(walk, value.length + 2);
      return value;
    case "number":
      spend(walk, 1);
      return copyNumber(value, key, walk);
    case "boolean":
      spend(walk, 4);
      return value;
    case "object":
      return value === null ? null : copyObject(value, key, depth, walk);
    case "undefined":
      return undefined;
    case "bigint":
    case "function":
    case "symbol":
      return refuse(walk, key, `a ${typeof value}, which is not JSON`);
  }
}

function copyNumber(value: number, key: string | number, walk: Walk): number {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value; // -0 is sent as 0
  if (!Number.isFinite(value)) return refuse(walk, key, "NaN or an infinity, which is not JSON");
  // Below 1e21 ECMAScript spells integers in full, and readers with 64-bit or double integers read them differently.
  if (Number.isInteger(value) && Math.abs(value) < 1e21) {
    return refuse(walk, key, "an integer beyond ±(2^53-1); send it as a string");
  }
  return value;
}

function copyObject(value: object, key: string | number, depth: number, walk: Walk): JsonValue | undefined {
  if (depth > MAX_DEPTH) return refuse(walk, key, `nested deeper than ${MAX_DEPTH}`);
  // Any object may have a member of that name; what it is, is looked at below.
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function") {
    const plain: unknown = Reflect.apply(toJSON, value, [String(key)]);
    if (plain === null || typeof plain !== "object") return copy(plain, key, depth, walk);
    return copyMembers(plain, key, depth, walk);
  }
  return copyMembers(value, key, depth, walk);
}

function copyMembers(value: object, key: string | number, depth: number, walk: Walk): JsonValue | undefined {
  const isList = Array.isArray(value);
  if (!isList && Object.getPrototypeOf(value) !== Object.prototype && types.isBoxedPrimitive(value)) {
    return copy(unbox(value), key, depth, walk);
  }
  walk.path.push(key);
  const result = isList ? copyArray(value, depth, walk) : copyRecord(value, depth, walk);
  walk.path.pop();
  return result;
}

function copyArray(value: readonly unknown[], depth: number, walk: Walk): JsonValue[] {
  const { length } = value;
  // A Proxy says what it likes; NaN would void the budget.
  if (!Number.isSafeInteger(length) || length < 0) return refuse(walk, undefined, "a list without a length");
  spend(walk, length + 1);
  const out: JsonValue[] = [];
  for (let index = 0; index < length; index++) out.push(copy(value[index], index, depth + 1, walk) ?? null);
  return out;
}

function copyRecord(value: object, depth: number, walk: Walk): JsonObject {
  const keys = Object.keys(value);
  spend(walk, keys.length * 4 + 1);
  sortKeys(keys);
  // Own keys of this very object; what stands behind them is not known yet.
  const members = value as { readonly [key: string]: unknown };
  const out: Record<string, JsonValue> = {};
  for (const key of keys) {
    const first = key.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) walk.indexKeys = true;
    if (key === "__proto__") refuse(walk, key, "the key __proto__");
    spend(walk, key.length);
    const member = copy(members[key], key, depth + 1, walk);
    if (member !== undefined) out[key] = member;
  }
  return out;
}

/** Up to here insertion is faster than Array.prototype.sort; most objects have fewer keys, and many have them in order. */
const FEW_KEYS = 24;

function sortKeys(keys: string[]): void {
  if (keys.length > FEW_KEYS) keys.sort();
  else for (let index = 1; index < keys.length; index++) insertKey(keys, index);
}

/** Moves the key at `index` to its place among the sorted ones before it. All indexes below are inside the list. */
function insertKey(keys: string[], index: number): void {
  const key = keys[index] as string;
  let at = index;
  for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
  if (at !== index) keys[at] = key;
}

/** The primitive in a `new String("…")` and its kin, whatever its own valueOf says. */
function unbox(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return Symbol.prototype.valueOf.call(value);
}

function spend(walk: Walk, characters: number): void {
  walk.budget -= characters;
  if (walk.budget < 0) refuse(walk, undefined, TOO_LARGE);
}

/** Ends the walk because of a member of the container it is in, or of the container itself. */
function refuse(walk: Walk, key: string | number | undefined, what: string): never {
  if (key !== undefined) walk.path.push(key);
  walk.refusal = what;
  throw new Error(what);
}

/** Where a value or a key has one, or undefined. */
function loneSurrogate(value: JsonValue, path: Path): Path | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : path;
  if (value === null || typeof value !== "object") return undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = key.isWellFormed() ? loneSurrogate(member, [...path, key]) : [...path, key];
    if (found !== undefined) return found;
  }
  return undefined;
}

function no(at: string, path: Path, what: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason: `${pointer(at, path)}: ${what}` };
}

/** JSON Pointer (RFC 6901) of a place; keys are cut and cleaned, since reasons reach logs and terminals. */
function pointer(at: string, path: Path): string {
  const segments = path.slice(1).map((segment) => String(segment).slice(0, 200).replaceAll("~", "~0").replaceAll("/", "~1"));
  const clean = [at, ...segments].join("/").replaceAll(/[^\x21-\x7e]/gu, "?");
  return clean === "" ? "params" : clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}
