/**
 * Which era a POST belongs to, and whether its headers say what its body says. The rules are those of `classifyInboundRequest` and
 * `validateStandardRequestHeaders` of the official server package, which the test compares with: the body decides, headers are held
 * against it. Where ours differ they are stricter: a header that is there must be true in a session too, and versions must be known.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { CAPABILITIES, ENVELOPE, isObject, memberOf, metaOf, VERSION } from "../message/members.ts";
import { INVALID_REQUEST, type ClientMessage } from "../message/read-client-message.ts";

export type RequestClass =
  | { readonly kind: "served"; /** Of the protocol without sessions. */ readonly stateless: boolean }
  /** Answered with HTTP status 400. */
  | { readonly kind: "refused"; readonly code: number; readonly reason: string; readonly data?: JsonObject };

/** Of the protocol without sessions. */
const STATELESS_VERSIONS: readonly string[] = ["2026-07-28"];
const SESSION_VERSIONS: readonly string[] = ["2024-10-07", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const FIRST_STATELESS = "2026-07-28";

const HEADER_MISMATCH = -32_020;
const UNSUPPORTED_VERSION = -32_022;
const INVALID_PARAMS = -32_602;
const BAD_REQUEST = -32_000;

/** What `Mcp-Name` repeats, by method. */
const NAMED_BY = new Map([["tools/call", "name"], ["prompts/get", "name"], ["resources/read", "uri"], ["tasks/get", "taskId"], ["tasks/update", "taskId"], ["tasks/cancel", "taskId"]]);

type Message = Exclude<ClientMessage, { readonly kind: "refused" }>;

export function namesStateless(version: string | undefined): boolean {
  return version !== undefined && version >= FIRST_STATELESS;
}

/** Why the version that a request of a session names cannot be served. */
export function refusedSessionVersion(version: string | undefined): Extract<RequestClass, { kind: "refused" }> | undefined {
  if (version === undefined || SESSION_VERSIONS.includes(version)) return undefined;
  return refused(BAD_REQUEST, `the protocol version in MCP-Protocol-Version is not known; known are ${SESSION_VERSIONS.join(", ")}`);
}

export function classifyRequest(headers: IncomingHttpHeaders, message: Message): RequestClass {
  const version = headerOf(headers, "mcp-protocol-version");
  if (message.kind === "response") return namedMethod(headers, "the body is a response") ?? (namesStateless(version) ? SESSION : (refusedSessionVersion(version) ?? SESSION));
  const method = message.kind === "call" ? "tools/call" : message.method;
  const meta = metaOf(message.params);
  if (meta === undefined && memberOf(message.params, "_meta") !== undefined) return refused(INVALID_REQUEST, "params._meta must be an object");
  const claims = meta !== undefined && Object.hasOwn(meta, VERSION);
  if (message.kind === "request" && method === "initialize" && !isWellFormedClaim(meta)) {
    if (namesStateless(version)) return mismatch("MCP-Protocol-Version", version, "initialize belongs to the protocol with sessions");
    return methodMismatch(headers, method) ?? SESSION;
  }
  if (!claims && !namesStateless(version)) {
    return refusedSessionVersion(version) ?? methodMismatch(headers, method) ?? nameMismatch(headers, method, message.params, false) ?? SESSION;
  }
  if (message.kind === "notification") return classifyNotification(headers, method, meta, version);
  if (!claims) return missingEnvelope(meta, version);
  const issue = envelopeIssue(meta);
  if (issue !== undefined) return refused(INVALID_PARAMS, `the _meta envelope: ${issue.key}: ${issue.problem}`, { envelope: { key: issue.key, problem: issue.problem } });
  const claimed = typeof meta[VERSION] === "string" ? meta[VERSION] : "";
  return (
    versionMismatch(version, claimed) ??
    methodMismatch(headers, method) ??
    unsupported(claimed) ??
    (version === undefined ? mismatch("MCP-Protocol-Version", undefined, `the body names ${short(claimed)}`) : undefined) ??
    (headerOf(headers, "mcp-method") === undefined ? mismatch("Mcp-Method", undefined, "it is required") : undefined) ??
    nameMismatch(headers, method, message.params, true) ??
    STATELESS
  );
}

/** A request without a method that its header names one for. */
export function namedMethod(headers: IncomingHttpHeaders, body: string): Extract<RequestClass, { kind: "refused" }> | undefined {
  const method = headerOf(headers, "mcp-method");
  return method === undefined ? undefined : mismatch("Mcp-Method", method, body);
}

const SESSION: RequestClass = Object.freeze({ kind: "served", stateless: false });
const STATELESS: RequestClass = Object.freeze({ kind: "served", stateless: true });

/** Clients of the protocol without sessions need send no envelope with a notification: the header decides then. */
function classifyNotification(headers: IncomingHttpHeaders, method: string, meta: JsonObject | undefined, version: string | undefined): RequestClass {
  const claimed = meta?.[VERSION];
  if (claimed !== undefined && typeof claimed !== "string") return refused(INVALID_PARAMS, `the _meta envelope: ${VERSION}: not a string`, { envelope: { key: VERSION, problem: "not a string" } });
  const meant = claimed ?? version ?? "";
  return versionMismatch(version, claimed) ?? (namesStateless(meant) ? methodMismatch(headers, method) : undefined) ?? unsupported(meant) ?? STATELESS;
}

function missingEnvelope(meta: JsonObject | undefined, version: string | undefined): RequestClass {
  const missing = meta === undefined ? ["_meta"] : [VERSION, CAPABILITIES].filter((key) => !Object.hasOwn(meta, key));
  return refused(INVALID_PARAMS, `MCP-Protocol-Version names ${short(version)}, and the request lacks ${missing.join(", ")}`, { envelope: { missing } });
}

interface Issue {
  readonly key: string;
  readonly problem: string;
}

function envelopeIssue(meta: JsonObject): Issue | undefined {
  for (const key of [VERSION, CAPABILITIES]) if (!Object.hasOwn(meta, key)) return { key, problem: "missing" };
  if (typeof meta[VERSION] !== "string") return { key: VERSION, problem: "not a string" };
  if (!isObject(meta[CAPABILITIES])) return { key: CAPABILITIES, problem: "not an object" };
  const info = meta[`${ENVELOPE}clientInfo`];
  if (info !== undefined && (typeof memberOf(info, "name") !== "string" || typeof memberOf(info, "version") !== "string")) return { key: `${ENVELOPE}clientInfo`, problem: "no name and version" };
  return undefined;
}

function isWellFormedClaim(meta: JsonObject | undefined): boolean {
  const claimed = meta?.[VERSION];
  return meta !== undefined && typeof claimed === "string" && namesStateless(claimed) && envelopeIssue(meta) === undefined;
}

function versionMismatch(version: string | undefined, claimed: string | undefined): RequestClass | undefined {
  if (version === undefined || claimed === undefined || version === claimed) return undefined;
  return mismatch("MCP-Protocol-Version", version, `the body names ${short(claimed)}`);
}

function unsupported(claimed: string): RequestClass | undefined {
  if (STATELESS_VERSIONS.includes(claimed)) return undefined;
  return refused(UNSUPPORTED_VERSION, `the protocol version ${short(claimed)} is not served`, { supported: STATELESS_VERSIONS, requested: claimed.slice(0, 64) });
}

function methodMismatch(headers: IncomingHttpHeaders, method: string): RequestClass | undefined {
  const said = headerOf(headers, "mcp-method");
  return said === undefined || said === method ? undefined : mismatch("Mcp-Method", said, `the body names ${short(method)}`);
}

function nameMismatch(headers: IncomingHttpHeaders, method: string, params: JsonValue | undefined, required: boolean): RequestClass | undefined {
  const member = NAMED_BY.get(method);
  if (member === undefined) return undefined;
  const value = memberOf(params, member);
  const said = headerOf(headers, "mcp-name");
  if (said === undefined) return required && typeof value === "string" ? mismatch("Mcp-Name", undefined, `the body has params.${member}`) : undefined;
  const decoded = decodeHeaderValue(said);
  if (decoded === undefined) return mismatch("Mcp-Name", said, "its encoding is not valid");
  return typeof value === "string" && decoded !== value ? mismatch("Mcp-Name", said, `the body has another params.${member}`) : undefined;
}

const ENCODED = /^=\?base64\?(?<text>.*)\?=$/s;
const CANONICAL = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Values that a header cannot carry as they are stand in base64. Undefined where what stands there is none. */
export function decodeHeaderValue(value: string): string | undefined {
  const text = ENCODED.exec(value)?.groups?.["text"];
  if (text === undefined) return value;
  if (!CANONICAL.test(text)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, "base64"));
  } catch {
    return undefined;
  }
}

/** A header that was sent twice is one that names neither: its values stand side by side. */
function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function mismatch(header: string, value: string | undefined, body: string): Extract<RequestClass, { kind: "refused" }> {
  const said = value === undefined ? "is missing" : "says something else";
  return refused(HEADER_MISMATCH, `headers and body disagree: ${body}, and the header ${header} ${said}`, { mismatch: { header: value?.slice(0, 200) ?? "(missing)", body } });
}

function short(text: string | undefined): string {
  return JSON.stringify((text ?? "").slice(0, 64));
}

function refused(code: number, reason: string, data?: JsonObject): Extract<RequestClass, { kind: "refused" }> {
  return { kind: "refused", code, reason, ...(data === undefined ? {} : { data }) };
}
