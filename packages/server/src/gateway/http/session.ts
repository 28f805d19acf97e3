/**
 * One session of the older protocol over HTTP: one client, one connection to the upstream, one relay. It brings each message of the upstream
 * to the stream where it belongs: answers to their request, progress to whoever gave the token, all else to whoever listens.
 */
import type { ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import type { JsonValue } from "@countersign/sdk/call";
import { memberOf, metaOf } from "../message/members.ts";
import { INVALID_REQUEST, type RpcId } from "../message/read-client-message.ts";
import { valueAt } from "../message/read-upstream-message.ts";
import { beginRelay, type BegunClient } from "../begin-client.ts";
import type { ClientBound } from "../relay.ts";
import { within } from "../within.ts";
import type { UpstreamEnd } from "../upstream/upstream-connection.ts";
import { answerError, STUFFED } from "./answer-error.ts";
import { EventLog, readEventId } from "./event-log.ts";
import { EventStream, type Resumption } from "./event-stream.ts";
import type { HttpCaller, HttpExchange, PostExchange } from "./http-endpoint.ts";
import { MAX_UNSENT_BYTES } from "./http-limits.ts";
import { lineOf } from "./lines.ts";
import { Parked } from "./parked.ts";
import { acceptedBy, Reply } from "./reply.ts";
import type { ServedUpstream } from "./served-upstream.ts";

/** Said by no request that is under way: a stream that the client opened for such things is the better place. */
const UNRELATED = new Set(["notifications/tools/list_changed", "notifications/prompts/list_changed", "notifications/resources/list_changed", "notifications/resources/updated", "notifications/tasks/status"]);
const PRIMES_FROM = "2025-11-25";
const MAX_LOG_BYTES = 4 * 1024 * 1024;
const MAX_LISTENERS = 8;
const MAX_PAST = 64;
const DRAIN_MS = 1_000;
const END_MS = 5_000;
const GONE = "the server has ended before it answered";

export class Session {
  readonly id: string;
  readonly #upstream: ServedUpstream;
  readonly #served: BegunClient;
  readonly #log = new EventLog(MAX_LOG_BYTES);
  readonly #parked: Parked;
  #caller: HttpCaller;
  /** Requests that are under way, the newest last. */
  readonly #replies = new Map<RpcId, Reply>();
  readonly #tokens = new Map<RpcId, RpcId>();
  /** Streams whose client may still come back for what it missed, by name. */
  readonly #named = new Map<string, Reply>();
  /** Streams that the client opened with GET, the newest last. */
  readonly #listeners = new Map<string, EventStream>();
  #count = 0;
  #writable: PromiseWithResolvers<void> | undefined;
  /** Of messages that wait for that. */
  #waitingBytes = 0;
  #usedAt = performance.now();
  /** Resolves when it has ended, and what was open is answered. */
  readonly ended: Promise<void>;

  constructor(id: string, caller: HttpCaller, upstream: ServedUpstream) {
    this.id = id;
    this.#caller = caller;
    this.#upstream = upstream;
    this.#parked = new Parked(upstream.onWarning);
    const { begin = (options) => beginRelay(upstream, options) } = upstream;
    this.#served = begin({
      credential: caller.credential,
      governance: (server) => this.#caller.governance(server),
      caller: { agent: caller.agent, user: caller.user, session: { id: randomUUID() } },
      sessionId: id,
      hearing: (request) => this.#replies.get(request),
      toClient: (bytes, about) => this.#deliver(bytes, about),
      onFull: () => void (this.#writable ??= Promise.withResolvers()),
      onDrain: () => this.#drained(),
      onWarning: upstream.onWarning,
    });
    this.ended = this.#served.ended.then((end) => this.#upstreamEnded(end));
  }

  get credential(): string {
    return this.#caller.credential;
  }

  /** Client and upstream agreed on a version. */
  get isAgreed(): boolean {
    return this.#served.protocolVersion !== undefined;
  }

  /** Milliseconds since it was last used; 0 while a stream is open. */
  get idleMs(): number {
    const inUse = [...this.#listeners.values()].some(({ isAttached }) => isAttached) || [...this.#replies.values()].some(({ isOpen }) => isOpen);
    return inUse ? 0 : performance.now() - this.#usedAt;
  }

  /** Resolves when it is answered, or when its client is gone. */
  async post(exchange: PostExchange): Promise<void> {
    this.#use(exchange.caller);
    const { message, body, response } = exchange;
    if (this.#writable !== undefined) {
      if (this.#waitingBytes > MAX_UNSENT_BYTES) return answerError(response, { ...STUFFED, id: "id" in message ? message.id : null });
      if (!(await this.#untilWritable(exchange))) return; // its client has gone, and nothing of it was sent
    }
    const line = lineOf(body);
    if (message.kind === "call" || message.kind === "request") {
      if (this.#replies.has(message.id)) return answerError(response, { status: 400, code: INVALID_REQUEST, reason: "the id of a request that is under way", id: message.id });
      const reply = this.#open(exchange, message.id, message.params);
      this.#served.receive(message, line);
      return reply.settled;
    }
    this.#served.receive(message, line);
    if (message.kind === "notification" && message.method === "notifications/cancelled") this.#cancelled(memberOf(message.params, "requestId"));
    response.writeHead(202).end();
  }

  /** A stream of its own, or one that goes on. */
  get(exchange: HttpExchange): void {
    this.#use(exchange.caller);
    const { request, response } = exchange;
    if (!acceptedBy(request.headers.accept).stream) return answerError(response, { status: 406, reason: "Accept must have text/event-stream" });
    const last = request.headers["last-event-id"];
    if (typeof last !== "string" || last === "") return this.#listen(exchange);
    const event = readEventId(last);
    if (event === undefined) return answerError(response, { status: 400, reason: "Last-Event-ID names no event of this session" });
    const reply = this.#named.get(event.stream);
    if (reply !== undefined) {
      reply.resume(exchange, event.number);
      return this.#parked.empty(reply.isOpen ? reply : undefined);
    }
    if (event.stream.startsWith("g")) return this.#listen(exchange, { name: event.stream, number: event.number });
    response.writeHead(204, this.#headers).end();
  }

  /** Calls that wait for people stop waiting: what was asked stays asked, and the same call sent again joins it. */
  leave(): void {
    for (const reply of this.#replies.values()) reply.leave();
  }

  /** Ends it with what belongs to it. What was sent may still be answered for a moment; nothing that was not is sent any more. */
  async end(): Promise<void> {
    this.#served.clientGone();
    await within(this.#served.drained(), DRAIN_MS);
    await this.#served.stop();
    await this.ended;
  }

  drained(): Promise<void> {
    return this.#served.drained();
  }

  get #headers(): { readonly "mcp-session-id": string } {
    return { "mcp-session-id": this.id };
  }

  #use(caller: HttpCaller): void {
    this.#caller = caller; // what governs it may be another one by now
    this.#usedAt = performance.now();
  }

  /** False where the client has gone before. */
  async #untilWritable({ body, gone }: PostExchange): Promise<boolean> {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const onGone = (): void => leave();
    gone.addEventListener("abort", onGone, { once: true });
    this.#waitingBytes += body.length;
    while (this.#writable !== undefined && !gone.aborted) await Promise.race([this.#writable.promise, left]);
    this.#waitingBytes -= body.length;
    gone.removeEventListener("abort", onGone);
    return !gone.aborted;
  }

  #drained(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  #open(exchange: PostExchange, id: RpcId, params: JsonValue | undefined): Reply {
    const name = `p${(this.#count += 1)}`;
    const token = metaOf(params)?.["progressToken"];
    const { pulse, openAfterMs, resumeMs } = this.#upstream;
    const reply: Reply = new Reply(exchange, {
      id,
      headers: this.#headers,
      pulse,
      openAfterMs: openAfterMs.session,
      resumption: this.#resumption(name, exchange),
      resumeMs,
      onOver: () => {
        this.#usedAt = performance.now();
        this.#replies.delete(id);
        if (token !== undefined) this.#tokens.delete(token as RpcId); // as it was set
        if (!reply.isResumable) this.#named.delete(name);
        this.#forgetOldest();
      },
    });
    this.#replies.set(id, reply);
    this.#named.set(name, reply);
    if (typeof token === "string" || typeof token === "number") this.#tokens.set(token, id);
    this.#parked.empty(reply.isOpen ? reply : undefined);
    return reply;
  }

  #resumption(name: string, { request }: HttpExchange): Resumption {
    const version = this.#served.protocolVersion ?? request.headers["mcp-protocol-version"];
    return { name, log: this.#log, primes: typeof version === "string" && version >= PRIMES_FROM };
  }

  #forgetOldest(): void {
    let over = this.#named.size - this.#replies.size - MAX_PAST;
    for (const [name, reply] of this.#named) {
      if (over-- <= 0) return;
      if ([...this.#replies.values()].includes(reply)) continue;
      this.#named.delete(name);
      this.#log.forget(name, reply.number);
    }
  }

  #listen(exchange: HttpExchange, from?: { readonly name: string; readonly number: number }): void {
    const name = from?.name ?? `g${(this.#count += 1)}`;
    const { response, gone } = exchange;
    const known = this.#listeners.get(name);
    const stream = known ?? new EventStream({ headers: this.#headers, pulse: this.#upstream.pulse, resumption: this.#resumption(name, exchange) });
    this.#listeners.delete(name);
    this.#listeners.set(name, stream);
    if (known === undefined || from === undefined) stream.open(response);
    else stream.resume(response, from.number);
    gone.addEventListener("abort", () => this.#unheard(stream, response), { once: true });
    for (const [oldest, { isAttached }] of this.#listeners) {
      if (this.#listeners.size <= MAX_LISTENERS) break;
      if (isAttached) this.#listeners.get(oldest)?.end();
      this.#listeners.delete(oldest);
    }
    this.#parked.empty({ beside: (message) => stream.say(message) });
  }

  #unheard(stream: EventStream, response: ServerResponse): void {
    this.#usedAt = performance.now();
    stream.detach(response);
  }

  #deliver(bytes: Buffer | string, about: ClientBound): void {
    switch (about.kind) {
      case "answer":
        if (about.id !== null) this.#replies.get(about.id)?.answer(bytes);
        return;
      case "beside":
        this.#replies.get(about.id)?.beside(bytes);
        return;
      case "notification": {
        const token = about.method === "notifications/progress" ? valueAt(about.params, ["progressToken"]) : undefined;
        const asked = this.#tokens.get(token as RpcId); // whatever it is, only ids are in there
        const reply = asked === undefined ? undefined : this.#replies.get(asked);
        if (reply !== undefined) return reply.beside(bytes);
        return this.#say(bytes, UNRELATED.has(about.method));
      }
      case "request":
        return this.#say(bytes, false);
      case "other":
        this.#upstream.onWarning("the server wrote what is no message of MCP; that is not passed on");
    }
  }

  /** To whoever listens; where nobody does, it waits for somebody. */
  #say(bytes: Buffer | string, unrelated: boolean): void {
    const reply = [...this.#replies.values()].findLast(({ isOpen }) => isOpen);
    const listener = [...this.#listeners.values()].findLast(({ isAttached }) => isAttached);
    if (listener !== undefined && (unrelated || reply === undefined)) listener.say(bytes);
    else if (reply !== undefined) reply.beside(bytes);
    else this.#parked.park(bytes);
  }

  #cancelled(id: JsonValue | undefined): void {
    if (typeof id === "string" || typeof id === "number") this.#replies.get(id)?.end(); // a cancelled request is answered by nobody
  }

  async #upstreamEnded(end: UpstreamEnd): Promise<void> {
    this.#served.upstreamGone();
    this.#drained();
    await within(this.#served.drained(), END_MS);
    const reason = end.kind === "not started" ? `the server could not be started: ${end.why}` : GONE;
    for (const reply of this.#replies.values()) reply.refuse({ status: 502, reason });
    for (const listener of this.#listeners.values()) listener.end();
  }
}
