/**
 * Headers that say what the body says, as the protocol of 2026-07-28 wants them over Streamable HTTP: method, name, and the arguments that
 * a tool's schema marks with `x-mcp-header`. A server refuses what differs, so they are made from the very message that is sent.
 */
import { memberOf, type Outgoing } from "./outgoing.ts";

const NAMED_BY: Readonly<Record<string, string>> = { "tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId" };
const MARK = "x-mcp-header";
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: readonly unknown[] = ["string", "integer", "boolean"];
/** Where a mark is allowed, only `properties` lead. A mark under one of these makes the definition invalid. */
const ELSEWHERE = ["items", "prefixItems", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "propertyNames", "oneOf", "anyOf", "allOf", "not", "if", "then", "else"];
const ELSEWHERE_BY_NAME = ["patternProperties", "dependentSchemas", "$defs", "definitions"];
const MAX_DEPTH = 64;

/** An argument, by its path, and the header that repeats it: `Mcp-Param-` and this. */
export interface Mark {
  readonly path: readonly string[];
  readonly header: string;
}

export class MirroredHeaders {
  /** By tool; only those that have any. */
  readonly #marks = new Map<string, readonly Mark[]>();
  /** Tools whose marks are wrong: whoever speaks HTTP to their server must not call them. */
  readonly #invalid = new Set<string>();

  /** From an answer to `tools/list`. */
  learn(line: Buffer): void {
    if (this.#marks.size === 0 && this.#invalid.size === 0 && !line.includes(MARK)) return;
    let tools: unknown;
    try {
      tools = memberOf(memberOf(JSON.parse(line.toString("utf8")), "result"), "tools");
    } catch {
      return;
    }
    for (const tool of Array.isArray(tools) ? (tools as readonly unknown[]) : []) {
      const name = memberOf(tool, "name");
      if (typeof name !== "string") continue;
      const marks = readMarks(memberOf(tool, "inputSchema"));
      if (marks === undefined) this.#invalid.add(name);
      else this.#invalid.delete(name);
      if (marks !== undefined && marks.length > 0) this.#marks.set(name, marks);
      else this.#marks.delete(name);
    }
  }

  /** Why a request of the protocol without sessions must not be sent; undefined where it may. */
  whyNot({ method, params }: Pick<Extract<Outgoing, { kind: "request" }>, "method" | "params">): string | undefined {
    const name = method === "tools/call" ? memberOf(params, "name") : undefined;
    if (typeof name !== "string" || !this.#invalid.has(name)) return undefined;
    return "The tool's definition marks arguments for headers (x-mcp-header) in a way that MCP does not allow, so it is not called over HTTP. The call was not sent. Whoever runs the server has to mend the definition.";
  }

  /** Of a request of the protocol without sessions. */
  of({ method, params, version }: Extract<Outgoing, { kind: "request" }> & { readonly version: string }): Record<string, string> {
    const headers: Record<string, string> = { "mcp-protocol-version": version, "mcp-method": method };
    const by = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined;
    const name = by === undefined ? undefined : memberOf(params, by);
    if (typeof name === "string") headers["mcp-name"] = encoded(name);
    if (method !== "tools/call" || typeof name !== "string") return headers;
    for (const { path, header } of this.#marks.get(name) ?? []) {
      const value = textOf(path.reduce<unknown>(memberOf, memberOf(params, "arguments")));
      if (value !== undefined) headers[`mcp-param-${header}`] = encoded(value);
    }
    return headers;
  }
}

/** Of an input schema. None where any is wrong: such a definition has none that counts. */
export function marksIn(schema: unknown): readonly Mark[] {
  return readMarks(schema) ?? [];
}

/** Undefined where any is wrong. */
function readMarks(schema: unknown): readonly Mark[] | undefined {
  const marks: Mark[] = [];
  return collect(schema, [], true, marks) && new Set(marks.map(({ header }) => header.toLowerCase())).size === marks.length ? marks : undefined;
}

/** False where the definition is invalid. */
function collect(schema: unknown, path: readonly string[], reachable: boolean, marks: Mark[], depth = 0): boolean {
  if (schema === null || typeof schema !== "object") return true;
  if (depth > MAX_DEPTH) return false;
  if (Object.hasOwn(schema, MARK)) {
    const header = memberOf(schema, MARK);
    if (!reachable || path.length === 0 || typeof header !== "string" || !TOKEN.test(header) || !TYPES.includes(memberOf(schema, "type"))) return false;
    marks.push({ path, header });
  }
  const below = (value: unknown, at: readonly string[], stays: boolean): boolean => collect(value, at, stays, marks, depth + 1);
  const values = (value: unknown): readonly unknown[] => (value !== null && typeof value === "object" ? Object.values(value) : []);
  const properties = memberOf(schema, "properties");
  const inside = properties !== null && typeof properties === "object" ? Object.entries(properties) : [];
  return (
    inside.every(([key, value]) => below(value, [...path, key], reachable)) &&
    ELSEWHERE.every((key) => [memberOf(schema, key)].flat().every((value) => below(value, path, false))) &&
    ELSEWHERE_BY_NAME.every((key) => values(memberOf(schema, key)).every((value) => below(value, path, false)))
  );
}

/** An argument as a header says it. Undefined: there is no header for it. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" && Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? String(value) : undefined;
}

/** What no header can carry as it is goes in Base64, marked as such; what looks marked, too. */
export function encoded(value: string): string {
  const isPlain = /^[\u0021-\u007e](?:[\t\u0020-\u007e]*[\u0021-\u007e])?$/.test(value) && !(value.startsWith("=?base64?") && value.endsWith("?="));
  return isPlain ? value : `=?base64?${Buffer.from(value, "utf8").toString("base64")}?=`;
}
