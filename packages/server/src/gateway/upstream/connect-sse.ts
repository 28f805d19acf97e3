/**
 * The connection to a server over HTTP with server-sent events, as of 2024-11-05: one stream, on which the server says everything, and an
 * address that it names there, to which each message is posted. The address must be of the same origin. The session is the stream: where
 * that ends, so does the connection.
 */
import { UNAVAILABLE } from "./connect-http.ts";
import type { UpstreamConnection, UpstreamEnd, UpstreamListener } from "./upstream-connection.ts";
import { Exchanges, type Exchange } from "./remote/exchange.ts";
import { httpRefusal, type HttpRefusal } from "./remote/http-refusal.ts";
import { HttpSender, type HttpAnswer } from "./remote/http-sender.ts";
import { ignoreBody, mediaTypeOf, OpenStreams } from "./remote/open-streams.ts";
import { Outbox, untilAcknowledged, type OnFlushed } from "./remote/outbox.ts";
import { memberOf, readOutgoing, type Outgoing } from "./remote/outgoing.ts";
import { readRefusal } from "./remote/read-body.ts";
import { MAX_ANSWER_BYTES, nameOfServer, type RemoteServer } from "./remote/remote-server.ts";

export interface ConnectSseOptions {
  /** What to say where there is no such stream either: why the server was not spoken to in another way. */
  readonly otherwise?: string;
  readonly maxAnswerBytes?: number;
}

const ENDPOINT_MS = 15_000;

export function connectSse(server: RemoteServer, listener: UpstreamListener, options: ConnectSseOptions = {}): UpstreamConnection {
  return new SseConnection(server, listener, options);
}

class SseConnection implements UpstreamConnection {
  readonly #server: RemoteServer;
  readonly #listener: UpstreamListener;
  readonly #options: ConnectSseOptions;
  readonly #sender: HttpSender;
  readonly #streams: OpenStreams;
  readonly #exchanges: Exchanges;
  readonly #outbox: Outbox;
  readonly #over = new AbortController();
  readonly #end = Promise.withResolvers<UpstreamEnd>();
  readonly ended = this.#end.promise;
  /** Where messages go, or why they cannot. */
  #endpoint: Promise<URL | HttpRefusal> | undefined;
  #version: string | undefined;

  constructor(server: RemoteServer, listener: UpstreamListener, options: ConnectSseOptions) {
    this.#server = server;
    this.#listener = listener;
    this.#options = options;
    this.#sender = new HttpSender(server);
    this.#streams = new OpenStreams(options.maxAnswerBytes ?? MAX_ANSWER_BYTES);
    this.#outbox = new Outbox(listener.onDrain);
    this.#exchanges = new Exchanges(listener, ({ method }, result) => {
      const version = memberOf(result, "protocolVersion");
      if (method === "initialize" && typeof version === "string" && /^[\u0021-\u007e]{1,64}$/.test(version)) this.#version = version;
    });
  }

  send(line: Buffer | string): boolean {
    const message = this.#over.signal.aborted ? undefined : readOutgoing(line);
    if (message === undefined) return true;
    if (message.kind !== "request") return this.#outbox.barrier(line, (onFlushed) => untilAcknowledged(this.#post(line, message, undefined, onFlushed)));
    const ask = (onFlushed: OnFlushed): Exchange => {
      const exchange = this.#exchanges.open({ id: message.id, method: message.method, stateless: false });
      void this.#post(line, message, exchange, onFlushed);
      return exchange;
    };
    return message.method === "initialize" ? this.#outbox.barrier(line, (onFlushed) => ask(onFlushed).ended) : this.#outbox.request(line, ask);
  }

  get unsent(): number {
    return this.#outbox.unsent;
  }

  pause(): void {
    this.#streams.pause();
  }

  resume(): void {
    this.#streams.resume();
  }

  stop(): Promise<void> {
    return this.#finish(0);
  }

  #finish(code: number): Promise<void> {
    this.#over.abort();
    this.#exchanges.abort();
    this.#sender.close();
    this.#end.resolve({ kind: "ended", code });
    return Promise.resolve();
  }

  /** Never rejects. Resolves when the server has taken it. */
  async #post(line: Buffer | string, message: Outgoing, exchange: Exchange | undefined, onFlushed: OnFlushed): Promise<void> {
    const endpoint = await (this.#endpoint ??= this.#open());
    const { signal } = this.#over;
    if (signal.aborted) return onFlushed();
    if (!(endpoint instanceof URL)) {
      onFlushed();
      return this.#refuse(message, exchange, endpoint);
    }
    const headers = { "content-type": "application/json", ...(this.#version === undefined ? {} : { "mcp-protocol-version": this.#version }) };
    const answer = await this.#sender.send({ method: "POST", url: endpoint, headers, body: line, signal, onFlushed });
    if (signal.aborted) return;
    if (answer.kind === "failed") return this.#refuse(message, exchange, this.#unreached(answer));
    if (answer.status < 300) return ignoreBody(answer.body);
    this.#refuse(message, exchange, httpRefusal(this.#server, { ...answer, text: await readRefusal(answer.body) }));
  }

  #refuse(message: Outgoing, exchange: Exchange | undefined, { message: why, outcome }: HttpRefusal): void {
    if (exchange !== undefined) return this.#exchanges.lose(exchange, why, outcome);
    if (message.kind !== "request") this.#listener.onWarning(`a message was not taken: ${why}`);
  }

  #unreached({ why, begun }: Extract<HttpAnswer, { kind: "failed" }>): HttpRefusal {
    const message = `The gateway has no answer: ${nameOfServer(this.#server)} ${begun ? `did not answer: ${why}; whether the request was carried out is not known.` : `cannot be reached: ${why}. The request was not sent.`}`;
    return { message, outcome: begun ? "unknown" : undefined };
  }

  /** Opens the stream and answers the address that it begins with. What fails is tried again with the next message. */
  async #open(): Promise<URL | HttpRefusal> {
    const { signal } = this.#over;
    const answer = await this.#sender.send({ method: "GET", headers: { accept: "text/event-stream" }, signal });
    if (answer.kind === "failed") return this.#notOpen(this.#unreached({ ...answer, begun: false }));
    if (answer.status !== 200 || mediaTypeOf(answer) !== "text/event-stream") {
      const text = await readRefusal(answer.body);
      if (answer.status >= 300) return this.#notOpen({ ...httpRefusal(this.#server, { ...answer, text }), outcome: undefined });
      return this.#notOpen({ message: `At its address ${nameOfServer(this.#server)} has no stream of events (${answer.status}). Whoever runs the gateway has to mend the address.`, outcome: undefined });
    }
    const found = Promise.withResolvers<URL | HttpRefusal>();
    const timer = setTimeout(() => answer.body.destroy(), ENDPOINT_MS);
    const over = this.#hear(answer.body, (endpoint) => {
      clearTimeout(timer);
      found.resolve(endpoint);
      if (!(endpoint instanceof URL)) answer.body.destroy();
    });
    void over.then(() => {
      clearTimeout(timer);
      found.resolve({ message: `${nameOfServer(this.#server)} opened a stream and named no address for messages.`, outcome: undefined });
    });
    const endpoint = await found.promise;
    if (!(endpoint instanceof URL)) return this.#notOpen(endpoint);
    void over.then(() => this.#broken());
    return endpoint;
  }

  #notOpen(refusal: HttpRefusal): HttpRefusal {
    this.#endpoint = undefined;
    const { otherwise } = this.#options;
    return otherwise === undefined ? refusal : { message: `${otherwise} It is not reached by server-sent events either.`, outcome: undefined };
  }

  #hear(stream: Extract<HttpAnswer, { kind: "answered" }>["body"], onEndpoint: (endpoint: URL | HttpRefusal) => void): Promise<void> {
    return this.#streams.events(stream, {
      onEvent: ({ event, data }) => {
        if (event === "endpoint") onEndpoint(this.#endpointIn(data.toString("utf8")));
        else if (event === "message" && data.length > 0) this.#exchanges.deliver(data);
      },
      onRetry: () => undefined, // another stream is another session
      onOversize: () => this.#listener.onWarning(`a message of ${nameOfServer(this.#server)} was longer than the limit; it is not passed on`),
    });
  }

  /** Somewhere else somebody else would get what is meant for this server. */
  #endpointIn(given: string): URL | HttpRefusal {
    const { url } = this.#server;
    const endpoint = URL.canParse(given, url.href) ? new URL(given, url) : undefined;
    if (endpoint?.origin === url.origin) return endpoint;
    return { message: `${nameOfServer(this.#server)} wants its messages sent to another origin; that is not done.`, outcome: undefined };
  }

  #broken(): void {
    if (this.#over.signal.aborted) return;
    const why = `The stream of ${nameOfServer(this.#server)} has ended, and its session with it: start the client anew.`;
    this.#listener.onWarning(why);
    this.#exchanges.loseAll(`${why} Whether the request was carried out is not known.`);
    void this.#finish(UNAVAILABLE);
  }
}
