/**
 * Whether the headers that repeat arguments of a call say what its body says. Before a server that has no headers of its own nobody else
 * looks, and whoever stands before us may have gone by them. Which arguments they repeat, the tool's definition says.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { JsonValue } from "@countersign/sdk/call";
import { memberOf } from "../message/members.ts";
import { marksIn, textOf, type Mark } from "../upstream/remote/mirrored-headers.ts";
import type { HttpRefusal } from "./answer-error.ts";
import { decodeHeaderValue } from "./classify-request.ts";

const HEADER_MISMATCH = -32_020;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;

export function refusedParams(headers: IncomingHttpHeaders, params: JsonValue | undefined, inputSchema: unknown): HttpRefusal | undefined {
  for (const mark of marksIn(inputSchema)) {
    const said = headers[`mcp-param-${mark.header.toLowerCase()}`];
    const why = differs(mark, typeof said === "string" ? said : said?.join(", "), memberOf(params, "arguments"));
    if (why !== undefined) return { status: 400, code: HEADER_MISMATCH, reason: `headers and body disagree: Mcp-Param-${mark.header} ${why}`, data: { mismatch: { header: `Mcp-Param-${mark.header}`, body: `arguments.${mark.path.join(".")}` } } };
  }
  return undefined;
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
