/**
 * What waits to be sent, where each message travels alone: how much of it there is, and in which order. On a stream messages arrive as they
 * were sent; here only what depends on an earlier one waits for it: everything for what opens the session, and for a notification or a response
 * until it has arrived; those for what was sent before them. Requests do not wait for each other.
 */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

/** Called once, when the message was handed to the network, or never will be. */
export type OnFlushed = () => void;

export class Outbox {
  readonly #onDrain: () => void;
  readonly #leaving = new Set<Promise<void>>();
  #barrier: Promise<void> | undefined;
  #unsent = 0;
  #full = false;

  /** `onDrain`: there is room again. */
  constructor(onDrain: () => void) {
    this.#onDrain = onDrain;
  }

  /** Bytes. */
  get unsent(): number {
    return this.#unsent;
  }

  /** `start` begins to send, at once where nothing is waited for. False: it is full. */
  request(line: Buffer | string, start: (onFlushed: OnFlushed) => void): boolean {
    const { left, onFlushed } = this.#add(line);
    const begin = (): Promise<void> => (start(onFlushed), left);
    const leaving: Promise<void> = (this.#barrier === undefined ? begin() : this.#barrier.then(begin)).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    return !this.#full;
  }

  /** What `start` answers resolves when the message has arrived; later ones wait for that. */
  barrier(line: Buffer | string, start: (onFlushed: OnFlushed) => Promise<void>): boolean {
    const { onFlushed } = this.#add(line);
    const begin = (): Promise<void> => start(onFlushed);
    const before = this.#barrier === undefined && this.#leaving.size === 0 ? undefined : Promise.all([this.#barrier, ...this.#leaving]);
    const barrier: Promise<void> = (before === undefined ? begin() : before.then(begin)).finally(() => {
      if (this.#barrier === barrier) this.#barrier = undefined;
    });
    this.#barrier = barrier;
    return !this.#full;
  }

  #add(line: Buffer | string): { readonly left: Promise<void>; readonly onFlushed: OnFlushed } {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const length = Buffer.byteLength(line);
    this.#unsent += length;
    this.#full = this.#unsent > MAX_UNSENT_BYTES;
    const onFlushed = (): void => {
      this.#unsent -= length;
      resolve();
      if (!this.#full || this.#unsent > MAX_UNSENT_BYTES / 2) return;
      this.#full = false;
      this.#onDrain();
    };
    return { left, onFlushed };
  }
}

const ACKNOWLEDGED_MS = 5_000;

/** Resolves when the server has taken the message, or has had its time for that. `work` never rejects. */
export async function untilAcknowledged(work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ACKNOWLEDGED_MS);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
