/**
 * The recorder: takes entries at once, and in the background makes them rows of one chain and hands those to a sink.
 * An allowed call pays for an object on a queue; serialising, hashing and sealing happen in the flush. It must never block the
 * event loop on a disk, never lose an entry silently, and never say "committed" of a row that is not durable.
 * guard.ts calls it through RecordPort; open-record.ts makes it.
 */
import { argumentsOf, Chain, LEFT_OUT } from "./chain.ts";
import type { QueuedRow } from "./chain.ts";
import { DurableWriter, messageOf, recordUnavailable } from "./durable-writer.ts";
import { RecordUnavailableError } from "./entry.ts";
import type { EventEntry, OutcomeEntry, Queued, RecordEntry, RecordPort } from "./entry.ts";
import type { RecordSink } from "./record-sink.ts";
import { RECORDER_DEFAULTS } from "./recorder-options.ts";
import type { RecorderOptions, RecorderSettings } from "./recorder-options.ts";
import { RoomQueue } from "./room-queue.ts";
import type { RecordHead } from "./row.ts";

export interface Recorder extends RecordPort {
  commit(entry: RecordEntry): Promise<void>;
  /** Resolves when everything accepted so far is durable. Rejects with RecordUnavailableError. */
  flush(): Promise<void>;
  /** Writes everything accepted so far before it returns, without a sync. For the end of a process; does nothing where the sink cannot. */
  flushSync(): void;
  /** Writes what is left and a closing row, and closes the sink. Idempotent. Rejects where rows could not be written. */
  close(): Promise<void>;
  /** The last row known to be durable: worth keeping elsewhere, so that a cut tail shows. */
  head(): RecordHead;
}

/** Arguments that are sealed together, in UTF-16 code units: keeps one flush from holding up the event loop. */
const MAX_SEALED_LENGTH = 1024 * 1024;

/** Starts a record; its first row is an event that says so. Throws TypeError where a key is needed and missing. */
export function createRecorder(sink: RecordSink, options: RecorderOptions): Recorder {
  return new QueueingRecorder(sink, options);
}

interface Waiter {
  /** What it waits for; where undefined, `seq`. */
  readonly item: QueuedRow | undefined;
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: RecordUnavailableError) => void;
}

class QueueingRecorder implements Recorder {
  readonly #options: RecorderSettings;
  readonly #chain: Chain;
  readonly #writer: DurableWriter;
  readonly #room: RoomQueue;
  readonly #canWriteSync: boolean;
  readonly #stopBackground = new AbortController();
  #background: Promise<void> = Promise.resolve();
  #queue: QueuedRow[] = [];
  #queuedLength = 0;
  #waiters: Waiter[] = [];
  #broken: RecordUnavailableError | undefined;
  /** Entries that had no room while the sink was broken and the record not required. */
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;
  #soon = false;
  #pumping = false;
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(sink: RecordSink, options: RecorderOptions) {
    if (options.arguments === "encrypted" && options.key === undefined) {
      throw new TypeError('A record with arguments: "encrypted" needs a key.');
    }
    this.#options = Object.freeze({ ...RECORDER_DEFAULTS, ...options });
    this.#chain = new Chain(options.arguments === "encrypted" ? options.key : undefined, options.now);
    this.#writer = new DurableWriter(sink, { stallMs: this.#options.stallMs, onStall: (error) => this.#breakDown(error) });
    this.#room = new RoomQueue(this.#options.waitMs);
    this.#canWriteSync = sink.writeSync !== undefined;
    this.#event("record_opened", options.opened ?? {});
    process.once("exit", this.#atExit);
    if (options.background !== undefined) this.#background = this.#runBackground(options.background);
  }

  append(entry: RecordEntry): Queued | Promise<Queued> {
    if (this.#ended || this.#broken !== undefined || this.#room.isWaiting || !this.#hasRoom(entry)) return this.#appendSlowly(entry);
    return this.#push(entry);
  }

  commit(entry: RecordEntry): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    // Beyond the limit of the queue, if need be: a commit empties it.
    return this.#wait(this.#push(entry));
  }

  complete(queued: Queued, outcome: OutcomeEntry): void {
    // append is the only source of Queued, and makes nothing else.
    const item = queued as QueuedRow;
    if (item.seq === LEFT_OUT) this.#leaveOut();
    else if (item.seq === 0 && item.outcome === undefined && item.entry.type === "decision") item.outcome = outcome;
    else if (this.#ended) this.#warn(`The record is closed: the outcome of call ${outcome.callId} is missing from it.`);
    else this.#push(outcome);
  }

  flush(): Promise<void> {
    if (this.#broken !== undefined && this.#writer.isStalled) return Promise.reject(this.#broken);
    return this.#wait(this.#queue.at(-1));
  }

  flushSync(): void {
    if (!this.#canWriteSync) return;
    while (this.#queue.length > 0) this.#writer.add(this.#link());
    this.#writer.writeSync();
  }

  head(): RecordHead {
    return this.#writer.head;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopBackground.abort();
    await this.#background;
    this.#event("record_closed", {});
    this.#ended = true;
    this.#room.refuse(closedError());
    try {
      await this.flush();
    } finally {
      process.off("exit", this.#atExit);
      clearTimeout(this.#timer);
      await this.#writer.close();
    }
  }

  readonly #atExit = (): void => {
    // A disk that does not answer would keep the process from ending.
    if (!this.#canWriteSync || this.#writer.isStalled) return;
    if (!this.#ended) this.#event("record_closed", {});
    this.#ended = true;
    try {
      this.flushSync();
    } catch (cause) {
      this.#warn(`The process ends and the last rows of the record could not be written: ${messageOf(cause)}`);
    }
  };

  #push<Entry extends RecordEntry>(entry: Entry): QueuedRow<Entry> {
    const item: QueuedRow<Entry> = { entry, outcome: undefined, seq: 0 };
    this.#queue.push(item);
    if (entry.type === "decision" && entry.argumentsText !== undefined) this.#queuedLength += entry.argumentsText.length;
    if (this.#timer === undefined || this.#queue.length >= this.#options.flushRows) this.#schedule();
    return item;
  }

  #event(event: EventEntry["event"], detail: EventEntry["detail"]): void {
    this.#push({ type: "event", event, at: this.#options.now(), detail });
  }

  #hasRoom(entry: RecordEntry): boolean {
    const { maxQueued, maxQueuedLength } = this.#options;
    if (this.#queue.length >= maxQueued) return false;
    if (entry.type !== "decision" || entry.argumentsText === undefined) return true;
    // A single entry above the limit still goes through an empty queue.
    return this.#queuedLength + entry.argumentsText.length <= maxQueuedLength || this.#queuedLength === 0;
  }

  #refusal(): RecordUnavailableError | undefined {
    return this.#ended ? closedError() : this.#broken;
  }

  #appendSlowly(entry: RecordEntry): Queued | Promise<Queued> {
    const refusal = this.#refusal();
    if (refusal !== undefined && (this.#ended || this.#options.required)) return Promise.reject(refusal);
    const attempt = (): QueuedRow | undefined => {
      if (this.#hasRoom(entry)) return this.#push(entry);
      if (this.#broken === undefined) return undefined;
      this.#leaveOut();
      return { entry, outcome: undefined, seq: LEFT_OUT };
    };
    return this.#broken === undefined ? this.#room.wait(attempt) : (attempt() ?? this.#room.wait(attempt));
  }

  #leaveOut(): void {
    if (this.#leftOut === 0) this.#warn("The record cannot be written and its queue is full: entries are being left out of it and counted.");
    this.#leftOut += 1;
  }

  #wait(item: QueuedRow | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.push({ item, seq: this.#chain.head.seq, resolve, reject });
    // After this turn, so that commits made together share one sync.
    queueMicrotask(() => void this.#pump());
    return promise;
  }

  #schedule(): void {
    if (this.#pumping || this.#soon) return;
    if (this.#queue.length >= this.#options.flushRows && this.#broken === undefined) {
      this.#soon = true;
      // Not here: the caller who fills the batch must not pay for it.
      setImmediate(() => void this.#pump());
      return;
    }
    this.#arm(this.#broken === undefined ? this.#options.flushMs : this.#options.retryMs);
  }

  #arm(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#pump(), delayMs);
    // A process may end while rows wait: the exit hook writes them. Without it, the timer keeps the process alive instead.
    if (this.#canWriteSync) this.#timer.unref();
  }

  /** The one writer: nothing else makes rows or speaks to the sink, but `flushSync`. Never rejects. */
  async #pump(): Promise<void> {
    this.#soon = false;
    if (this.#pumping) return;
    this.#pumping = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      do {
        if (!this.#writer.hasWaiting && this.#queue.length > 0) this.#writer.add(this.#link());
        await this.#writer.write();
        if (this.#waiters.length > 0 || this.#queue.length === 0 || this.#writer.wantsSync) await this.#writer.sync();
        this.#settle();
      } while (this.#waiters.length > 0 || this.#queue.length >= this.#options.flushRows);
      this.#heal();
    } catch (cause) {
      this.#breakDown(recordUnavailable(cause));
    } finally {
      this.#pumping = false;
    }
    if (this.#queue.length > 0 || this.#writer.hasWaiting) this.#schedule();
  }

  #link() {
    const { flushRows } = this.#options;
    let count = 0;
    let length = 0;
    for (const item of this.#queue) {
      if (count === flushRows || (count > 0 && length >= MAX_SEALED_LENGTH)) break;
      length += argumentsOf(item)?.length ?? 0;
      count += 1;
    }
    const chunk = this.#chain.link(this.#queue.splice(0, count));
    this.#queuedLength -= length;
    this.#room.admit();
    return chunk;
  }

  #settle(): void {
    const durable = this.#writer.head.seq;
    const settled = this.#waiters.filter((waiter) => isDurable(waiter, durable));
    if (settled.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !isDurable(waiter, durable));
    for (const { resolve } of settled) resolve();
  }

  #breakDown(error: RecordUnavailableError): void {
    if (this.#broken === undefined) this.#warn(`${error.message} It is tried again until it works.`);
    this.#broken = error;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { item, reject } of waiters) {
      this.#withdraw(item);
      reject(error);
    }
    if (this.#options.required) this.#room.refuse(error);
    else this.#room.admit();
    this.#arm(this.#options.retryMs);
  }

  /** An intent whose commit is refused is not followed by a call: the record must not say that it might have been. */
  #withdraw(item: QueuedRow | undefined): void {
    if (item?.entry.type !== "intent") return;
    const place = item.seq === 0 ? this.#queue.indexOf(item) : -1;
    if (place >= 0) this.#queue.splice(place, 1);
    else this.#event("intent_withdrawn", { callId: item.entry.callId, seq: item.seq });
  }

  #heal(): void {
    if (this.#broken === undefined) return;
    this.#broken = undefined;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    if (leftOut > 0) this.#event("gap", { reason: "record_unavailable", leftOut });
    this.#warn(leftOut === 0 ? "The record can be written again; nothing is missing." : `The record can be written again; ${leftOut} entries are missing from it.`);
    this.#room.admit();
  }

  async #runBackground(background: NonNullable<RecorderOptions["background"]>): Promise<void> {
    // After the constructor has ended.
    await Promise.resolve();
    try {
      await background(this, this.#stopBackground.signal);
    } catch (cause) {
      if (!this.#stopBackground.signal.aborted) this.#warn(`Earlier records could not be looked at: ${messageOf(cause)}`);
    }
  }

  #warn(message: string): void {
    try {
      this.#options.onWarning(message);
    } catch {
      // A broken warning must not change what happens to calls.
    }
  }
}

function isDurable({ item, seq }: Waiter, durable: number): boolean {
  const wanted = item === undefined ? seq : item.seq;
  return (item === undefined || item.seq > 0) && wanted <= durable;
}

function closedError(): RecordUnavailableError {
  return new RecordUnavailableError("The record is closed. Calls that come after shutdown() are refused.");
}
