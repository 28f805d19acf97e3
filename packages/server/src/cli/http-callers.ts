/**
 * From what a credential proves to the caller that an endpoint serves: its name for policies and the record, and what its calls are
 * governed by. An agent's key that is revoked loses what it holds open. Used by http-gateway.ts.
 */
import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { userInfo } from "node:os";
import type { Socket } from "node:net";
import type { Governance } from "@countersign/sdk/enforcement";
import { createWireClient, readWireUrl } from "@countersign/sdk/wire";
import type { ClientsConfig, GatewayConfig } from "../config/gateway-config.ts";
import type { HttpCaller } from "../gateway/http/http-endpoint.ts";
import type { Identified } from "../gateway/http/serve-gateway.ts";
import { createAgentKeys, type AgentKeys, type KeyStanding } from "../gateway/identity/agent-keys.ts";
import { createIdentifier, isLoopbackHost, type CallerIdentifier, type ProvenCaller } from "../gateway/identity/identify-caller.ts";
import { createOAuthTokens, type OAuthTokens } from "../gateway/identity/oauth-tokens.ts";
import type { ControlLink } from "./control-link.ts";
import type { Governances } from "./governances.ts";
import { leavingGovernance } from "./leaving-governance.ts";

export interface CallersOptions {
  readonly link: ControlLink | undefined;
  readonly governances: Governances;
  /** The id of the local user in policies and the record. Default: the user this runs as. */
  readonly user: string;
}

export interface Callers {
  /** What counts from now on. Throws TypeError where tokens of the issuer cannot be trusted. */
  configure(config: Pick<GatewayConfig, "listen" | "publicUrl" | "clients" | "agent">): void;
  /** `called`: the server, asked for with every call, since sessions outlive a configuration; its name where the endpoint joins several. Throws where there is none any more. */
  identify(request: IncomingMessage, resource: () => URL, called: (server?: string) => CalledServer): Identified | Promise<Identified>;
  /** Undefined where no tokens count. */
  readonly oauth: OAuthTokens | undefined;
  close(): void;
}

const LOOK = { withinMs: 3_000, attemptMs: 1_500 };
/** What calls of a server are governed by. */
export interface CalledServer {
  /** A file; undefined: the control plane's document. */
  readonly policies: string | undefined;
  /** Aborts when it is about to end, or to be governed by something else: who waits for people is answered then, and the request stays. */
  readonly leaving: AbortSignal;
}

/** How often those are looked at that hold something open and ask nothing. */
const WATCH_MS = 2_000;
const UNAUTHENTICATED = new Set([401, 403]);

export function createCallers({ link, governances, user }: CallersOptions): Callers {
  const open = new Map<string, Set<Socket>>();
  let agent = "";
  let oauth: OAuthTokens | undefined;
  let identifier: CallerIdentifier | undefined;

  const keys: AgentKeys | undefined = link === undefined ? undefined : createAgentKeys({ look: (secret) => lookAtKey(link, secret), onLost: lose, now: () => performance.now() });
  const forget = link?.onMoved(() => keys?.forget());
  const watch = setInterval(() => {
    for (const secret of open.keys()) void keys?.verify(secret);
  }, WATCH_MS).unref();

  function lose(secret: string): void {
    for (const socket of open.get(secret) ?? []) socket.destroy();
    governances.drop(secret);
  }

  function hold(secret: string, { socket }: IncomingMessage): void {
    const sockets = open.get(secret) ?? new Set();
    if (sockets.has(socket)) return;
    open.set(secret, sockets.add(socket));
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0 && open.get(secret) === sockets) open.delete(secret);
    });
  }

  const leavingWith = leavingGovernance();

  /** `principal`: of this caller alone. */
  function governed({ policies, leaving }: CalledServer, key: string | undefined, principal?: string): Governance | Promise<Governance> {
    const finish = (governance: Governance): Governance => {
      const own = leavingWith(leaving, governance);
      return principal === undefined ? own : { ...own, principal };
    };
    const found = governances.of(key, policies);
    return found instanceof Promise ? found.then(finish) : finish(found);
  }

  function toCaller(proven: ProvenCaller, request: IncomingMessage, called: (server?: string) => CalledServer): HttpCaller {
    switch (proven.kind) {
      case "local":
        return { credential: "local", agent: { name: agent, id: "" }, user: { id: user }, governance: (server) => governed(called(server), undefined) };
      case "agent": {
        const { secret, keyId, name, ownerId } = proven;
        hold(secret, request);
        return { credential: `key:${keyId}`, agent: { name, id: keyId }, user: { id: ownerId ?? "" }, governance: (server) => governed(called(server), secret) };
      }
      case "oauth": {
        const principal = `oauth:${proven.issuer}#${proven.subject}`;
        // Two programs of one person are two credentials, and one program of two people too: neither sees, or joins, what the other holds.
        const credential = `oauth:${hash("sha256", JSON.stringify([proven.issuer, proven.subject, proven.agent]), "hex")}`;
        return { credential, agent: { name: proven.agent === "" ? proven.subject : `${proven.agent} for ${proven.subject}`, id: proven.agent }, user: { id: proven.user }, governance: (server) => governed(called(server), undefined, principal) };
      }
    }
  }

  return {
    configure({ listen, publicUrl, clients, agent: named }) {
      const tokens = tokensOf(clients);
      const isLocal = clients.local && isLoopbackHost(listen.host) && (publicUrl === undefined || isLoopbackHost(publicUrl.hostname));
      identifier = createIdentifier({ local: isLocal, keys: clients.keys ? keys : undefined, oauth: tokens });
      oauth = tokens;
      agent = named;
    },
    identify(request, resource, called) {
      if (identifier === undefined) return { kind: "refused", refusal: { status: 503, reason: "the gateway is starting" } };
      const found = identifier(request, resource);
      const finish = (proven: Awaited<typeof found>): Identified => (proven.kind === "refused" ? proven : { kind: "caller", caller: toCaller(proven.caller, request, called) });
      return found instanceof Promise ? found.then(finish) : finish(found);
    },
    get oauth() {
      return oauth;
    },
    close() {
      clearInterval(watch);
      forget?.();
    },
  };
}

/** The user that this runs as, where the system knows a name. */
export function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

function tokensOf({ oauth }: ClientsConfig): OAuthTokens | undefined {
  if (oauth === undefined) return undefined;
  const { issuer, audience, jwksUrl, scopes = [], userClaim, agentClaim } = oauth;
  return createOAuthTokens({ issuer, audience: audience === undefined ? undefined : [audience].flat(), jwksUrl, scopes, userClaim, agentClaim });
}

/** Never rejects. */
async function lookAtKey(link: ControlLink, secret: string): Promise<KeyStanding> {
  try {
    const { url } = await link.current();
    const client = createWireClient(readWireUrl(url, true).base, secret);
    const answer = await client.ownKey(LOOK);
    client.close();
    if (answer.ok) return { kind: "known", key: answer.value };
    return UNAUTHENTICATED.has(answer.status ?? 0) ? { kind: "unknown" } : { kind: "unreachable" };
  } catch {
    return { kind: "unreachable" };
  }
}
