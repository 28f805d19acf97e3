/**
 * Whether the headers that repeat arguments of a call say what its body says. Before a server that has no headers of its own nobody else
 * looks, and whoever stands before us may have gone by them. Which arguments they repeat, the tool's definition says.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { JsonValue } from "@countersign/sdk/call";
import { memberOf } from "../message/members.ts";
import { encoded, marksIn, textOf, type Mark } from "../upstream/remote/mirrored-headers.ts";
import type { HttpRefusal } from "./answer-error.ts";
import { decodeHeaderValue } from "./classify-request.ts";

const HEADER_MISMATCH = -32_020;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;

export function refusedParams(headers: IncomingHttpHeaders, params: JsonValue | undefined, inputSchema: unknown): HttpRefusal | undefined {
  for (const mark of marksOf(inputSchema)) {
    const said = headers[`mcp-param-${mark.header.toLowerCase()}`];
    const why = differs(mark, typeof said === "string" ? said : said?.join(", "), memberOf(params, "arguments"));
    if (why !== undefined) return { status: 400, code: HEADER_MISMATCH, reason: `headers and body disagree: Mcp-Param-${mark.header} ${why}`, data: { mismatch: { header: `Mcp-Param-${mark.header}`, body: `arguments.${mark.path.join(".")}` } } };
  }
  return undefined;
}

/** `headers` as they belong to these arguments, which an approver or an inspection may have changed since the client wrote them. */
export function headersOfParams(headers: OutgoingHttpHeaders, args: JsonValue, inputSchema: unknown): OutgoingHttpHeaders {
  const own = { ...headers };
  for (const { path, header } of marksOf(inputSchema)) {
    const name = `mcp-param-${header.toLowerCase()}`;
    const value = path.reduce<JsonValue | undefined>(memberOf, args);
    const text = textOf(value);
    delete own[name];
    if (text !== undefined) own[name] = encoded(text);
  }
  return own;
}

/** Definitions are asked about with every call. */
const known = new WeakMap<object, readonly Mark[]>();

function marksOf(inputSchema: unknown): readonly Mark[] {
  if (inputSchema === null || typeof inputSchema !== "object") return [];
  let marks = known.get(inputSchema);
  if (marks === undefined) known.set(inputSchema, (marks = marksIn(inputSchema)));
  return marks;
}

function differs({ path }: Mark, said: string | undefined, args: JsonValue | undefined): string | undefined {
  const value = path.reduce<JsonValue | undefined>(memberOf, args);
  const text = textOf(value);
  if (text === undefined) return undefined;
  if (said === undefined) return "is missing";
  const decoded = decodeHeaderValue(said);
  if (decoded === undefined) return "is encoded wrongly";
  const same = typeof value === "number" && DECIMAL.test(decoded) ? Number(decoded) === value : decoded === text;
  return same ? undefined : "says something else";
}
