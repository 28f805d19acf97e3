/**
 * The connection to a server over Streamable HTTP, of both eras of the protocol: each message is a POST, and what the server says comes as
 * JSON or as a stream of events. In a session (up to 2025-11-25) there is a stream of its own besides, and what breaks is gone on with; without
 * (2026-07-28) each request has a stream, whose end is the request's. Every request gets an answer, if need be one that says that there is none.
 */
import type { UpstreamConnection, UpstreamEnd, UpstreamListener } from "./upstream-connection.ts";
import { Exchanges, isErrorFor, type Exchange } from "./remote/exchange.ts";
import { httpRefusal, type HttpRefusal } from "./remote/http-refusal.ts";
import { HttpSession } from "./remote/http-session.ts";
import { HttpSender, type HttpAnswer } from "./remote/http-sender.ts";
import { MirroredHeaders } from "./remote/mirrored-headers.ts";
import { ignoreBody, mediaTypeOf, OpenStreams } from "./remote/open-streams.ts";
import { Outbox, untilAcknowledged, type OnFlushed } from "./remote/outbox.ts";
import { memberOf, readOutgoing, type Outgoing } from "./remote/outgoing.ts";
import { readRefusal } from "./remote/read-body.ts";
import { MAX_ANSWER_BYTES, nameOfServer, type RemoteServer } from "./remote/remote-server.ts";
import { SessionStreams } from "./remote/session-streams.ts";

type Request = Extract<Outgoing, { kind: "request" }>;
type Answered = Extract<HttpAnswer, { kind: "answered" }>;

const GOODBYE_MS = 1_000;
/** EX_UNAVAILABLE of sysexits. */
export const UNAVAILABLE = 69;
const [NOT_FOUND, SERVER_ERROR] = [404, 500];
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
  readonly #open: OpenStreams;
  readonly #streams: SessionStreams;
  readonly #session = new HttpSession();
  readonly #exchanges: Exchanges;
  readonly #outbox: Outbox;
  readonly #mirrored = new MirroredHeaders();
  readonly #over = new AbortController();
  readonly #end = Promise.withResolvers<UpstreamEnd>();
  readonly ended = this.#end.promise;
  #ending: Promise<void> | undefined;
  #unsupported: HttpRefusal | undefined;

  constructor(server: RemoteServer, listener: UpstreamListener, options: ConnectHttpOptions) {
    this.#server = server;
    this.#listener = listener;
    this.#options = options;
    this.#outbox = new Outbox(listener.onDrain);
    this.#sender = new HttpSender(server);
    this.#open = new OpenStreams(options.maxAnswerBytes ?? MAX_ANSWER_BYTES);
    this.#exchanges = new Exchanges(listener, (exchange, result, line) => {
      if (exchange.method === "initialize") this.#session.agree(result);
      if (exchange.stateless && exchange.method === "tools/list") this.#mirrored.learn(line);
    });
    const { onWarning } = listener;
    this.#streams = new SessionStreams({ server, sender: this.#sender, open: this.#open, exchanges: this.#exchanges, session: this.#session, over: this.#over.signal, onWarning, onForgotten: () => this.#forgotten(this.#session.id) });
  }

  send(line: Buffer | string): boolean {
    const message = this.#over.signal.aborted ? undefined : readOutgoing(line);
    if (message === undefined || this.#isCancelled(message)) return true;
    if (message.kind !== "request") return this.#outbox.barrier(line, (onFlushed) => untilAcknowledged(this.#notify(line, message, onFlushed)));
    if (message.method === "initialize") return this.#outbox.barrier(line, (onFlushed) => this.#request(line, message, onFlushed).ended);
    return this.#outbox.request(line, (onFlushed) => void this.#request(line, message, onFlushed));
  }

  get unsent(): number {
    return this.#outbox.unsent;
  }

  pause(): void {
    this.#open.pause();
  }

  resume(): void {
    this.#open.resume();
  }

  stop(): Promise<void> {
    return this.#finish({ kind: "ended", code: 0 });
  }

  #finish(end: UpstreamEnd): Promise<void> {
    return (this.#ending ??= (async () => {
      this.#over.abort();
      this.#exchanges.abort();
      if (this.#session.id !== undefined) {
        const answer = await this.#sender.send({ method: "DELETE", headers: this.#session.headers(), signal: AbortSignal.timeout(GOODBYE_MS) });
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
    const whyNot = version === undefined ? undefined : this.#mirrored.whyNot(message);
    if (whyNot !== undefined) {
      onFlushed();
      this.#exchanges.lose(exchange, whyNot, undefined);
      return this.#exchanges.close(exchange);
    }
    if (version !== undefined) this.#session.sawStateless(version);
    if (method === "initialize") this.#session.begin();
    const headers = version === undefined ? this.#session.headers() : this.#mirrored.of({ ...message, version });
    const session = this.#session.id;
    try {
      const answer = await this.#sender.send({ method: "POST", headers: { ...headers, ...POST }, body: line, signal: exchange.closing.signal, onFlushed, repeatable: REPEATABLE.has(method) });
      if (answer.kind === "failed") return this.#lose(exchange, answer.begun ? `did not answer: ${answer.why}` : `cannot be reached: ${answer.why}. The request was not sent.`, answer.begun);
      if (answer.status >= 300 || answer.status < 200) return await this.#refused(exchange, answer, line, session);
      if (method === "initialize") this.#session.id = headerOf(answer, "mcp-session-id");
      await this.#answered(exchange, answer);
    } finally {
      this.#exchanges.close(exchange);
    }
  }

  async #answered(exchange: Exchange, { status, headers, body }: Answered): Promise<void> {
    const type = mediaTypeOf({ headers });
    if (type === "text/event-stream") {
      await this.#streams.follow(exchange, body);
      return this.#lose(exchange, "ended its answer before it was there", true);
    }
    if (type !== "application/json" || !isPlain(headers["content-encoding"])) {
      body.on("error", () => undefined).destroy();
      return this.#lose(exchange, `answered with ${status} and without an answer`, true);
    }
    const read = await this.#open.body(body);
    if (read.kind === "whole") for (const message of messagesIn(read.bytes)) this.#exchanges.deliver(message);
    const why = { whole: "answered with something else", "too long": "answered with more than the gateway takes", broken: "broke off its answer" }[read.kind];
    this.#lose(exchange, why, true);
  }

  async #notify(line: Buffer | string, message: Exclude<Outgoing, Request>, onFlushed: OnFlushed): Promise<void> {
    const { signal } = this.#over;
    if (signal.aborted) return this.#late(line, onFlushed);
    const headers = { ...this.#session.headers(), ...POST };
    const session = this.#session.id;
    const answer = await this.#sender.send({ method: "POST", headers, body: line, signal, onFlushed });
    if (signal.aborted) return;
    if (answer.kind === "failed") return this.#listener.onWarning(`a message did not reach ${nameOfServer(this.#server)}: ${answer.why}`);
    if (answer.status >= 300) {
      if (answer.status === NOT_FOUND && session !== undefined) return this.#forgotten(session);
      return this.#listener.onWarning(`a message was not taken: ${httpRefusal(this.#server, { ...answer, text: await readRefusal(answer.body) }).message}`);
    }
    ignoreBody(answer.body);
    if (message.kind === "notification" && message.method === "notifications/initialized") void this.#streams.listen();
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
    if (exchange === undefined) return this.#session.isStateless;
    exchange.end();
    if (exchange.stateless) exchange.closing.abort();
    return exchange.stateless;
  }

  async #refused(exchange: Exchange, answer: Answered, line: Buffer | string, session: string | undefined): Promise<void> {
    const { status } = answer;
    const text = await readRefusal(answer.body);
    if (status === NOT_FOUND && session !== undefined && !exchange.stateless) {
      this.#exchanges.lose(exchange, `${SESSION_OVER} The request was not carried out.`, undefined);
      return this.#forgotten(session);
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

  #forgotten(session: string | undefined): void {
    if (session !== this.#session.id) return; // one that was before
    this.#session.id = undefined; // nothing is left to delete
    this.#listener.onWarning(`${nameOfServer(this.#server)}: ${SESSION_OVER}`);
    this.#exchanges.loseAll(`${SESSION_OVER} Whether the request was carried out is not known.`);
    void this.#finish({ kind: "ended", code: UNAVAILABLE });
  }

  #lose(exchange: Exchange, what: string, maybeDone: boolean): void {
    if (exchange.closing.signal.aborted) return;
    this.#exchanges.lose(exchange, `The gateway has no answer: ${nameOfServer(this.#server)} ${what}${maybeDone ? `; whether the request was carried out is not known.` : ""}`, maybeDone ? "unknown" : undefined);
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
