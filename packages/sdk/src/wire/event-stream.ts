/**
 * The one stream of events that a process holds to its control plane. It comes back by itself, where it left off
 * (`Last-Event-ID`), and later each time it fails. It is only the fast way: whoever waits also asks now and then.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { z } from "zod";
import { parseJson } from "../call/parse-json.ts";
import { helloEvent, policyEvent, requestEvent } from "./bundle.ts";
import type { AskedRequest } from "./ask.ts";
import { ROUTES } from "./routes.ts";
import { createSseParser, type ServerSentEvent } from "./sse-parser.ts";
import type { WireConnection } from "./wire-connection.ts";
import { backOff } from "./wire-exchange.ts";

export interface EventListener {
  /** The stream stands, anew or for the first time: look at what may have been missed. */
  onHello(installation: string): void;
  onRequest(request: AskedRequest): void;
  onPolicy(digest: string): void;
}

export interface EventStreamOptions {
  /** Without a byte for this long the connection counts as dead. Default 45,000 ms. */
  readonly silenceMs?: number;
  /** Pauses between attempts, first and longest. Default 100 and 10,000 ms. */
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
}

/** What can stand in a header; without one it begins anew, and what was missed is looked up. */
const SENDABLE_ID = /^[\x21-\x7e]{1,200}$/;

export class EventStream {
  readonly #connection: WireConnection;
  readonly #listener: EventListener;
  readonly #options: Required<EventStreamOptions>;
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #lastEventId = "";
  #failures = 0;
  #attended = false;
  #connected = false;
  #closed = false;

  constructor(connection: WireConnection, listener: EventListener, options: EventStreamOptions = {}) {
    this.#connection = connection;
    this.#listener = listener;
    this.#options = { silenceMs: 45_000, firstPauseMs: 100, maxPauseMs: 10_000, ...options };
  }

  /** Whether `hello` has come on the connection there is now. */
  get isConnected(): boolean {
    return this.#connected;
  }

  /** Connects, unless it does already. */
  start(): void {
    if (this.#closed || this.#request !== undefined || this.#timer !== undefined) return;
    this.#connect();
  }

  /** Where the control plane has moved: connects there at once, and goes on where it left off. */
  reconnect(): void {
    if (this.#closed || (this.#request === undefined && this.#timer === undefined)) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#failures = 0;
    const old = this.#request;
    this.#connected = false;
    this.#response = undefined;
    this.#connect();
    old?.destroy();
  }

  /** While somebody waits for an event, the stream keeps the process alive. */
  attend(attended: boolean): void {
    this.#attended = attended;
    this.#hold();
  }

  close(): void {
    this.#closed = true;
    this.#connected = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#request?.destroy();
  }

  #hold(): void {
    const socket = this.#response?.socket ?? this.#request?.socket;
    if (this.#attended) {
      socket?.ref();
      this.#timer?.ref();
    } else {
      socket?.unref();
      this.#timer?.unref();
    }
  }

  #connect(): void {
    this.#timer = undefined;
    const { method, path } = ROUTES.events;
    const resume = SENDABLE_ID.test(this.#lastEventId) ? { "last-event-id": this.#lastEventId } : {};
    const request = this.#connection.open({ method, path, headers: { accept: "text/event-stream", "cache-control": "no-store", ...resume }, apart: true });
    this.#request = request;
    const end = (): void => this.#again(request);
    request.on("socket", () => this.#hold());
    request.on("error", end);
    request.on("close", end);
    request.on("response", (response) => this.#read(response, end));
    request.end();
    this.#listen();
  }

  #read(response: IncomingMessage, end: () => void): void {
    const type = response.headers["content-type"] ?? "";
    if (response.statusCode !== 200 || !type.startsWith("text/event-stream")) return void response.destroy();
    this.#response = response;
    const parser = createSseParser((event) => this.#take(event), this.#lastEventId);
    response.on("data", (bytes: Buffer) => {
      this.#listen();
      try {
        parser.push(bytes);
      } catch {
        response.destroy(); // it is no stream of ours
      }
      this.#lastEventId = parser.lastEventId;
    });
    response.on("error", end);
    response.on("close", end);
    return this.#hold();
  }

  /** Gives up a connection that says nothing. */
  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#request?.destroy(), this.#options.silenceMs);
    this.#silence.unref();
  }

  #again(request: ClientRequest): void {
    if (this.#request !== request) return;
    request.destroy();
    this.#request = this.#response = undefined;
    this.#connected = false;
    clearTimeout(this.#silence);
    if (this.#closed) return;
    const { firstPauseMs, maxPauseMs } = this.#options;
    this.#timer = setTimeout(() => this.#connect(), backOff(this.#failures++, firstPauseMs, maxPauseMs));
    this.#hold();
  }

  #take({ event, data }: ServerSentEvent): void {
    const told = parse(data);
    if (event === "hello") {
      read(helloEvent, told, ({ installation }) => {
        this.#connected = true;
        this.#failures = 0;
        this.#listener.onHello(installation);
      });
    } else if (event === "request") {
      read(requestEvent, told, ({ request }) => this.#listener.onRequest(request));
    } else if (event === "policy") {
      read(policyEvent, told, ({ digest }) => this.#listener.onPolicy(digest));
    }
  }
}

/** An event that is not what it should be is none: the slow way finds out. */
function read<T>(schema: z.ZodType<T>, told: unknown, take: (value: T) => void): void {
  const event = schema.safeParse(told);
  if (event.success) take(event.data);
}

function parse(data: string): unknown {
  try {
    return parseJson(data);
  } catch {
    return undefined;
  }
}
