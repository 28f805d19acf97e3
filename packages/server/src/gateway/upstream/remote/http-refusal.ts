/**
 * What an HTTP status means for a request that was answered with it: one sentence that says what happened and what to do, for people and
 * models. What the server itself says is told along, short, escaped, and without anything that was secret.
 */
import type { IncomingHttpHeaders } from "node:http";
import { escapeText } from "@countersign/sdk/enforcement";
import { nameOfServer, withoutSecrets, type RemoteServer } from "./remote-server.ts";

export interface HttpRefusal {
  readonly message: string;
  /** Whether the request may have been carried out all the same. */
  readonly outcome: "unknown" | undefined;
}

export interface RefusedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly credential: string | undefined;
}

const MAX_SAID = 300;
const SERVER_ERROR = 500;
const LIKE_A_KEY = 16;

export function httpRefusal(server: RemoteServer, answer: RefusedAnswer): HttpRefusal {
  const { status } = answer;
  const said = saidBy(server, answer);
  const message = `${capital(nameOfServer(server))} ${meaningOf(server, answer)}${said === "" ? "" : ` It says: ${said}`}`;
  return { message, outcome: status >= SERVER_ERROR ? "unknown" : undefined };
}

function meaningOf(server: RemoteServer, { status, headers }: RefusedAnswer): string {
  if (status >= 300 && status < 400) return `answered with a redirect (${status})${targetOf(server, headers)}, which is not followed. Where that is the server you mean, give its address instead.`;
  switch (status) {
    case 401:
      return `wants to know who asks (401). ${adviceOf(server, headers)}`;
    case 403:
      return isInsufficientScope(headers) && server.authorization !== undefined
        ? `wants more rights than the sign-in has (403). ${server.authorization.advice(scopeOf(headers))}`
        : "does not allow this (403). Whoever runs it can say why.";
    case 404:
      return "has nothing at this address (404). Whoever runs the gateway has to mend the address.";
    case 405:
      return "does not speak MCP over Streamable HTTP at this address (405). Whoever runs the gateway has to mend the address, or give --transport sse.";
    case 408:
      return "waited too long for the request (408). Try again.";
    case 413:
      return "finds the request too long (413). Try again with less.";
    case 429:
      return `is asked too often (429). Try again${retryAfter(headers)}.`;
    case 502:
    case 503:
    case 504:
      return `is not available (${status}); whether it has done anything is not known. Try again${retryAfter(headers)}.`;
    default:
      return status >= SERVER_ERROR ? `failed (${status}); whether it has done anything is not known.` : `refused the request (${status}).`;
  }
}

function adviceOf({ authorization, headers: given }: RemoteServer, headers: IncomingHttpHeaders): string {
  if (authorization !== undefined) return authorization.advice(scopeOf(headers));
  if (Object.keys(given).some((name) => name.toLowerCase() === "authorization")) return "It does not take the Authorization that the gateway was given: whoever runs the gateway has to give another.";
  return "Whoever runs the gateway has to give what the server expects, with --header-env.";
}

/** A challenge of RFC 6750; only what cannot be anything else than a scope where somebody pastes it into a shell. */
function scopeOf(headers: IncomingHttpHeaders): string | undefined {
  const scope = /(?:^|[\s,])scope="([^"]{1,500})"/.exec(headers["www-authenticate"] ?? "")?.[1];
  return scope !== undefined && /^[A-Za-z0-9:._/ -]+$/.test(scope) ? scope : undefined;
}

function isInsufficientScope(headers: IncomingHttpHeaders): boolean {
  return /error="?insufficient_scope\b/.test(headers["www-authenticate"] ?? "");
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfter(headers: IncomingHttpHeaders): string {
  const given = headers["retry-after"];
  if (given === undefined) return " later";
  if (/^\d{1,9}$/.test(given)) return ` in ${Number(given)} s`;
  const at = Date.parse(given);
  return Number.isNaN(at) ? " later" : ` after ${new Date(at).toISOString()}`;
}

function targetOf({ url }: RemoteServer, { location }: IncomingHttpHeaders): string {
  if (location === undefined || !URL.canParse(location, url.href)) return "";
  const { origin } = new URL(location, url);
  return origin === "null" ? "" : ` to ${origin === url.origin ? "another path" : escapeText(origin)}`;
}

function saidBy(server: RemoteServer, { text, credential }: RefusedAnswer): string {
  const said = messageIn(text);
  if (said === undefined) return "";
  const { headers, url } = server;
  const secrets = [...Object.values(headers), ...(credential === undefined ? [] : [credential]), ...url.searchParams.values(), ...url.pathname.split("/").filter(({ length }) => length >= LIKE_A_KEY)];
  return escapeText(withoutSecrets(said, secrets).slice(0, MAX_SAID)); // without secrets first: half of one is still half of it
}

/** Of a JSON-RPC error, or of one of OAuth's. A page of HTML says nothing to anybody. */
function messageIn(text: string): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (body === null || typeof body !== "object") return undefined;
  const error: unknown = Reflect.get(body, "error");
  const message: unknown = error !== null && typeof error === "object" ? Reflect.get(error, "message") : Reflect.get(body, "error_description");
  return typeof message === "string" && message !== "" ? message : undefined;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
