/**
 * What is known of a request before its body: whether its Host and Origin are ours (DNS rebinding and pages of other origins, on loopback
 * too), and whether method, media types and encoding are those of Streamable HTTP. No CORS header is ever sent: pages cannot call.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { HttpRefusal } from "./answer-error.ts";
import { namedMethod, namesStateless, refusedSessionVersion } from "./classify-request.ts";

export interface AllowedNames {
  /** Host names without ports; IPv6 in brackets. */
  readonly hosts: readonly string[];
  /** Host names whose pages may send an Origin. Default: those of `hosts`. */
  readonly origins?: readonly string[] | undefined;
}

export const LOOPBACK_NAMES: readonly string[] = Object.freeze(["localhost", "127.0.0.1", "[::1]"]);

export function refusedNames({ host, origin }: IncomingHttpHeaders, { hosts, origins = hosts }: AllowedNames): HttpRefusal | undefined {
  const name = HOST.exec(host ?? "")?.groups?.["name"] ?? "";
  if (!hosts.includes(name.toLowerCase())) return { status: 403, reason: "the Host header names no host that this gateway answers for" };
  if (origin !== undefined && origin !== "" && !origins.includes(URL.parse(origin)?.hostname ?? "")) return { status: 403, reason: "the Origin header names a foreign origin" };
  return undefined;
}

const HOST = /^(?<name>\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\\[\]]+)(?::\d+)?$/;

const NOT_ALLOWED: HttpRefusal = Object.freeze({ status: 405, reason: "the method is not allowed", headers: { allow: "GET, POST, DELETE" } });

/** Why a request cannot be served whatever its body says. */
export function refusedHead({ method, headers }: IncomingMessage): HttpRefusal | undefined {
  const version = typeof headers["mcp-protocol-version"] === "string" ? headers["mcp-protocol-version"] : undefined;
  if (method === "POST") return refusedPost(headers, version);
  if (method !== "GET" && method !== "DELETE") return NOT_ALLOWED;
  if (namesStateless(version)) return NOT_ALLOWED; // streams and sessions belong to the older protocol
  if (method === "GET" && !accepts(headers, EVENTS)) return { status: 406, reason: "Accept must have text/event-stream" };
  const refused = namedMethod(headers, "there is none") ?? refusedSessionVersion(version);
  return refused === undefined ? undefined : { status: 400, ...refused };
}

const JSON_TYPE = "application/json";
const EVENTS = "text/event-stream";

function refusedPost(headers: IncomingHttpHeaders, version: string | undefined): HttpRefusal | undefined {
  const both = accepts(headers, JSON_TYPE) && accepts(headers, EVENTS);
  if (!both && !namesStateless(version)) return { status: 406, reason: "Accept must have both application/json and text/event-stream" };
  if (!isJson(headers["content-type"])) return { status: 415, reason: "Content-Type must be application/json, in UTF-8" };
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity") return { status: 415, reason: "an encoded body", headers: { "accept-encoding": "identity" } };
  return undefined;
}

export function accepts({ accept }: IncomingHttpHeaders, type: string): boolean {
  return accept?.includes(type) === true;
}

/** One media type, and no charset under which another reader would find another text. */
function isJson(type: string | undefined): boolean {
  if (type === JSON_TYPE) return true;
  const [essence = "", ...parameters] = (type ?? "").toLowerCase().split(";");
  return essence.trim() === JSON_TYPE && parameters.every((parameter) => !parameter.trim().startsWith("charset") || /^charset=(?:"utf-?8"|utf-?8)$/.test(parameter.trim()));
}
