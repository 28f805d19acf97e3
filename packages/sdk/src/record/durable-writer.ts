import type { Chunk } from "./chain.ts";
import { RecordUnavailableError } from "./entry.ts";
import type { RecordSink } from "./record-sink.ts";
import { EMPTY_HEAD } from "./row.ts";
import type { RecordHead } from "./row.ts";

/** So much is written and not synced at most, whoever waits: all of it is kept to be written again. */
const MAX_UNSYNCED_ROWS = 4_096;
/** In UTF-16 code units. */
const MAX_UNSYNCED_LENGTH = 4 * 1024 * 1024;

/** Brings chunks into a sink in order, keeps each until it is durable, and notices a disk that does not answer. */
export class DurableWriter {
  readonly #sink: RecordSink;
  readonly #stallMs: number;
  readonly #onStall: (error: RecordUnavailableError) => void;
  #waiting: Chunk[] = [];
  #unsynced: Chunk[] = [];
  #head: RecordHead = EMPTY_HEAD;
  #stalled = false;

  constructor(sink: RecordSink, options: { readonly stallMs: number; readonly onStall: (error: RecordUnavailableError) => void }) {
    this.#sink = sink;
    this.#stallMs = options.stallMs;
    this.#onStall = options.onStall;
  }

  /** The last durable row. */
  get head(): RecordHead {
    return this.#head;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get wantsSync(): boolean {
    let [rows, length] = [0, 0];
    for (const chunk of this.#unsynced) {
      rows += chunk.rows;
      length += chunk.text.length;
    }
    return rows >= MAX_UNSYNCED_ROWS || length >= MAX_UNSYNCED_LENGTH;
  }

  /** True while a write or sync takes longer than `stallMs`. */
  get isStalled(): boolean {
    return this.#stalled;
  }

  add(chunk: Chunk): void {
    this.#waiting.push(chunk);
  }

  /** Writes the first waiting chunk. It stays first where that fails. */
  async write(): Promise<void> {
    const chunk = this.#waiting[0];
    if (chunk === undefined) return;
    try {
      await this.#watch(this.#sink.write(chunk.text));
    } catch (cause) {
      // Where writeSync overtook this write, the rows are there all the same.
      if (this.#waiting[0] === chunk) throw cause;
    }
    if (this.#waiting[0] === chunk) this.#unsynced.push(...this.#waiting.splice(0, 1));
  }

  /** Makes durable what is written. Where that fails, nobody knows which pages are lost: all of it is written again. */
  async sync(): Promise<void> {
    const count = this.#unsynced.length;
    if (count === 0) return;
    try {
      await this.#watch(this.#sink.sync());
    } catch (cause) {
      this.#waiting.unshift(...this.#unsynced.splice(0));
      throw cause;
    }
    this.#head = this.#unsynced.splice(0, count).at(-1)?.head ?? this.#head;
  }

  /** Writes every waiting chunk before it returns. */
  writeSync(): void {
    if (this.#waiting.length === 0) return;
    this.#sink.writeSync?.(this.#waiting.map(({ text }) => text).join(""));
    this.#unsynced.push(...this.#waiting.splice(0));
  }

  async close(): Promise<void> {
    const closed = this.#sink.close();
    // A sink that hangs is left behind; it lets go when its disk answers.
    if (this.#stalled) closed.catch(() => {});
    else await closed;
  }

  async #watch(work: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.#stalled = true;
      this.#onStall(new RecordUnavailableError(`The record cannot be written: its disk has not answered for ${this.#stallMs} ms.`));
    }, this.#stallMs);
    timer.unref();
    try {
      await work;
    } finally {
      clearTimeout(timer);
      this.#stalled = false;
    }
  }
}

/** What a sink threw, as the error that guard understands. */
export function recordUnavailable(cause: unknown): RecordUnavailableError {
  if (cause instanceof RecordUnavailableError) return cause;
  return new RecordUnavailableError(`The record cannot be written: ${messageOf(cause)}.`, { cause });
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
