/**
 * Server-sent events on one answer to an HTTP request; with a log, on as many as its client needs, one after the other: it goes on where
 * the one before broke. Told apart from what is said by whoever owns it.
 */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { eventId, type EventLog } from "./event-log.ts";
import { withoutEnds } from "./lines.ts";
import type { Pulse } from "./pulse.ts";
import { holdForTurn } from "./write-together.ts";

export interface EventStreamOptions {
  readonly headers: OutgoingHttpHeaders;
  readonly pulse: Pulse;
  /** Absent: what breaks is over. */
  readonly resumption?: Resumption | undefined;
}

export interface Resumption {
  /** Of the stream, unique in its session. */
  readonly name: string;
  readonly log: EventLog;
  /** The client takes an event without data, which gives it something to come back with before anything is said. */
  readonly primes: boolean;
}

/** What of a slow client waits in memory; above it, a further message ends its connection. */
const MAX_BACKLOG = 4 * 1024 * 1024;
const RETRY_MS = 1_000;
const KEEP_ALIVE = ": keep-alive\n\n";

export class EventStream {
  readonly #options: EventStreamOptions;
  #response: ServerResponse | undefined;
  /** Of the last event. */
  #number = 0;
  readonly #keepAlive = (): void => void this.#response?.write(KEEP_ALIVE);

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get isAttached(): boolean {
    return this.#response !== undefined;
  }

  /** Of the last event; 0 where there was none. */
  get number(): number {
    return this.#number;
  }

  open(response: ServerResponse): void {
    this.#attach(response);
    const { resumption } = this.#options;
    if (resumption?.primes !== true) return;
    this.#number += 1;
    response.write(`id: ${eventId(resumption.name, this.#number)}\nretry: ${RETRY_MS}\ndata: \n\n`);
  }

  /** Goes on after the event of this number, on another answer. */
  resume(response: ServerResponse, number: number): void {
    const { resumption } = this.#options;
    this.#response?.end();
    this.#attach(response);
    for (const frame of resumption?.log.after(resumption.name, number, this.#number) ?? []) response.write(frame);
  }

  say(message: Buffer | string): void {
    const { resumption } = this.#options;
    const data = withoutEnds(typeof message === "string" ? Buffer.from(message) : message);
    this.#number += 1;
    const id = resumption === undefined ? "" : `id: ${eventId(resumption.name, this.#number)}\n`;
    const frame = Buffer.concat([Buffer.from(`event: message\n${id}data: `), data, Buffer.from("\n\n")]);
    resumption?.log.keep(resumption.name, this.#number, frame);
    const response = this.#response;
    if (response === undefined) return;
    if (response.writableLength > MAX_BACKLOG) response.destroy();
    else {
      holdForTurn(response);
      response.write(frame);
    }
  }

  /** The answer broke. */
  detach(response: ServerResponse): void {
    if (this.#response !== response) return;
    this.#response = undefined;
    this.#options.pulse.remove(this.#keepAlive);
  }

  end(): void {
    const response = this.#response;
    if (response === undefined) return;
    this.detach(response);
    response.end();
  }

  #attach(response: ServerResponse): void {
    this.#response = response;
    response.on("error", () => undefined);
    holdForTurn(response);
    response.writeHead(200, { ...this.#options.headers, "content-type": "text/event-stream", "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" });
    response.flushHeaders();
    this.#options.pulse.add(this.#keepAlive);
  }
}
