/**
 * The connection to a server over Streamable HTTP, of both eras of the protocol: each message is a POST, and what the server says comes as
 * JSON or as a stream of events. In a session (up to 2025-11-25) there is a stream of its own besides, and what breaks is gone on with; without
 * (2026-07-28) each request has a stream, whose end is the request's. Every request gets an answer, if need be one that says that there is none.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { UpstreamConnection, UpstreamEnd, UpstreamListener } from "./upstream-connection.ts";
import { Exchanges, isErrorFor, type Exchange } from "./remote/exchange.ts";
import { httpRefusal, type HttpRefusal } from "./remote/http-refusal.ts";
import { HttpSender, type HttpAnswer } from "./remote/http-sender.ts";
import { MirroredHeaders } from "./remote/mirrored-headers.ts";
import { ignoreBody, mediaTypeOf, OpenStreams } from "./remote/open-streams.ts";
import { Outbox, untilAcknowledged, type OnFlushed } from "./remote/outbox.ts";
import { memberOf, readOutgoing, type Outgoing } from "./remote/outgoing.ts";
import { readRefusal } from "./remote/read-body.ts";
import { MAX_ANSWER_BYTES, nameOfServer, type RemoteServer } from "./remote/remote-server.ts";

type Request = Extract<Outgoing, { kind: "request" }>;
type Answered = Extract<HttpAnswer, { kind: "answered" }>;

const GOODBYE_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** A broken answer is asked for so often, without hearing anything. */
const MAX_RESUMPTIONS = 3;
/** EX_UNAVAILABLE of sysexits. */
export const UNAVAILABLE = 69;
const [NOT_FOUND, NOT_ALLOWED, SERVER_ERROR] = [404, 405, 500];
/** What these answer says nothing about which transport the server speaks. */
const OTHERWISE_REFUSED = new Set([401, 403, 408, 413, 429]);
/** They change nothing, so that a connection the server had just closed is no reason to fail. */
const REPEATABLE = new Set(["initialize", "ping", "server/discover", "tools/list", "prompts/list", "prompts/get", "resources/list", "resources/templates/list", "resources/read"]);
const POST = { "content-type": "application/json", accept: "application/json, text/event-stream" };

export interface ConnectHttpOptions {
  /** The server may speak another transport: called with what it could not be asked, instead of an answer. After it the connection is over. */
  readonly onUnsupported?: (line: Buffer | string, refusal: HttpRefusal) => void;
  readonly maxAnswerBytes?: number;
}

export function connectHttp(server: RemoteServer, listener: UpstreamListener, options: ConnectHttpOptions = {}): UpstreamConnection {
  return new HttpConnection(server, listener, options);
}

class HttpConnection implements UpstreamConnection {
  readonly #server: RemoteServer;
  readonly #listener: UpstreamListener;
  readonly #options: ConnectHttpOptions;
  readonly #sender: HttpSender;
  readonly #streams: OpenStreams;
  readonly #exchanges: Exchanges;
  readonly #outbox: Outbox;
  readonly #mirrored = new MirroredHeaders();
  readonly #over = new AbortController();
  readonly #end = Promise.withResolvers<UpstreamEnd>();
  readonly ended = this.#end.promise;
  #ending: Promise<void> | undefined;
  #session: string | undefined;
  /** Agreed on in a session. */
  #version: string | undefined;
  /** Of the last request of the protocol without sessions. */
  #stateless: string | undefined;
  #listening = false;
  #retryMs: number | undefined;
  #unsupported: HttpRefusal | undefined;

  constructor(server: RemoteServer, listener: UpstreamListener, options: ConnectHttpOptions) {
    this.#server = server;
    this.#listener = listener;
    this.#options = options;
    this.#outbox = new Outbox(listener.onDrain);
    this.#sender = new HttpSender(server);
    this.#streams = new OpenStreams(options.maxAnswerBytes ?? MAX_ANSWER_BYTES);
    this.#exchanges = new Exchanges(listener, (exchange, result, line) => {
      if (exchange.method === "initialize") this.#agree(result);
      if (exchange.stateless && exchange.method === "tools/list") this.#mirrored.learn(line);
    });
  }

  send(line: Buffer | string): boolean {
    const message = this.#over.signal.aborted ? undefined : readOutgoing(line);
    if (message === undefined || this.#isCancelled(message)) return true;
    if (message.kind !== "request") return this.#outbox.barrier(line, (onFlushed) => untilAcknowledged(this.#notify(line, message, onFlushed)));
    if (message.method === "initialize") return this.#outbox.barrier(line, (onFlushed) => this.#request(line, message, onFlushed).ended);
    return this.#outbox.request(line, (onFlushed) => void this.#request(line, message, onFlushed));
  }

  pause(): void {
    this.#streams.pause();
  }

  resume(): void {
    this.#streams.resume();
  }

  stop(): Promise<void> {
    return this.#finish({ kind: "ended", code: 0 });
  }

  #finish(end: UpstreamEnd): Promise<void> {
    return (this.#ending ??= (async () => {
      this.#over.abort();
      this.#exchanges.abort();
      if (this.#session !== undefined) {
        const answer = await this.#sender.send({ method: "DELETE", headers: this.#sessionHeaders(), signal: AbortSignal.timeout(GOODBYE_MS) });
        if (answer.kind === "answered") answer.body.on("error", () => undefined).destroy(); // servers may not have that
      }
      this.#sender.close();
      this.#end.resolve(end);
    })());
  }

  #request(line: Buffer | string, message: Request, onFlushed: OnFlushed): Exchange {
    const { id, method, version } = message;
    const exchange = this.#exchanges.open({ id, method, stateless: version !== undefined });
    void this.#ask(exchange, line, message, onFlushed);
    return exchange;
  }

  /** Never rejects. */
  async #ask(exchange: Exchange, line: Buffer | string, message: Request, onFlushed: OnFlushed): Promise<void> {
    if (this.#over.signal.aborted) {
      exchange.end();
      return this.#late(line, onFlushed);
    }
    const { method, version } = message;
    if (version !== undefined) this.#stateless = version;
    if (method === "initialize") this.#session = this.#version = undefined;
    const headers = version === undefined ? this.#sessionHeaders() : this.#mirrored.of({ ...message, version });
    const session = this.#session;
    try {
      const answer = await this.#sender.send({ method: "POST", headers: { ...headers, ...POST }, body: line, signal: exchange.closing.signal, onFlushed, repeatable: REPEATABLE.has(method) });
      if (answer.kind === "failed") return this.#lose(exchange, answer.begun ? `did not answer: ${answer.why}` : `cannot be reached: ${answer.why}. The request was not sent.`, answer.begun);
      if (answer.status >= 300 || answer.status < 200) return await this.#refused(exchange, answer, line, session);
      if (method === "initialize") this.#session = headerOf(answer, "mcp-session-id");
      await this.#answered(exchange, answer);
    } finally {
      this.#exchanges.close(exchange);
    }
  }

  async #answered(exchange: Exchange, { status, headers, body }: Answered): Promise<void> {
    const type = mediaTypeOf({ headers });
    if (type === "text/event-stream") return this.#follow(exchange, body);
    if (type !== "application/json" || !isPlain(headers["content-encoding"])) {
      body.on("error", () => undefined).destroy();
      return this.#lose(exchange, `answered with ${status} and without an answer`, true);
    }
    const read = await this.#streams.body(body);
    if (read.kind === "whole") for (const message of messagesIn(read.bytes)) this.#exchanges.deliver(message);
    const why = { whole: "answered with something else", "too long": "answered with more than the gateway takes", broken: "broke off its answer" }[read.kind];
    this.#lose(exchange, why, true);
  }

  /** The stream of a request, and in a session whatever it is continued by, until the request is over. */
  async #follow(exchange: Exchange, first: Answered["body"]): Promise<void> {
    let stream: Answered["body"] | undefined = first;
    for (let attempt = 0; stream !== undefined; ) {
      const heard = await this.#hear(stream, (id) => (exchange.lastEventId = id));
      if (exchange.over || exchange.closing.signal.aborted) return;
      if (exchange.stateless || exchange.lastEventId === undefined) break;
      for (stream = undefined, attempt = heard ? 0 : attempt + 1; stream === undefined && attempt < MAX_RESUMPTIONS; attempt += 1) {
        const answer = await this.#listenAgain(exchange.lastEventId, attempt, exchange.closing.signal);
        if (answer === "over" || exchange.over) return;
        if (answer === "never") break;
        if (answer !== "later") stream = answer.body;
      }
    }
    this.#lose(exchange, "ended its answer before it was there", true);
  }

  /** Hands on what comes, until the stream ends. True where anything came. */
  async #hear(stream: Answered["body"], onId: (id: string) => void): Promise<boolean> {
    let heard = false;
    await this.#streams.events(stream, {
      onEvent: ({ event, data, id }) => {
        heard = true;
        if (id !== undefined) onId(id);
        if (data.length > 0 && event === "message") this.#exchanges.deliver(data);
      },
      onRetry: (ms) => (this.#retryMs = Math.min(ms, MAX_RETRY_MS)),
      onOversize: () => this.#listener.onWarning(`a message of ${nameOfServer(this.#server)} was longer than the limit; it is not passed on`),
    });
    return heard;
  }

  /** The stream of the session itself: what the server says of its own accord. Servers may have none. */
  async #listen(): Promise<void> {
    if (this.#listening) return;
    this.#listening = true;
    const { signal } = this.#over;
    let lastEventId: string | undefined;
    for (let attempt = -1; !signal.aborted; ) {
      const answer = await this.#listenAgain(lastEventId, attempt, signal);
      if (answer === "over" || answer === "never") return;
      const heard = answer !== "later" && (await this.#hear(answer.body, (id) => (lastEventId = id)));
      attempt = heard ? 0 : attempt + 1;
    }
  }

  /** Asks for a stream, after a while that grows with the attempts; the first of a session at once. */
  async #listenAgain(lastEventId: string | undefined, attempt: number, signal: AbortSignal): Promise<Answered | "later" | "never" | "over"> {
    if (attempt >= 0) await sleep(this.#retryMs ?? Math.min(1_000 * 1.5 ** attempt, MAX_RETRY_MS), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return "over";
    const headers = { ...this.#sessionHeaders(), accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
    const session = this.#session;
    const answer = await this.#sender.send({ method: "GET", headers, signal });
    if (signal.aborted) return "over";
    if (answer.kind === "failed") return "later";
    if (answer.status === 200 && mediaTypeOf(answer) === "text/event-stream") return answer;
    if (answer.status === NOT_FOUND && session !== undefined) return this.#sessionLost(session);
    const text = await readRefusal(answer.body);
    if (answer.status >= SERVER_ERROR || answer.status === 429) return "later";
    if (answer.status !== NOT_ALLOWED && answer.status >= 300) this.#listener.onWarning(`notifications are not heard: ${httpRefusal(this.#server, { ...answer, text }).message}`);
    return "never";
  }

  async #notify(line: Buffer | string, message: Exclude<Outgoing, Request>, onFlushed: OnFlushed): Promise<void> {
    const { signal } = this.#over;
    if (signal.aborted) return this.#late(line, onFlushed);
    const version = this.#session === undefined && this.#version === undefined ? this.#stateless : undefined;
    const headers = { ...this.#sessionHeaders(), ...(version === undefined ? {} : { "mcp-protocol-version": version }), ...POST };
    const session = this.#session;
    const answer = await this.#sender.send({ method: "POST", headers, body: line, signal, onFlushed });
    if (signal.aborted) return;
    if (answer.kind === "failed") return this.#listener.onWarning(`a message did not reach ${nameOfServer(this.#server)}: ${answer.why}`);
    if (answer.status >= 300) {
      if (answer.status === NOT_FOUND && session !== undefined) return void this.#sessionLost(session);
      return this.#listener.onWarning(`a message was not taken: ${httpRefusal(this.#server, { ...answer, text: await readRefusal(answer.body) }).message}`);
    }
    ignoreBody(answer.body);
    if (message.kind === "notification" && message.method === "notifications/initialized") void this.#listen();
  }

  /** What waited here until the end goes to whoever takes over, if anybody does. */
  #late(line: Buffer | string, onFlushed: OnFlushed): void {
    onFlushed();
    if (this.#unsupported !== undefined) this.#options.onUnsupported?.(line, this.#unsupported);
  }

  /** True where the message is nothing to send: without sessions, a request is cancelled by closing its stream. */
  #isCancelled(message: Outgoing): boolean {
    if (message.kind !== "notification" || message.method !== "notifications/cancelled") return false;
    const exchange = this.#exchanges.find(memberOf(message.params, "requestId"));
    if (exchange === undefined) return this.#stateless !== undefined && this.#version === undefined;
    exchange.end();
    if (exchange.stateless) exchange.closing.abort();
    return exchange.stateless;
  }

  async #refused(exchange: Exchange, answer: Answered, line: Buffer | string, session: string | undefined): Promise<void> {
    const { status } = answer;
    const text = await readRefusal(answer.body);
    if (status === NOT_FOUND && session !== undefined && !exchange.stateless) {
      this.#exchanges.lose(exchange, `${SESSION_OVER} The request was not carried out.`, undefined);
      return void this.#sessionLost(session);
    }
    // The server's own word, in its own bytes; but who may not in is told by us what to do.
    if (status !== 401 && status !== 403 && isErrorFor(exchange, text)) return this.#exchanges.deliver(Buffer.from(text));
    const refusal = httpRefusal(this.#server, { ...answer, text });
    if (exchange.method === "initialize" && this.#options.onUnsupported !== undefined && status >= 400 && status < SERVER_ERROR && !OTHERWISE_REFUSED.has(status)) {
      exchange.end();
      this.#unsupported = refusal;
      void this.#finish({ kind: "ended", code: 0 });
      return this.#options.onUnsupported(line, refusal);
    }
    this.#exchanges.lose(exchange, refusal.message, refusal.outcome);
  }

  #sessionLost(session: string): "over" {
    if (session !== this.#session) return "over"; // of one that was before
    this.#session = undefined; // nothing is left to delete
    this.#listener.onWarning(`${nameOfServer(this.#server)}: ${SESSION_OVER}`);
    this.#exchanges.loseAll(`${SESSION_OVER} Whether the request was carried out is not known.`);
    void this.#finish({ kind: "ended", code: UNAVAILABLE });
    return "over";
  }

  #lose(exchange: Exchange, what: string, maybeDone: boolean): void {
    if (exchange.closing.signal.aborted) return;
    this.#exchanges.lose(exchange, `The gateway has no answer: ${nameOfServer(this.#server)} ${what}${maybeDone ? `; whether the request was carried out is not known.` : ""}`, maybeDone ? "unknown" : undefined);
  }

  #agree(result: unknown): void {
    const version = memberOf(result, "protocolVersion");
    if (typeof version === "string" && /^[\u0021-\u007e]{1,64}$/.test(version)) this.#version = version;
  }

  #sessionHeaders(): Record<string, string> {
    return { ...(this.#session === undefined ? {} : { "mcp-session-id": this.#session }), ...(this.#version === undefined ? {} : { "mcp-protocol-version": this.#version }) };
  }
}

const SESSION_OVER = "The server has ended the session (404): start the client anew.";

function headerOf({ headers }: Answered, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isPlain(encoding: string | undefined): boolean {
  return encoding === undefined || encoding === "" || encoding.toLowerCase() === "identity";
}

/** A body is one message; older servers may answer with a list of them. */
function messagesIn(body: Buffer): readonly Buffer[] {
  const first = body.find((byte) => byte > 0x20);
  if (first !== 0x5b) return body.length === 0 ? [] : [body];
  try {
    const list: unknown = JSON.parse(body.toString("utf8"));
    return Array.isArray(list) ? list.map((one) => Buffer.from(JSON.stringify(one))) : [];
  } catch {
    return [];
  }
}
