/**
 * `Mcp-Param-*` headers (MCP 2026-07-28, SEP-2243): v2's `callTool` mirrors arguments that a tool declares into headers before it calls
 * `request`, so from what the caller gave. They are written anew here from what is sent: an argument that was redacted or that an
 * approver changed must not leave beside it as it was.
 */
import type { Call } from "../call/call.ts";
import { isArray } from "../call/canonical-json.ts";
import type { JsonValue } from "../call/json.ts";
import { snapshotJson } from "../call/snapshot.ts";

export type Headers = { readonly [name: string]: unknown };

/** A copy of a client's `headers` option, so that nobody can change it while a person thinks. */
export function copyHeaders(given: unknown): Headers | undefined {
  if (given === null || typeof given !== "object") return undefined;
  // Pairs, as `Headers` and lists of them give.
  return Symbol.iterator in given ? Object.fromEntries(given as Iterable<[string, unknown]>) : { ...given };
}

/** `schema`: the tool's, where it is known. Headers that mirror nothing it declares are left out. */
export function mirrored(headers: Headers, call: Call, schema: unknown): Headers {
  const others = Object.entries(headers).filter(([name]) => !MIRROR.test(name));
  if (others.length === Object.keys(headers).length) return headers;
  const read = snapshotJson(schema);
  const mirrors = read.ok ? mirrorsOf(read.value, call.arguments) : [];
  return Object.fromEntries([...others, ...mirrors]);
}

const MIRROR = /^mcp-param-/i;

/** Declarations stand under `properties`, at any depth. A value that is no primitive is in no header. */
function mirrorsOf(schema: JsonValue | undefined, value: JsonValue | undefined): (readonly [string, string])[] {
  const declared = member(schema, "x-mcp-header");
  const text = textOf(value);
  const own = text === undefined || typeof declared !== "string" ? [] : [[`Mcp-Param-${declared}`, encoded(text)] as const];
  const properties = member(schema, "properties");
  const names = isMap(properties) ? Object.keys(properties) : [];
  return [...own, ...names.flatMap((name) => mirrorsOf(member(properties, name), member(value, name)))];
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" || typeof value === "boolean" || typeof value === "number" ? String(value) : undefined;
}

/** What is no plain field value goes as Base64 of its UTF-8, in the words of the specification. */
function encoded(text: string): string {
  const isPlain = /^[\t\x20-\x7e]+$/.test(text) && text === text.trim() && !(text.startsWith("=?base64?") && text.endsWith("?="));
  return isPlain ? text : `=?base64?${Buffer.from(text, "utf8").toString("base64")}?=`;
}

function isMap(value: JsonValue | undefined): value is Exclude<JsonValue & object, readonly JsonValue[]> {
  return typeof value === "object" && value !== null && !isArray(value);
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
