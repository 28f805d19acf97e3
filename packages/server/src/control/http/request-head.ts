/**
 * What is judged before anything else is done: the head of a request as it came over the wire, with its raw headers. Stops DNS
 * rebinding (Host), pages of other origins (Origin, Sec-Fetch-Site), and heads that two readers could read in two ways.
 */
import type { IncomingMessage } from "node:http";
import type { Limits } from "./limits.ts";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";

/** Names under which this control plane is reached. */
export interface OwnNames {
  /** Values of Host, in lower case, with the port as browsers write it. */
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
  /** Those of the hosts that are reached over https, by us or by a proxy before us. */
  readonly secureHosts: ReadonlySet<string>;
}

export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly one: (name: string) => string | undefined;
  readonly cookie: string | undefined;
  /** Null where the length is not said beforehand. */
  readonly bodyBytes: number | null;
}

/** Two of these in one request: two readers, two meanings. */
const SINGLE = new Set([
  "authorization", "content-encoding", "content-length", "content-type", "x-csrf-token", "host", "if-none-match", "last-event-id", "origin",
  "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "transfer-encoding", "x-forwarded-for", "x-forwarded-proto",
]);
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export function isSafeMethod(method: string): boolean {
  return SAFE.has(method);
}

export type ReadHead = { readonly ok: true; readonly head: RequestHead } | Refusal;

export function readHead(incoming: Pick<IncomingMessage, "method" | "url" | "rawHeaders">, limits: Limits): ReadHead {
  const { rawHeaders, url = "", method = "" } = incoming;
  if (url.length > limits.urlBytes) return refuse("too_large", "the URL");
  // A target with a host of its own would be a second Host.
  if (!url.startsWith("/")) return refuse("bad_request", "the request target");
  if (rawHeaders.length > limits.headerCount * 2) return refuse("too_large", "the headers");
  const values = new Map<string, string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    const value = rawHeaders[index + 1] ?? "";
    const before = values.get(name);
    if (before === undefined) values.set(name, value);
    else if (SINGLE.has(name)) return refuse("bad_request", `two headers ${name}`);
    else values.set(name, `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  const length = values.get("content-length");
  return {
    ok: true,
    head: {
      method,
      url,
      one: (name) => values.get(name),
      cookie: values.get("cookie"),
      bodyBytes: values.has("transfer-encoding") ? null : Number(length ?? 0),
    },
  };
}

/** Undefined where the request may go on. `navigable`: a page elsewhere may send the browser here, as an OpenID provider does. */
export function checkOrigin(head: RequestHead, names: OwnNames, navigable: boolean): Refusal | undefined {
  const host = head.one("host")?.toLowerCase();
  if (host === undefined || !names.hosts.has(host)) return refuse("origin", "Host");
  const origin = head.one("origin");
  if (origin !== undefined && !names.origins.has(origin)) return refuse("origin", "Origin");
  const unsafe = !isSafeMethod(head.method);
  if (!unsafe && head.cookie === undefined) return undefined;
  // A browser says where an unsafe request comes from. Silence beside a cookie is not a browser that we would trust with one.
  if (unsafe && origin === undefined && head.cookie !== undefined) return refuse("origin", "Origin");
  const site = head.one("sec-fetch-site");
  if (site === undefined || site === "same-origin") return undefined;
  // Not `same-site`: that is also every other port of this machine.
  if (!unsafe && site === "none") return undefined;
  if (!unsafe && navigable && head.one("sec-fetch-mode") === "navigate" && head.one("sec-fetch-dest") === "document") return undefined;
  return refuse("origin", "Sec-Fetch-Site");
}

/** What is said about the body before it is read. */
export function checkBodyHead(head: RequestHead, takesBody: boolean, maxBytes: number): Refusal | undefined {
  if (head.bodyBytes === 0 && !takesBody) return undefined;
  if (!takesBody) return refuse("bad_request", "this route takes no body");
  if (head.bodyBytes !== null && head.bodyBytes > maxBytes) return refuse("too_large", "the body");
  const encoding = head.one("content-encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "identity") return refuse("bad_request", "Content-Encoding");
  if (!/^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i.test(head.one("content-type")?.trim() ?? "")) return refuse("bad_request", "Content-Type: application/json only");
  return undefined;
}

/** Loopback names of a port, and the URLs that people and agents use. */
export function ownNames(port: number, publicUrls: readonly string[]): OwnNames {
  const hosts = new Set<string>();
  const origins = new Set<string>();
  const secureHosts = new Set<string>();
  for (const name of ["127.0.0.1", "localhost", "[::1]"]) {
    hosts.add(port === 80 ? name : `${name}:${port}`);
    origins.add(new URL(`http://${name}:${port}`).origin);
  }
  for (const text of publicUrls) {
    const url = new URL(text);
    hosts.add(url.host);
    // Some clients write the port that goes without saying.
    if (url.port === "") hosts.add(`${url.hostname}:${url.protocol === "https:" ? 443 : 80}`);
    origins.add(url.origin);
    if (url.protocol === "https:") secureHosts.add(url.host);
  }
  return { hosts, origins, secureHosts };
}
