/**
 * The answer to one request that was POSTed: as JSON where nothing but the answer comes soon, else as a stream. Where streams can be
 * resumed, one that breaks waits for its client to come back; where they cannot, its client is lost with it.
 */
import type { OutgoingHttpHeaders } from "node:http";
import type { Hearing } from "../call/hearing.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { answerError, answerJson, errorText, SERVER_ERROR, type HttpRefusal } from "./answer-error.ts";
import { EventStream, type Resumption } from "./event-stream.ts";
import type { HttpExchange } from "./http-endpoint.ts";
import type { Pulse } from "./pulse.ts";

export interface ReplyOptions {
  readonly id: RpcId;
  readonly headers: OutgoingHttpHeaders;
  readonly pulse: Pulse;
  /** A stream is opened then, where nothing was said before. */
  readonly openAfterMs: number;
  readonly resumption: Resumption | undefined;
  /** How long a broken stream waits for its client. */
  readonly resumeMs: number;
  /** Nothing more is said. */
  readonly onOver: () => void;
}

const NOT_KEPT = "The answer came while nobody listened, and was too large to be kept; what was asked for has happened";

export class Reply implements Hearing {
  readonly #options: ReplyOptions;
  readonly #exchange: HttpExchange;
  readonly #accepts: Accepted;
  readonly #stream: EventStream;
  readonly #waiting = new Set<() => void>();
  readonly #settled = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #isStreaming = false;
  #isOver = false;
  readonly #lost = new AbortController();
  /** Number of the event that was the answer. */
  #answer: number | undefined;

  constructor(exchange: HttpExchange, options: ReplyOptions) {
    this.#options = options;
    this.#exchange = exchange;
    this.#accepts = acceptedBy(exchange.request.headers.accept);
    this.#stream = new EventStream(options);
    this.#watch(exchange);
    if (this.#accepts.streamFirst) this.held();
    else if (this.#accepts.stream) this.#timer = setTimeout(() => this.held(), options.openAfterMs);
  }

  /** Resolves when it is over, or its client is lost. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** It can carry messages beside the answer now. */
  get isOpen(): boolean {
    return !this.#isOver && this.#accepts.stream && (this.#isStreaming ? this.#stream.isAttached : !this.#exchange.gone.aborted);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Number of its last event; 0 where there was none. */
  get number(): number {
    return this.#stream.number;
  }

  /** Something has been said that its client could come back for. */
  get isResumable(): boolean {
    return this.#options.resumption !== undefined && this.#stream.number > 0;
  }

  held(): void {
    if (this.#isOver || this.#isStreaming || !this.#accepts.stream || this.#exchange.gone.aborted) return;
    this.#isStreaming = true;
    clearTimeout(this.#timer);
    this.#stream.open(this.#exchange.response);
  }

  async heard(signal: AbortSignal | undefined): Promise<boolean> {
    const gone = new Promise<"gone">((resolve) => signal?.addEventListener("abort", () => resolve("gone"), { once: true }));
    while (!this.lost.aborted && !this.#isOver && !this.#isThere) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      const first = signal?.aborted === true ? "gone" : await Promise.race([promise, gone]);
      this.#waiting.delete(resolve);
      if (first === "gone") return false;
    }
    return this.#isThere;
  }

  /** Whoever waits for people on its behalf stops: its client is told to ask again. */
  leave(): void {
    this.#lost.abort();
    this.#wake();
  }

  /** A message beside the answer. */
  beside(message: Buffer | string): void {
    this.held();
    if (this.#isStreaming) this.#stream.say(message);
  }

  answer(message: Buffer | string, status = 200): void {
    if (this.#isOver) return;
    if (this.#isStreaming || !this.#accepts.json) this.beside(message);
    else answerJson(this.#exchange.response, status, message, this.#options.headers);
    this.#answer = this.#stream.number;
    this.end();
  }

  /** Answers with an error of ours. */
  refuse(refusal: HttpRefusal): void {
    const { id, headers } = this.#options;
    if (this.#isStreaming) return this.answer(errorText({ ...refusal, id }));
    if (!this.#isOver) answerError(this.#exchange.response, { ...refusal, id, headers: { ...headers, ...refusal.headers } });
    this.end();
  }

  /** Over, with or without an answer. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#isStreaming) this.#stream.end();
    else if (!this.#exchange.response.headersSent) this.#exchange.response.writeHead(200, { ...this.#options.headers, "content-type": "text/event-stream" }).end();
    this.#wake();
    this.#settled.resolve();
    this.#options.onOver();
  }

  /** Its client came back, and has everything up to the event of this number. */
  resume(exchange: HttpExchange, number: number): void {
    if (this.#isOver && number >= this.#stream.number) return void exchange.response.writeHead(204, this.#options.headers).end(); // whoever reconnects stops then
    clearTimeout(this.#timer);
    this.#stream.resume(exchange.response, number);
    if (!this.#isOver) {
      this.#watch(exchange);
      this.#wake();
      return;
    }
    const { resumption, id } = this.#options;
    if (this.#answer !== undefined && this.#answer > number && resumption?.log.has(resumption.name, this.#answer) === false) this.#stream.say(errorText({ code: SERVER_ERROR, reason: NOT_KEPT, id }));
    this.#stream.end();
  }

  get #isThere(): boolean {
    return !this.lost.aborted && (this.#isStreaming ? this.#stream.isAttached : !this.#exchange.gone.aborted);
  }

  #watch({ gone, response }: HttpExchange): void {
    const broke = (): void => {
      this.#stream.detach(response);
      if (this.#isOver || this.#stream.isAttached) return;
      if (this.#isStreaming && this.isResumable) this.#timer = setTimeout(() => this.#lose(), this.#options.resumeMs);
      else this.#lose();
    };
    if (gone.aborted) broke();
    else gone.addEventListener("abort", broke, { once: true });
  }

  #lose(): void {
    clearTimeout(this.#timer);
    this.leave();
    this.#settled.resolve();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

interface Accepted {
  readonly json: boolean;
  readonly stream: boolean;
  /** It names streams before JSON: it gets one at once. */
  readonly streamFirst: boolean;
}

/** What an Accept header takes. Absent, it takes everything. */
export function acceptedBy(header: string | undefined): Accepted {
  if (header === undefined) return { json: true, stream: true, streamFirst: false };
  const types = header.split(",").map((part) => part.split(";", 1)[0]?.trim().toLowerCase() ?? "");
  const placeOf = (...names: string[]): number => types.findIndex((type) => names.includes(type));
  const [json, stream] = [placeOf("application/json", "application/*", "*/*"), placeOf("text/event-stream", "text/*", "*/*")];
  return { json: json >= 0, stream: stream >= 0, streamFirst: stream >= 0 && (json < 0 || stream < json) };
}
