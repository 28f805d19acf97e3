/**
 * One request, from its head to its answer, as a straight line: what is cheap to judge is judged first, and a resource is reached
 * only by a request that passed everything before it. Never decides about requests, people or policies. Called by app.ts.
 */
import type { HttpBindings } from "@hono/node-server";
import { ROUTES } from "@countersign/sdk/wire";
import type { Access, RouteName } from "@countersign/sdk/wire";
import { ANONYMOUS } from "../../auth/identity.ts";
import { readCookie } from "../../auth/cookie.ts";
import type { CookieNames } from "../../auth/cookie.ts";
import type { Identity } from "../../auth/identity.ts";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";
import type { Identified } from "../sign-in/sign-ins.ts";
import { StoreError } from "../../store/store-error.ts";
import { StoreUnavailableError } from "../store-unavailable-error.ts";
import { decideAccess } from "./access.ts";
import type { Bound, RouteContext, System } from "./binding.ts";
import { BINDINGS } from "./bindings.ts";
import { clientAddress, describeAgent } from "./client-address.ts";
import type { StreamSeat } from "./events.ts";
import type { Limits } from "./limits.ts";
import type { Rates } from "./rate-limit.ts";
import { ClientGone, readJsonBody } from "./read-body.ts";
import { checkBodyHead, checkOrigin, isSafeMethod } from "./request-head.ts";
import type { OwnNames, RequestHead } from "./request-head.ts";
import { securityHeaders } from "./security-headers.ts";
import type { Resources } from "./resources.ts";
import { writeReply } from "./write-reply.ts";

export interface ServePorts {
  readonly resources: Resources;
  readonly system: System;
  readonly limits: Limits;
  readonly names: () => OwnNames;
  readonly rates: Rates;
  /** As sign-ins write them now. */
  readonly cookieNames: () => CookieNames;
  readonly trustedProxies: ReadonlySet<string>;
  /** Aborted when the server closes: those who wait are answered. */
  readonly closing: AbortSignal;
  /** What nobody expected. Its text stays here. */
  readonly onError: (error: unknown, route: RouteName) => void;
}

export interface RoutedRequest {
  readonly route: RouteName;
  readonly head: RequestHead;
  readonly id: string;
  readonly request: Request;
  readonly env: HttpBindings;
}

/** Never throws. */
export async function serveRoute(routed: RoutedRequest, ports: ServePorts): Promise<Response | Refusal> {
  const bound = BINDINGS[routed.route];
  try {
    return await serve(routed, bound, ports);
  } catch (error) {
    if (error instanceof ClientGone) return refuse("bad_request", "the body ended early");
    ports.onError(error, routed.route);
    if (error instanceof StoreUnavailableError) return refuse("store_unavailable", error.maybe ? "whether it was changed is not known: ask again" : "", 1000);
    if (error instanceof StoreError) return refuse("store_unavailable", error.maybeWritten ? "whether it was changed is not known: ask again" : "", 1000);
    return refuse("internal", "");
  }
}

async function serve(routed: RoutedRequest, bound: Bound, ports: ServePorts): Promise<Response | Refusal> {
  const { route, head, id, env } = routed;
  const { access } = ROUTES[route];
  const refused =
    checkOrigin(head, ports.names(), bound.navigable) ?? checkBodyHead(head, bound.body !== null, bound.maxBytes) ?? (id === "" && ROUTES[route].path.includes("{") ? refuse("not_found", "") : undefined);
  if (refused !== undefined) return refused;

  const address = clientAddress(env.incoming.socket.remoteAddress, head.one("x-forwarded-for"), ports.trustedProxies);
  const identified = await identify(head, address, access, bound, ports);
  if ("ok" in identified) return identified;
  const { identity } = identified;
  const allowed = decideAccess(access, identity);
  if (!allowed.allowed) return refuse(allowed.code, "");

  const body = bound.body === null ? undefined : await readJsonBody(env.incoming, { maxBytes: bound.maxBytes, members: ports.limits.members });
  if (body?.ok === false) return body;
  const query = readQuery(head.url);
  if (query === undefined) return refuse("bad_request", "query: a parameter is there twice");
  const prepared = bound.prepare(query, body?.value);
  if (!prepared.ok) return prepared;
  const reply = await prepared.run(contextOf(routed, identity, address, access, ports));
  return "kind" in reply ? writeReply(reply, bound) : reply;
}

/** Who it is, once they have not asked too often and, where a browser's cookie says so, once the page proved that it is ours. */
async function identify(head: RequestHead, address: string, access: readonly Access[], bound: Bound, ports: ServePorts): Promise<{ readonly identity: Identity } | Refusal> {
  const identified = await ask(head, ports);
  const identity = proven(identified, head, access);
  const wait = takeRate(identity ?? identified.identity, address, head.bodyBytes ?? bound.maxBytes, ports);
  if (wait > 0) return refuse("too_many", "requests", wait);
  if (bound.attempt) {
    const waitMore = ports.rates.signIn.take(nameOf(identity ?? ANONYMOUS, address));
    if (waitMore > 0) return refuse("too_many", "attempts to sign in", waitMore);
  }
  if (identity === undefined) return refuse("csrf", "");
  return { identity };
}

function ask(head: RequestHead, { resources }: ServePorts): Promise<Identified> {
  return resources.signIns.identify({ authorization: head.one("authorization"), cookie: head.cookie, csrf: head.one("x-csrf-token") });
}

/**
 * Undefined: a cookie alone changes nothing. Where anyone may come, as to sign in, a cookie without its token counts for nothing
 * instead, so that a stale one does not lock its owner out.
 */
function proven({ identity, credential, csrf }: Identified, head: RequestHead, access: readonly Access[]): Identity | undefined {
  if (isSafeMethod(head.method) || credential !== "cookie" || identity.kind === "anonymous" || csrf === "match") return identity;
  return access.includes("anyone") ? ANONYMOUS : undefined;
}

/** Whose attempts are counted together. A signed-in person confirms by passkey whatever a stranger, or an agent, does at the same address. */
function nameOf(identity: Identity, address: string): string {
  return identity.kind === "person" ? `person:${identity.personId}` : address;
}

/** What an agent sends costs as much as it is long: read, parsed, hashed and sealed while the others wait. */
function takeRate(identity: Identity, address: string, bodyBytes: number, { rates, limits }: ServePorts): number {
  switch (identity.kind) {
    case "agent":
      return rates.key.take(identity.keyId, Math.max(1, Math.ceil(bodyBytes / limits.rates.key.bodyBytes)));
    case "person":
      return rates.person.take(identity.personId);
    case "operator":
      return rates.operator.take("operator");
    case "anonymous":
      return rates.stranger.take(address);
  }
}

function contextOf({ head, id, request, env }: RoutedRequest, identity: Identity, address: string, access: readonly Access[], ports: ServePorts): RouteContext {
  const { resources, system, limits, closing } = ports;
  const seat: StreamSeat = {
    outgoing: env.outgoing,
    headers: securityHeaders("api", isSecure(head, ports.names())),
    lastEventId: head.one("last-event-id"),
    identity,
    refresh: async () => {
      const { identity: now } = await ask(head, ports);
      return decideAccess(access, now).allowed ? now : undefined;
    },
  };
  return {
    resources,
    system,
    seat,
    identity,
    visitor: { address, about: describeAgent(head.one("user-agent")) },
    id,
    url: head.url,
    attempt: readCookie(head.cookie, ports.cookieNames().attempt).value,
    ifNoneMatch: head.one("if-none-match"),
    isVisit: head.one("sec-fetch-mode") === "navigate" && head.one("sec-fetch-dest") === "document",
    get signal() {
      return AbortSignal.any([request.signal, closing]);
    },
    maxWaitMs: limits.waitMs,
  };
}

export function isSecure(head: RequestHead, names: OwnNames): boolean {
  return names.secureHosts.has(head.one("host")?.toLowerCase() ?? "");
}

/** Undefined where a name is there twice: two readers would read two things. */
function readQuery(url: string): Readonly<Record<string, string>> | undefined {
  const at = url.indexOf("?");
  if (at === -1) return {};
  const params = new URLSearchParams(url.slice(at + 1));
  const entries = [...params];
  return new Set(entries.map(([name]) => name)).size === entries.length ? Object.fromEntries(entries) : undefined;
}
