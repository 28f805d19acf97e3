/**
 * The store's clock between two readings, carried on by this machine's monotonic one. It never goes back: where the store's
 * own clock was set back, windows that were promised are not stretched by that. A commit's `before` asks the store itself.
 */
/** More than two monotonic clocks drift apart between two readings. */
const STEP_MS = 1_000;

export class InstanceClock {
  readonly #monotonic: () => number;
  #base: number;
  #at: number;
  #last = 0;

  constructor(now: number, monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#base = now;
    this.#at = monotonic();
  }

  get now(): number {
    this.#last = Math.max(this.#last, Math.floor(this.#base + this.#monotonic() - this.#at));
    return this.#last;
  }

  /** What the store said just now. */
  read(stored: number): void {
    const ours = this.now;
    this.#base = ours - stored > STEP_MS ? ours : stored;
    this.#at = this.#monotonic();
  }
}
