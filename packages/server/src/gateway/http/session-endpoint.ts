/**
 * HTTP clients before an upstream that is reached by a connection. Of the older protocol each `initialize` makes a session, with a connection
 * of its own, so that what the client declared holds for it alone; of the newer, every request is one exchange on a connection that all
 * share. Eras are never translated: a server that does not speak the newer says so itself. Called by the front.
 */
import { Rounds } from "../call/rounds.ts";
import { WAITING } from "../call/waiting.ts";
import { INVALID_REQUEST, type RpcId } from "../message/read-client-message.ts";
import { answerError, type HttpRefusal } from "./answer-error.ts";
import type { HttpEndpoint, HttpExchange, PostExchange } from "./http-endpoint.ts";
import { Pulse } from "./pulse.ts";
import { acceptedBy } from "./reply.ts";
import type { ServedUpstream } from "./served-upstream.ts";
import { Sessions } from "./sessions.ts";
import type { Session } from "./session.ts";
import { StatelessExchanges } from "./stateless-exchanges.ts";

export interface SessionEndpointOptions extends Pick<ServedUpstream, "connect" | "server" | "onWarning">, Partial<Pick<ServedUpstream, "begin" | "waiting" | "rounds" | "unknownMethods" | "resumeMs" | "openAfterMs">> {
  readonly limits?: Partial<EndpointLimits>;
  /** Who serves requests of the newer protocol. Default: one connection that all share. */
  readonly stateless?: (upstream: ServedUpstream, limits: EndpointLimits) => StatelessSide;
  /** Between two comments on a stream that has nothing to say. */
  readonly keepAliveMs?: number;
}

export type StatelessSide = Pick<StatelessExchanges, "serve" | "drain" | "close">;

export interface EndpointLimits {
  /** Of the older protocol; each is a connection, and where the upstream is a process, a process. */
  readonly sessions: number;
  readonly sessionsOfCredential: number;
  /** Requests of the newer protocol under way. */
  readonly exchanges: number;
  readonly exchangesOfCredential: number;
  /** A session without a stream or a message ends after so long. */
  readonly idleMs: number;
}

const LIMITS: EndpointLimits = Object.freeze({ sessions: 128, sessionsOfCredential: 32, exchanges: 1_024, exchangesOfCredential: 256, idleMs: 30 * 60_000 });
const KEEP_ALIVE_MS = 15_000;
const RESUME_MS = 120_000;
const OPEN_AFTER_MS = Object.freeze({ session: 250, exchange: 1_000 });
const CANCEL_GRACE_MS = 10_000;
const NO_SESSION = -32_001;

const MISSING: HttpRefusal = { status: 400, reason: "Mcp-Session-Id is missing; a session begins with initialize" };
const UNKNOWN: HttpRefusal = { status: 404, code: NO_SESSION, reason: "session not found: it has ended, or never was; begin another with initialize" };
const STREAMLESS: HttpRefusal = { status: 405, reason: "this revision of the protocol has POST alone", headers: { allow: "POST" } };
const AGREED: HttpRefusal = { status: 400, code: INVALID_REQUEST, reason: "initialize begins a session, and this one has begun" };
const FULL: HttpRefusal = { status: 503, reason: "too many sessions are open here; end one with DELETE, or try again later", headers: { "retry-after": "60" } };
const ENDING: HttpRefusal = { status: 503, reason: "this gateway is ending and takes no new calls; try again in a moment", headers: { "retry-after": "5" } };
const NOT_ACCEPTABLE: HttpRefusal = { status: 406, reason: "answers are application/json or text/event-stream, and Accept has neither" };

export function createSessionEndpoint(options: SessionEndpointOptions): HttpEndpoint {
  const { limits, keepAliveMs = KEEP_ALIVE_MS, stateless = (...made) => new StatelessExchanges(...made), ...given } = options;
  const upstream: ServedUpstream = { waiting: WAITING, rounds: new Rounds(), unknownMethods: "pass", cancelGraceMs: CANCEL_GRACE_MS, openAfterMs: OPEN_AFTER_MS, resumeMs: RESUME_MS, ...given, pulse: new Pulse(keepAliveMs) };
  const bounds = { ...LIMITS, ...limits };
  return new SessionEndpoint(upstream, bounds, stateless(upstream, bounds));
}

class SessionEndpoint implements HttpEndpoint {
  readonly #sessions: Sessions;
  readonly #exchanges: StatelessSide;
  readonly #rounds: Rounds;
  #isDraining = false;

  constructor(upstream: ServedUpstream, limits: EndpointLimits, exchanges: StatelessSide) {
    this.#sessions = new Sessions(upstream, limits);
    this.#rounds = upstream.rounds;
    this.#exchanges = exchanges;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  async post(exchange: PostExchange): Promise<void> {
    const { message, request, response, stateless } = exchange;
    const id = message.kind === "call" || message.kind === "request" ? message.id : null;
    const accepts = acceptedBy(request.headers.accept);
    if (!accepts.json && !accepts.stream) return answerError(response, { ...NOT_ACCEPTABLE, id });
    const isFirst = message.kind === "request" && message.method === "initialize" && !stateless;
    if (this.#isDraining && (isFirst || message.kind === "call")) return answerError(response, { ...ENDING, id });
    if (stateless) return this.#exchanges.serve(exchange);
    if (!isFirst) return this.#find(exchange, id)?.post(exchange);
    if (sessionIdOf(exchange) === undefined) return this.#begin(exchange, id);
    if (this.#find(exchange, id) !== undefined) answerError(response, { ...AGREED, id });
  }

  get(exchange: HttpExchange): Promise<void> {
    if (exchange.stateless) answerError(exchange.response, STREAMLESS);
    else this.#find(exchange, null)?.get(exchange);
    return Promise.resolve();
  }

  async delete(exchange: HttpExchange): Promise<void> {
    if (exchange.stateless) return answerError(exchange.response, STREAMLESS);
    const session = this.#find(exchange, null);
    if (session === undefined) return;
    await this.#sessions.end(session);
    exchange.response.writeHead(200).end();
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([this.#sessions.drain(), this.#exchanges.drain()]);
  }

  async close(): Promise<void> {
    this.#isDraining = true;
    this.#rounds.end();
    await Promise.all([this.#sessions.close(), this.#exchanges.close()]);
  }

  async #begin(exchange: PostExchange, id: RpcId | null): Promise<void> {
    const session = this.#sessions.open(exchange.caller);
    if (session === undefined) return answerError(exchange.response, { ...FULL, id });
    await session.post(exchange);
    if (!session.isAgreed) await this.#sessions.end(session); // the server refused it, or its client has gone already
  }

  /** The session that is meant; where there is none, that is said. */
  #find(exchange: HttpExchange, id: RpcId | null): Session | undefined {
    const name = sessionIdOf(exchange);
    const session = name === undefined ? undefined : this.#sessions.find(name, exchange.caller);
    if (session === undefined) answerError(exchange.response, { ...(name === undefined ? MISSING : UNKNOWN), id });
    return session;
  }
}

function sessionIdOf({ request }: HttpExchange): string | undefined {
  const id = request.headers["mcp-session-id"];
  return typeof id === "string" ? id : undefined;
}
