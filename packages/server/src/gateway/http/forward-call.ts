/**
 * One tool call of an HTTP client on its way to an HTTP upstream: governed, sent once it may run, and answered by the upstream's own
 * status, headers and bytes. While people are asked the client has a stream that says so. Made by forward-endpoint.ts, one for each call.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Call } from "@countersign/sdk/call";
import { spendPermit, type Carrier, type Permit } from "@countersign/sdk/enforcement";
import type { ClientCall } from "../call/governed-call.ts";
import { callParams, type Reply, type RoundInputs, type SentCall, type UpstreamPort } from "../call/upstream-port.ts";
import { metaOf } from "../message/members.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { readUpstreamMessage } from "../message/read-upstream-message.ts";
import { accepts } from "./admit-request.ts";
import { SERVER_ERROR } from "./answer-error.ts";
import { dataOf, eventOf, hasId, withData } from "./event-framer.ts";
import { FOREIGN, isEventStream, type ForwardSession, type OpenCall } from "./forward-session.ts";
import type { PostExchange } from "./http-endpoint.ts";
import { headersBack, whyUnusable, type Heard, type HttpUpstream, type Sending } from "./http-upstream.ts";
import { headersOfParams } from "./mirrored-params.ts";
import { beginStream, collect, pumpEvents } from "./pump-events.ts";
import { endWith } from "./write-together.ts";

export interface ForwardCallOptions {
  readonly upstream: HttpUpstream;
  readonly session: ForwardSession;
  readonly exchange: PostExchange;
  readonly id: RpcId;
  readonly cancelGraceMs: number;
  readonly isOver: () => boolean;
}

interface Head {
  readonly status: number;
  /** Its own: what describes the body is put in. */
  readonly headers: OutgoingHttpHeaders;
}

/** What the upstream made of a call that was sent. */
type Came =
  | { readonly kind: "json"; readonly head: Head; readonly line: Buffer }
  /** On a stream, where its answer is waited for by whoever passes that on. */
  | { readonly kind: "event"; readonly event: Buffer; readonly line: Buffer }
  /** Refused by HTTP alone: the client is told the same. */
  | { readonly kind: "status"; readonly head: Head; readonly body: Buffer }
  | { readonly kind: "none"; readonly why: string };

/** An answer whose client has gone, or whose stream has ended, may still come, here or on another stream, for so long. */
const ELSEWHERE_MS = 15 * 60_000;
const KEEP_ALIVE_MS = 15_000;
/** Without a session a stream is nothing to come back to: until then the server's own status can still be told. */
const SHORT_HOLD_MS = 1_000;
const KEEP_ALIVE = ": keep-alive\n\n";
const STREAM: OutgoingHttpHeaders = { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" };

export class ForwardCall implements UpstreamPort, OpenCall {
  readonly client: ClientCall;
  /** Results are looked into. */
  inspects = false;
  /** Aborts where the client hears no answer any more and has taken nothing back. */
  readonly leave = new AbortController();
  readonly #options: ForwardCallOptions;
  readonly #response: ServerResponse;
  readonly #reply = Promise.withResolvers<Reply>();
  /** What goes to the client in the place of the event that the answer came in. */
  readonly #inPlace = Promise.withResolvers<Buffer | undefined>();
  #came: Came | undefined;
  #isHeld = false;
  #sending: Sending | undefined;
  /** The upstream's events have ids: the client can come back for the answer. */
  #isResumable = false;
  #keepAlive: NodeJS.Timeout | undefined;
  #opening: NodeJS.Timeout | undefined;
  #limit: NodeJS.Timeout | undefined;
  /** The upstream's stream, while it is passed on. */
  #passing: Promise<void> | undefined;

  constructor(options: ForwardCallOptions) {
    this.#options = options;
    const { id, exchange } = options;
    const { message, stateless, gone } = exchange;
    this.#response = exchange.response;
    const token = "params" in message ? metaOf(message.params)?.["progressToken"] : undefined;
    const progressToken = typeof token === "string" || typeof token === "number" ? token : undefined;
    this.client = { id, modern: stateless, progressToken, cancelled: new AbortController(), upstreamId: undefined, grace: undefined };
    gone.addEventListener("abort", () => this.#gone(), { once: true });
    if (gone.aborted) this.#gone();
  }

  get isOver(): boolean {
    return this.#options.isOver();
  }

  get isSent(): boolean {
    return this.#sending !== undefined;
  }

  /** People are being asked: the client is told that it waits. */
  held(): void {
    this.#isHeld = true;
    if (this.client.modern) this.#opening ??= setTimeout(() => this.#openStream(), SHORT_HOLD_MS);
    else this.#openStream();
  }

  /** A message for the client while people are asked. */
  readonly write = (bytes: Buffer | string): void => {
    this.#openStream();
    if (this.#response.headersSent) this.#put(eventOf(bytes));
  };

  sendCall(permit: Permit, call: Call, carrier: Carrier): SentCall {
    spendPermit(permit, call);
    return this.#send(call, callParams(call, carrier));
  }

  #send(call: Call, params: string): SentCall {
    const { upstream, exchange, session, id } = this.#options;
    const given = upstream.headersFor(exchange.request.headers);
    const headers = exchange.stateless ? headersOfParams(given, call.arguments, session.schemaOf(call.tool)) : given;
    const body = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":${params}}`;
    this.#sending = upstream.send("POST", headers, body, { fresh: this.#isHeld });
    void this.#sending.heard.then((heard) => this.#hear(heard));
    return { id: String(id), reply: this.#reply.promise };
  }

  continueCall(call: Call, carrier: Carrier, inputs: RoundInputs): SentCall {
    return this.#send(call, callParams(call, carrier, inputs));
  }

  /** Never rejects. */
  async answered(reply: NonNullable<Reply>, event: Buffer): Promise<Buffer | undefined> {
    if (this.#came !== undefined) return undefined; // one answer to one call
    this.#settle({ kind: "event", event, line: reply.line }, reply);
    return this.#inPlace.promise;
  }

  /** The client takes it back. True where the upstream has to be told. */
  cancel(): boolean {
    this.client.cancelled.abort();
    if (!this.isSent) return false;
    this.client.grace ??= setTimeout(() => this.#giveUp("it was cancelled"), this.#options.cancelGraceMs);
    return true;
  }

  sessionEnded(): void {
    this.client.cancelled.abort();
    if (this.isSent) this.#giveUp("the session has ended");
  }

  /** The gateway ends: who is waited for stays asked, and the client is told to call again. */
  leaveWaiting(): void {
    if (!this.isSent) this.leave.abort();
  }

  /** The end, whatever has become of it. `bytes`: what the client is answered with; undefined where it waits for nothing. */
  async finish(bytes: Buffer | string | undefined): Promise<void> {
    for (const timer of [this.#limit, this.#opening, this.client.grace]) clearTimeout(timer);
    if (this.#came?.kind === "event") this.#answerInPlace(this.#came, bytes);
    else if (bytes !== undefined) this.#answer(bytes);
    else if (!this.#response.headersSent && !this.#response.destroyed) this.#response.writeHead(200, STREAM); // what was taken back is answered by nobody
    await this.#passing;
    clearInterval(this.#keepAlive);
    if (!this.#response.destroyed) this.#response.end();
  }

  #answerInPlace({ event, line }: Extract<Came, { kind: "event" }>, bytes: Buffer | string | undefined): void {
    const { session, id } = this.#options;
    if (bytes === line) {
      if (this.inspects && !this.client.modern) session.keepPassed(line);
      return this.#inPlace.resolve(event);
    }
    const changed = bytes === undefined ? undefined : Buffer.from(bytes);
    if (!this.client.modern) session.keepChanged(id, changed);
    this.#inPlace.resolve(changed === undefined ? undefined : withData(event, changed));
  }

  #answer(bytes: Buffer | string): void {
    const came = this.#came;
    const isStream = this.#response.headersSent;
    switch (came?.kind) {
      case "status":
        if (isStream) return this.#put(eventOf(this.#error(`The server ${this.#options.upstream.name} refused the call (HTTP ${came.head.status})`)));
        return this.#plainly(came.head, came.body);
      case "none":
        return isStream ? this.#put(eventOf(this.#error(came.why))) : this.#plainly({ status: 502, headers: {} }, this.#error(came.why));
      case "json":
        return isStream ? this.#put(eventOf(bytes)) : this.#plainly(came.head, bytes);
      case "event":
      case undefined:
        return isStream ? this.#put(eventOf(bytes)) : this.#plainly({ status: 200, headers: {} }, bytes);
    }
  }

  #plainly({ status, headers }: Head, body: Buffer | string): void {
    if (this.#response.destroyed) return;
    headers["content-type"] ??= "application/json";
    headers["content-length"] = Buffer.byteLength(body);
    this.#response.writeHead(status, headers);
    endWith(this.#response, body);
  }

  #put(bytes: Buffer | string): void {
    if (!this.#response.destroyed && !this.#response.writableEnded) this.#response.write(bytes);
  }

  #error(message: string): string {
    return JSON.stringify({ jsonrpc: "2.0", id: this.#options.id, error: { code: SERVER_ERROR, message } });
  }

  #openStream(): void {
    const { request } = this.#options.exchange;
    if (this.#response.headersSent || this.#response.destroyed || !accepts(request.headers, "text/event-stream")) return;
    const session = request.headers["mcp-session-id"];
    this.#response.writeHead(200, session === undefined ? STREAM : { ...STREAM, "mcp-session-id": session });
    this.#response.write(KEEP_ALIVE);
    this.#keepAlive = setInterval(() => this.#put(KEEP_ALIVE), KEEP_ALIVE_MS);
  }

  async #hear(heard: Heard): Promise<void> {
    const { name } = this.#options.upstream;
    const why = whyUnusable(heard, this.#options.upstream);
    if (why !== undefined) return this.#fail(why.reason, why.isDefinite);
    if (heard.kind === "failed") return;
    const { answer } = heard;
    if (isEventStream(answer)) {
      this.#passing = this.#pass(answer);
      return;
    }
    const body = await collect(answer);
    if (body === undefined) return this.#fail(`The server ${name} broke off its answer; whether the tool ran is not known`, false);
    const message = readUpstreamMessage(body);
    const head = { status: answer.statusCode ?? 0, headers: headersBack(answer) };
    if (message.kind === "answer" && message.id === this.#options.id) return this.#settle({ kind: "json", head, line: body }, { answer: message, line: body });
    if (head.status < 400) return this.#fail(`The server ${name} answered with something else than the call's result (HTTP ${head.status}); whether the tool ran is not known`, false);
    // What a server of the kind says with 4xx, it says before anything runs.
    const reply: Reply = head.status < 500 ? { answer: { kind: "answer", id: this.#options.id, ok: false, body: undefined }, line: body } : undefined;
    this.#settle({ kind: "status", head, body }, reply);
  }

  async #pass(answer: IncomingMessage): Promise<void> {
    const { session, exchange, upstream } = this.#options;
    if (!this.#response.headersSent && !this.#response.destroyed) beginStream(this.#response, answer);
    await pumpEvents(answer, this.#response, (event) => {
      this.#isResumable ||= !exchange.stateless && hasId(event);
      const data = dataOf(event);
      if (data === undefined || data.length === 0) return event;
      const message = readUpstreamMessage(data);
      if (message.kind === "answer" && message.id === this.#options.id) return this.answered({ answer: message, line: data }, event);
      if (message.kind === "answer" && exchange.stateless) return session.drop(FOREIGN);
      return session.takeMessage(message, data, event, () => this.inspects);
    });
    if (this.#came !== undefined) return;
    if (!this.#isResumable || this.client.cancelled.signal.aborted) return this.#fail(`The server ${upstream.name} ended its answer before the call's result; whether the tool ran is not known`, false);
    // The client comes back for the answer with the last event's id, on another stream.
    this.#response.end();
    this.#limitWait();
  }

  #gone(): void {
    if (this.#options.exchange.stateless) {
      this.client.cancelled.abort();
      if (this.isSent) this.#giveUp("its client has gone");
    } else if (!this.isSent) {
      // A stream that breaks takes nothing back from people who are asked already; of what nobody was asked about, nothing is left to do.
      if (this.#isHeld) this.leave.abort();
      else this.client.cancelled.abort();
    } else if (this.#isResumable) this.#sending?.abort();
    else this.#limitWait(); // how it ends is heard for the record
  }

  #limitWait(): void {
    if (this.#came === undefined) this.#limit ??= setTimeout(() => this.#giveUp("no answer came in time"), ELSEWHERE_MS);
  }

  #giveUp(why: string): void {
    this.#fail(`${why}; whether the tool ran is not known`, false);
    this.#sending?.abort();
  }

  /** `isDefinite`: nothing ran. */
  #fail(why: string, isDefinite: boolean): void {
    const reply: Reply = isDefinite ? { answer: { kind: "answer", id: this.#options.id, ok: false, body: undefined }, line: Buffer.from(this.#error(why)) } : undefined;
    this.#settle({ kind: "none", why }, reply);
  }

  #settle(came: Came, reply: Reply): void {
    if (this.#came !== undefined) return;
    this.#came = came;
    this.#reply.resolve(reply);
  }
}
