/**
 * Who sends a request to a gateway over HTTP: proven by a credential of the gateway's own, and never by what a client says of itself. An
 * agent's key, an OAuth token, or nothing at all where the local user is let in. Whatever is not whole, known and live is refused, with what
 * to do. Called by the front before it reads a body; it reads nothing but the request's head.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { AgentKeys } from "./agent-keys.ts";
import type { OAuthTokens } from "./oauth-tokens.ts";

/** What a credential proves. */
export type ProvenCaller =
  | { readonly kind: "local" }
  | { readonly kind: "agent"; readonly secret: string; readonly keyId: string; readonly name: string; readonly ownerId: string | undefined }
  | { readonly kind: "oauth"; readonly issuer: string; readonly subject: string; readonly user: string; readonly agent: string };

export interface CallerRefusal {
  readonly status: 400 | 401 | 403 | 503;
  readonly reason: string;
  readonly headers?: { readonly [name: string]: string };
}

export type ProvenOrRefused = { readonly kind: "proven"; readonly caller: ProvenCaller } | { readonly kind: "refused"; readonly refusal: CallerRefusal };

/** As far as it proves something; `node:http` reads requests into one. */
export interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly remoteAddress?: string | undefined };
}

export interface IdentifyOptions {
  /** Without a credential: the local user, where the request comes from this machine. */
  readonly local: boolean;
  /** Undefined: keys count for nothing here. */
  readonly keys: AgentKeys | undefined;
  readonly oauth: OAuthTokens | undefined;
}

export interface CallerIdentifier {
  /** `resource`: the address of the endpoint that is called, as its clients write it (RFC 8707, 9728). Asked only where it counts. */
  (request: RequestHead, resource: () => URL): ProvenOrRefused | Promise<ProvenOrRefused>;
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;
const RETRY = { "retry-after": "2" } as const;

export function createIdentifier({ local, keys, oauth }: IdentifyOptions): CallerIdentifier {
  return (request, resource) => {
    const { authorization } = request.headers;
    if (authorization === undefined) return local && isFromHere(request) ? LOCAL : refused(401, whyNeeded(local, { keys, oauth }), challenge(resource(), oauth, undefined));
    if (countOf(request, "authorization") > 1) return refused(400, "two Authorization headers: send one credential");
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return refused(401, "the Authorization header is no bearer token", challenge(resource(), oauth, "invalid_token"));
    if (token.startsWith("csk_")) return byKey(token, keys, resource, oauth);
    if (oauth === undefined) return refused(401, "the bearer token is not known here", challenge(resource(), oauth, "invalid_token"));
    return byToken(token, oauth, resource());
  };
}

const LOCAL: ProvenOrRefused = { kind: "proven", caller: { kind: "local" } };

async function byKey(secret: string, keys: AgentKeys | undefined, resource: () => URL, oauth: OAuthTokens | undefined): Promise<ProvenOrRefused> {
  const found = keys === undefined ? ({ kind: "unknown" } as const) : await keys.verify(secret);
  switch (found.kind) {
    case "known": {
      const { id, name, owner } = found.key;
      return { kind: "proven", caller: { kind: "agent", secret, keyId: id, name, ownerId: owner?.id } };
    }
    case "unknown":
      return refused(401, "the agent key is not known, or not valid any more: make a new one with `countersign key add`", challenge(resource(), oauth, "invalid_token"));
    case "unreachable":
      return refused(503, "the control plane, which knows the agent keys, cannot be reached; try again in a moment", RETRY);
  }
}

async function byToken(token: string, oauth: OAuthTokens, resource: URL): Promise<ProvenOrRefused> {
  const read = await oauth.verify(token, resource);
  switch (read.kind) {
    case "valid":
      return { kind: "proven", caller: { kind: "oauth", issuer: read.issuer, subject: read.subject, user: read.user, agent: read.agent } };
    case "invalid":
      return refused(401, read.why, challenge(resource, oauth, "invalid_token"));
    case "lacks scope":
      return refused(403, `the token lacks the scope ${read.missing.join(" ")}`, challenge(resource, oauth, "insufficient_scope"));
    case "unreachable":
      return refused(503, "whoever signs the tokens cannot be reached; try again in a moment", RETRY);
  }
}

function refused(status: CallerRefusal["status"], reason: string, headers?: CallerRefusal["headers"]): ProvenOrRefused {
  return { kind: "refused", refusal: headers === undefined ? { status, reason } : { status, reason, headers } };
}

/** RFC 6750, section 3, and RFC 9728, section 5.1. */
function challenge(resource: URL, oauth: OAuthTokens | undefined, error: "invalid_token" | "insufficient_scope" | undefined): { readonly "www-authenticate": string } {
  const parts = [
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(oauth === undefined ? [] : [`resource_metadata="${metadataUrl(resource)}"`]),
    ...(oauth === undefined || oauth.scopes.length === 0 ? [] : [`scope="${oauth.scopes.join(" ")}"`]),
  ];
  return { "www-authenticate": parts.length === 0 ? "Bearer" : `Bearer ${parts.join(", ")}` };
}

export const METADATA_PATH = "/.well-known/oauth-protected-resource";

function metadataUrl(resource: URL): string {
  return new URL(`${METADATA_PATH}${resource.pathname === "/" ? "" : resource.pathname}`, resource.origin).href;
}

function whyNeeded(local: boolean, { keys, oauth }: Pick<IdentifyOptions, "keys" | "oauth">): string {
  const kinds = [...(keys === undefined ? [] : ["an agent key of the control plane"]), ...(oauth === undefined ? [] : ["an OAuth token"])];
  const need = kinds.length === 0 ? "nobody is let in without a credential, and none counts here" : `a credential is needed: ${kinds.join(" or ")}, as a bearer token`;
  return local ? `${need}; without one only programs of this machine are let in` : need;
}

/** From a program of this machine. A proxy on it carries strangers: whoever says that somebody is behind it is not let in as local. */
export function isFromHere({ headers, socket }: RequestHead): boolean {
  if (!isLoopbackAddress(socket.remoteAddress)) return false;
  return PROXIED.every((name) => headers[name] === undefined);
}

const PROXIED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"] as const;

function isLoopbackAddress(address: string | undefined): boolean {
  const plain = address?.startsWith("::ffff:") === true ? address.slice("::ffff:".length) : address;
  return plain === "::1" || (plain !== undefined && /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain));
}

/** Node keeps the first of several and says nothing. */
function countOf({ rawHeaders }: RequestHead, name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === name) count += 1;
  return count;
}

/** Of an address to listen on, or in a URL. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host.replace(/^\[|\]$/g, ""));
}
