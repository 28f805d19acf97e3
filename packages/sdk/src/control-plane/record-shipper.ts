/**
 * Ships entries of the record to the control plane, in numbered batches that are sent until they are taken, and taken once.
 * The record here is the one that calls wait for; this one is a copy that flows after it. It never holds up a call: what finds
 * no room is left out, counted, and told as a gap.
 */
import type { RecordEntry } from "../record/entry.ts";
import type { RecordBody } from "../wire/bundle.ts";
import type { WireClient } from "../wire/wire-client.ts";
import { backOff, mayPass } from "../wire/wire-exchange.ts";

export interface RecordShipperOptions {
  readonly client: Pick<WireClient, "ship">;
  /** Names this process among the others. */
  readonly process: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onWarning: (message: string) => void;
  /** An entry waits at most this long while the control plane answers. Default 1,000. */
  readonly flushMs?: number;
  /** Default 10,000 entries. */
  readonly maxQueued?: number;
}

const MAX_BATCH = 500;
/** Of the arguments in one batch, in UTF-16 code units; a single larger entry goes alone. */
const MAX_BATCH_LENGTH = 1024 * 1024;
const PATIENCE = { withinMs: 5_000 };
const MAX_PAUSE_MS = 15_000;

export class RecordShipper {
  readonly #options: RecordShipperOptions;
  readonly #closing = new AbortController();
  #queue: RecordEntry[] = [];
  /** Sent, perhaps taken: goes again under the same number until it is known. */
  #batch: RecordEntry[] = [];
  #number = 1;
  #leftOut = 0;
  #leftOutAll = 0;
  #failures = 0;
  /** Somewhere in what waits is an entry that the control plane does not take, and it is being looked for. */
  #searching = false;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(options: RecordShipperOptions) {
    this.#options = options;
  }

  status(): { readonly queued: number; readonly leftOut: number } {
    return { queued: this.#queue.length + this.#batch.length, leftOut: this.#leftOutAll };
  }

  offer(entry: RecordEntry): void {
    const { maxQueued = 10_000 } = this.#options;
    if (this.#closing.signal.aborted || this.#queue.length + this.#batch.length >= maxQueued) return this.#leaveOut(1);
    if (this.#leftOut > 0) this.#tellGap();
    this.#queue.push(entry);
    return this.#schedule();
  }

  /** Sends now what waits, once: the process is about to end by itself, and an exchange under way keeps it alive until it has ended. */
  hurry(): void {
    if (this.#queue.length + this.#batch.length === 0) return;
    clearTimeout(this.#timer);
    this.#sending ??= this.#send();
  }

  /** Sends what is left, for at most `withinMs`, and ends. */
  async close(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    const limit = setTimeout(() => this.#closing.abort(), withinMs);
    if (this.#leftOut > 0) this.#tellGap();
    while (this.status().queued > 0 && performance.now() < end && !this.#closing.signal.aborted) {
      clearTimeout(this.#timer);
      await (this.#sending ??= this.#send());
      if (this.#failures > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(100, Math.max(0, end - performance.now()))));
    }
    clearTimeout(limit);
    clearTimeout(this.#timer);
    this.#closing.abort();
    const { queued } = this.status();
    if (queued > 0) this.#options.onWarning(`${queued} entries of the record did not reach the control plane before the end; they are in the record here.`);
  }

  #leaveOut(count: number): void {
    if (this.#leftOut === 0) this.#options.onWarning("Entries of the record are not reaching the control plane and are being left out of its copy; the record here has them.");
    this.#leftOut += count;
    this.#leftOutAll += count;
  }

  #tellGap(): void {
    this.#queue.push({ type: "event", at: this.#options.now(), event: "gap", detail: { reason: "control_plane_unavailable", leftOut: this.#leftOut } });
    this.#leftOut = 0;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#sending !== undefined) return;
    const { flushMs = 1_000 } = this.#options;
    const delay = this.#failures > 0 ? backOff(this.#failures, flushMs, MAX_PAUSE_MS) : this.#searching || this.#queue.length >= MAX_BATCH ? 0 : flushMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending ??= this.#send();
    }, delay);
    this.#timer.unref();
  }

  /** One batch. Never rejects. */
  async #send(): Promise<void> {
    this.#timer = undefined;
    if (this.#batch.length === 0) this.#batch = this.#cut();
    const { client, process } = this.#options;
    // Entries are plain JSON data; members that are undefined drop out.
    const entries = this.#batch as unknown as RecordBody["entries"];
    const answer = await client.ship({ process, batch: this.#number, entries }, { ...PATIENCE, signal: this.#closing.signal });
    if (answer.ok || !(mayPass(answer) || answer.code === "aborted" || answer.code === "unauthenticated")) {
      if (answer.ok) this.#number += 1;
      else this.#refused(answer.code);
      if (answer.ok || !this.#searching) this.#batch = [];
      if (this.#queue.length + this.#batch.length === 0) this.#searching = false;
      this.#failures = 0;
    } else {
      this.#failures += 1;
    }
    this.#sending = undefined;
    if (this.#queue.length + this.#batch.length > 0 && !this.#closing.signal.aborted) this.#schedule();
  }

  /** What the control plane will never take must not hold up what is behind it, nor take what is beside it along: of a batch, half is tried. */
  #refused(code: string): void {
    this.#searching = this.#batch.length > 1 && (code === "bad_request" || code === "too_large");
    if (this.#searching) return void this.#queue.unshift(...this.#batch.splice(Math.ceil(this.#batch.length / 2)));
    this.#options.onWarning(`The control plane refused ${this.#batch.length} entries of the record (${code}); the record here has them.`);
    this.#leftOut += this.#batch.length;
    this.#leftOutAll += this.#batch.length;
    if (!this.#batch.some(({ type }) => type === "event")) this.#tellGap();
    else this.#leftOut = 0; // the gap itself is what it refuses
    return undefined;
  }

  #cut(): RecordEntry[] {
    let count = 0;
    let length = 0;
    for (const entry of this.#queue) {
      length += entry.type === "decision" ? (entry.argumentsText?.length ?? 0) : 0;
      if (count === MAX_BATCH || (count > 0 && length > MAX_BATCH_LENGTH)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}
