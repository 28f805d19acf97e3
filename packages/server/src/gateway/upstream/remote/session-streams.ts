/**
 * The streams of a server over Streamable HTTP: those that answer requests, and in a session the one on which it speaks of its own accord.
 * In a session what breaks is gone on with, from the last event that was heard, after the time that the server asks for.
 */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Exchange, Exchanges } from "./exchange.ts";
import { httpRefusal } from "./http-refusal.ts";
import type { HttpSender } from "./http-sender.ts";
import type { HttpSession } from "./http-session.ts";
import { mediaTypeOf, type OpenStreams } from "./open-streams.ts";
import { readRefusal } from "./read-body.ts";
import { nameOfServer, type RemoteServer } from "./remote-server.ts";

export interface SessionStreamsOptions {
  readonly server: RemoteServer;
  readonly sender: HttpSender;
  readonly open: OpenStreams;
  readonly exchanges: Exchanges;
  readonly session: HttpSession;
  readonly over: AbortSignal;
  readonly onWarning: (message: string) => void;
  /** The server does not know the session any more. */
  readonly onForgotten: () => void;
}

/** `later`: it may be there when it is asked for again. */
type Reopened = { readonly kind: "stream"; readonly body: IncomingMessage } | { readonly kind: "later" | "never" | "forgotten" };

const MAX_RETRY_MS = 30_000;
/** A broken answer is asked for so often, without hearing anything. */
const MAX_RESUMPTIONS = 3;
const [OK, NOT_FOUND, NOT_ALLOWED, TOO_MANY, SERVER_ERROR] = [200, 404, 405, 429, 500];

export class SessionStreams {
  readonly #options: SessionStreamsOptions;
  #listening = false;
  #retryMs: number | undefined;

  constructor(options: SessionStreamsOptions) {
    this.#options = options;
  }

  /** The stream of a request, and whatever it is continued by, until the request is over or nothing more comes. */
  async follow(exchange: Exchange, first: IncomingMessage): Promise<void> {
    const { signal } = exchange.closing;
    let stream: IncomingMessage | undefined = first;
    for (let attempt = 0; stream !== undefined; ) {
      const heard = await this.#hear(stream, (id) => (exchange.lastEventId = id));
      if (exchange.over || exchange.stateless || exchange.lastEventId === undefined) return;
      stream = undefined;
      for (attempt = heard ? 0 : attempt + 1; stream === undefined && attempt < MAX_RESUMPTIONS; attempt += 1) {
        await this.#pause(attempt, signal);
        const again = await this.#reopen(exchange.lastEventId, signal);
        if (exchange.over || again.kind === "never" || again.kind === "forgotten") return;
        if (again.kind === "stream") stream = again.body;
      }
    }
  }

  /** The stream of the session itself. Servers may have none. */
  async listen(): Promise<void> {
    const { over, server, onWarning, onForgotten } = this.#options;
    if (this.#listening) return;
    this.#listening = true;
    let lastEventId: string | undefined;
    let wasOpen = false;
    for (let attempt = 0; !over.aborted; ) {
      const stream = await this.#reopen(lastEventId, over, (text) => onWarning(`notifications of ${nameOfServer(server)} are not heard: ${text}`));
      // Where it never was there, that says nothing about the session.
      if (stream.kind === "forgotten" && wasOpen && !over.aborted) onForgotten();
      if (stream.kind === "never" || stream.kind === "forgotten") return;
      wasOpen ||= stream.kind === "stream";
      const heard = stream.kind === "stream" && (await this.#hear(stream.body, (id) => (lastEventId = id)));
      attempt = heard ? 0 : attempt + 1;
      await this.#pause(attempt, over);
    }
  }

  /** Hands on what comes, until the stream ends. True where anything came. */
  async #hear(stream: IncomingMessage, onId: (id: string) => void): Promise<boolean> {
    const { open, exchanges, server, onWarning } = this.#options;
    let heard = false;
    await open.events(stream, {
      onEvent: ({ event, data, id }) => {
        heard = true;
        if (id !== undefined) onId(id);
        if (data.length > 0 && event === "message") exchanges.deliver(data);
      },
      onRetry: (ms) => (this.#retryMs = Math.min(ms, MAX_RETRY_MS)),
      onOversize: () => onWarning(`a message of ${nameOfServer(server)} was longer than the limit; it is not passed on`),
    });
    return heard;
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const ms = this.#retryMs ?? Math.min(1_000 * 1.5 ** attempt, MAX_RETRY_MS);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  async #reopen(lastEventId: string | undefined, signal: AbortSignal, onRefused?: (text: string) => void): Promise<Reopened> {
    const { session, sender, server } = this.#options;
    if (signal.aborted) return { kind: "never" };
    const headers = { ...session.headers(), accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
    const answer = await sender.send({ method: "GET", headers, signal });
    if (answer.kind === "failed") return { kind: signal.aborted ? "never" : "later" };
    if (answer.status === OK && mediaTypeOf(answer) === "text/event-stream") return { kind: "stream", body: answer.body };
    const text = await readRefusal(answer.body);
    if (answer.status >= SERVER_ERROR || answer.status === TOO_MANY) return { kind: "later" };
    if (answer.status === NOT_FOUND && session.id !== undefined) return { kind: "forgotten" };
    if (answer.status !== NOT_ALLOWED && answer.status > OK) onRefused?.(httpRefusal(server, { ...answer, text }).message);
    return { kind: "never" };
  }
}
