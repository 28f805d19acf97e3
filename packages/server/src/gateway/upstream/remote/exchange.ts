/** Requests that a server was sent and has not answered, over whichever of its streams the answer comes. */
import { readUpstreamMessage } from "../../message/read-upstream-message.ts";
import type { RpcId } from "../../message/read-client-message.ts";
import type { UpstreamListener } from "../upstream-connection.ts";
import { lineOf } from "./open-streams.ts";

export interface Exchange {
  readonly id: RpcId;
  readonly method: string;
  /** Of the protocol without sessions. */
  readonly stateless: boolean;
  /** Ends what is open for it. */
  readonly closing: AbortController;
  /** Nobody waits for it: it was answered, or cancelled, or said to have no answer. */
  over: boolean;
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  readonly end: () => void;
  lastEventId: string | undefined;
}

const NO_ANSWER = -32_000;

export class Exchanges {
  readonly #listener: UpstreamListener;
  readonly #onResult: (exchange: Exchange, result: unknown, line: Buffer) => void;
  readonly #open = new Map<RpcId, Exchange>();

  /** `onResult`: before it is handed on. */
  constructor(listener: UpstreamListener, onResult: (exchange: Exchange, result: unknown, line: Buffer) => void) {
    this.#listener = listener;
    this.#onResult = onResult;
  }

  open(of: Pick<Exchange, "id" | "method" | "stateless">): Exchange {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const exchange: Exchange = { ...of, closing: new AbortController(), over: false, ended, lastEventId: undefined, end: () => resolve(void (exchange.over = true)) };
    this.#open.set(exchange.id, exchange);
    return exchange;
  }

  close(exchange: Exchange): void {
    if (this.#open.get(exchange.id) === exchange) this.#open.delete(exchange.id);
  }

  find(id: unknown): Exchange | undefined {
    return typeof id === "string" || typeof id === "number" ? this.#open.get(id) : undefined;
  }

  /** Hands on what the server said, in its own bytes. */
  deliver(message: Buffer): void {
    const line = lineOf(message);
    const read = readUpstreamMessage(line);
    const exchange = read.kind === "answer" ? this.#open.get(read.id) : undefined;
    exchange?.end();
    if (exchange !== undefined && read.kind === "answer" && read.ok) this.#onResult(exchange, read.body, line);
    this.#listener.onLine(line);
  }

  /** Answers in the server's place, where nobody has. `outcome`: whether it was carried out is not known. */
  lose(exchange: Exchange, message: string, outcome: "unknown" | undefined): void {
    if (exchange.over) return;
    exchange.end();
    this.#listener.onLine(Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id: exchange.id, error: { code: NO_ANSWER, message } })}\n`), outcome);
  }

  loseAll(message: string): void {
    for (const exchange of this.#open.values()) this.lose(exchange, message, "unknown");
  }

  /** Ends all that is open, without a word. */
  abort(): void {
    for (const exchange of this.#open.values()) {
      exchange.end();
      exchange.closing.abort();
    }
  }
}

/** Whether the text is a JSON-RPC error in answer to this request. */
export function isErrorFor(exchange: Exchange, text: string): boolean {
  const read = readUpstreamMessage(Buffer.from(text));
  return read.kind === "answer" && !read.ok && read.id === exchange.id;
}
