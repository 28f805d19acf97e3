/**
 * HTTP clients before an upstream over HTTP: a reverse proxy with the gate. Everything but tool calls goes on as the bytes that came, with
 * status, headers and streams both ways; the upstream's sessions are the clients'. Eras are not translated. A call goes through guard.
 */
import type { JsonValue } from "@countersign/sdk/call";
import { assertServerName, localPrincipal, serverIdentity, type Governance, type ProposedCall } from "@countersign/sdk/enforcement";
import type { ServerRef } from "@countersign/sdk";
import { errorAnswer } from "../call/answer-text.ts";
import { askLeaving } from "../call/ask-leaving.ts";
import { governCall, isUnheard, scopeOf } from "../call/governed-call.ts";
import { Rounds } from "../call/rounds.ts";
import { Running } from "../call/running.ts";
import { inspectsResults, TaskWatch } from "../call/task-watch.ts";
import { WAITING, type Waiting } from "../call/waiting.ts";
import { LEGACY_KEYS, memberOf, MODERN_KEYS } from "../message/members.ts";
import { INVALID_REQUEST, type RpcId } from "../message/read-client-message.ts";
import { answerError, type HttpRefusal } from "./answer-error.ts";
import { ForwardCall } from "./forward-call.ts";
import type { ForwardSession } from "./forward-session.ts";
import { ForwardSessions } from "./forward-sessions.ts";
import type { HttpEndpoint, HttpExchange, PostExchange } from "./http-endpoint.ts";
import { HttpUpstream, type HttpUpstreamOptions } from "./http-upstream.ts";
import { refusedParams } from "./mirrored-params.ts";
import { passAnswer } from "./pass-answer.ts";

export interface ForwardEndpointOptions extends HttpUpstreamOptions {
  readonly waiting?: Waiting;
  /** What clients without sessions come back to. Default: this endpoint's own. */
  readonly rounds?: Rounds;
  /** What a client gets that cancels a call which was sent already. */
  readonly cancelGraceMs?: number;
  readonly onWarning: (message: string) => void;
}

/** Calls of one session under way at the same time; above it they are refused. */
const MAX_OPEN = 1_024;
const CANCEL_GRACE_MS = 10_000;
const NO_SESSION: HttpRefusal = Object.freeze({ status: 404, code: -32_001, reason: "this session is not known; begin another" });

export function createForwardEndpoint(options: ForwardEndpointOptions): HttpEndpoint {
  assertServerName(options.name);
  return new ForwardEndpoint(options);
}

class ForwardEndpoint implements HttpEndpoint {
  readonly #options: ForwardEndpointOptions;
  readonly #upstream: HttpUpstream;
  readonly #sessions: ForwardSessions;
  readonly #running = new Running();
  readonly #rounds: Rounds;
  #known: ServerRef | undefined;
  #identifying: Promise<ServerRef> | undefined;
  #isDraining = false;
  #isClosed = false;

  constructor(options: ForwardEndpointOptions) {
    this.#options = options;
    this.#rounds = options.rounds ?? new Rounds();
    this.#upstream = new HttpUpstream(options);
    this.#sessions = new ForwardSessions(this.#upstream, options.onWarning);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  async post(exchange: PostExchange): Promise<void> {
    const { message, response } = exchange;
    const session = this.#sessions.of(exchange);
    if (session === undefined) return answerError(response, { ...NO_SESSION, id: "id" in message ? message.id : null });
    session.note(exchange);
    if (message.kind === "response" && session.asked.settle(message)) return void response.writeHead(202).end();
    if (message.kind === "call") return this.#call(exchange, session, message.id, message.params);
    if (message.kind === "request" && session.open.has(message.id)) return answerError(response, { status: 400, code: INVALID_REQUEST, id: message.id, reason: "the id of a call that is under way" });
    if (message.kind === "notification" && message.method === "notifications/cancelled" && !cancels(session, message.params)) {
      response.writeHead(202).end();
      return;
    }
    await this.#pass(exchange, session, "POST");
  }

  async get(exchange: HttpExchange): Promise<void> {
    await this.#passInSession(exchange, "GET");
  }

  async delete(exchange: HttpExchange): Promise<void> {
    const session = await this.#passInSession(exchange, "DELETE");
    if (session?.protocolSession === undefined || exchange.response.statusCode >= 300) return;
    session.end();
    this.#sessions.forget(exchange);
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const session of this.#sessions.all()) for (const call of session.calls) call.leaveWaiting();
    await this.#running.drained();
  }

  async close(): Promise<void> {
    this.#isDraining = this.#isClosed = true;
    for (const session of this.#sessions.all()) session.end();
    this.#rounds.end();
    await this.#running.drained();
    await this.#rounds.drained();
    this.#upstream.close();
  }

  async #passInSession(exchange: HttpExchange, method: "GET" | "DELETE"): Promise<ForwardSession | undefined> {
    const session = this.#sessions.of(exchange);
    if (session === undefined) answerError(exchange.response, NO_SESSION);
    else await this.#pass(exchange, session, method);
    return session;
  }

  async #pass(exchange: HttpExchange & Partial<PostExchange>, session: ForwardSession, method: "POST" | "GET" | "DELETE"): Promise<void> {
    const { request, gone, body } = exchange;
    const sending = this.#upstream.send(method, this.#upstream.headersFor(request.headers), body, { again: true });
    const stop = (): void => sending.abort();
    gone.addEventListener("abort", stop, { once: true });
    if (gone.aborted) stop();
    const [heard, tasks] = await Promise.all([sending.heard, this.#watchTasks(exchange)]);
    await passAnswer(heard, { exchange, session, tasks, upstream: this.#upstream, sessions: this.#sessions });
  }

  async #watchTasks({ message, caller }: HttpExchange & Partial<PostExchange>): Promise<TaskWatch> {
    const scope = scopeOf(this.#known ?? (await this.#identified()));
    const tasks = new TaskWatch({ tasks: this.#rounds.tasks, scope: () => scope, inspects: () => inspectsResults(caller.governance()) });
    if (message?.kind === "request") tasks.asked(message.id, message.method, message.params);
    return tasks;
  }

  async #call(exchange: PostExchange, session: ForwardSession, id: RpcId, params: JsonValue | undefined): Promise<void> {
    const refusal = this.#refusalOf(exchange, session, id);
    if (refusal !== undefined) return answerError(exchange.response, { id, ...refusal });
    const call = new ForwardCall({ upstream: this.#upstream, session, exchange, id, cancelGraceMs: this.#options.cancelGraceMs ?? CANCEL_GRACE_MS, isOver: () => this.#isClosed });
    session.calls.add(call);
    if (!exchange.stateless) session.open.set(id, call);
    this.#running.begin();
    try {
      await this.#govern(call, exchange, session, params);
    } finally {
      session.calls.delete(call);
      if (!exchange.stateless) session.open.delete(id);
      this.#running.end();
    }
  }

  #refusalOf({ stateless }: PostExchange, session: ForwardSession, id: RpcId): HttpRefusal | undefined {
    if (this.#isDraining) return { status: 503, reason: "this server is no longer served here; try again in a moment", headers: { "retry-after": "5" } };
    if (!stateless && session.open.has(id)) return { status: 400, code: INVALID_REQUEST, reason: "the id of a call that is under way" };
    if (session.calls.size >= MAX_OPEN) return { status: 429, code: INVALID_REQUEST, reason: `more than ${MAX_OPEN} calls under way` };
    return undefined;
  }

  /** Never rejects. */
  async #govern(call: ForwardCall, exchange: PostExchange, session: ForwardSession, params: JsonValue | undefined): Promise<void> {
    const { waiting = WAITING, onWarning } = this.#options;
    const { client } = call;
    const { signal } = client.cancelled;
    try {
      let governance: Governance | Promise<Governance> = exchange.caller.governance();
      if (governance instanceof Promise) governance = await governance;
      call.inspects = governance.ports.inspect.inspections.length > 0;
      const server = this.#known ?? (await this.#identified());
      const knowing = session.knowTools();
      if (knowing !== undefined) await knowing;
      if (isUnheard(signal)) return await call.finish(undefined);
      if (session.failure !== undefined && !session.isListed) return answerError(exchange.response, { ...session.failure, id: client.id });
      const lies = exchange.stateless ? refusedParams(exchange.request.headers, params, schemaOf(session, params)) : undefined;
      if (lies !== undefined) return answerError(exchange.response, { ...lies, id: client.id });
      const proposed = this.#propose(exchange, session, params, governance, server);
      await call.finish(await governCall(client, proposed, { governance, around: (ask) => askLeaving(ask, call.leave.signal, () => call.held()), client: session.showsForms ? session.asked.through(call.write) : undefined, upstream: call, waiting, rounds: this.#rounds, credential: exchange.caller.credential, knowTools: () => (exchange.stateless ? session.tools.freshen() : session.tools.refreshing), write: call.write, onWarning }));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      onWarning(`a call was refused: ${why}`);
      const result = errorAnswer(`The call did not run: ${why}`, client.modern);
      await call.finish(isUnheard(signal) ? undefined : JSON.stringify({ jsonrpc: "2.0", id: client.id, result }));
    }
  }

  #propose({ request, caller, stateless, message }: PostExchange, session: ForwardSession, params: JsonValue | undefined, governance: Governance, server: ServerRef): ProposedCall {
    const { agent, user, credential } = caller;
    const version = request.headers["mcp-protocol-version"];
    return {
      params,
      eraKeys: stateless ? MODERN_KEYS : LEGACY_KEYS,
      server,
      caller: { agent, user, session: { id: this.#sessions.callSessionOf(session, credential, agent.name, message) }, principal: governance.principal ?? localPrincipal() },
      tools: session.tools.catalog,
      connection: { sessionId: session.protocolSession, protocolVersion: typeof version === "string" ? version : undefined, ...this.#upstream.address },
      maxBytes: governance.maxCallBytes,
    };
  }

  #identified(): Promise<ServerRef> {
    return (this.#identifying ??= this.#identify());
  }

  async #identify(): Promise<ServerRef> {
    const { name, url } = this.#options;
    return (this.#known = { name, identity: await serverIdentity({ kind: "http", url }), transport: "http" });
  }
}

function schemaOf(session: ForwardSession, params: JsonValue | undefined): unknown {
  const tool = memberOf(params, "name");
  return typeof tool === "string" ? session.schemaOf(tool) : undefined;
}

/** Whether the cancelled request is one that the upstream knows. */
function cancels(session: ForwardSession, params: JsonValue | undefined): boolean {
  const id = memberOf(params, "requestId");
  const call = typeof id === "string" || typeof id === "number" ? session.open.get(id) : undefined;
  return call === undefined || call.cancel();
}
