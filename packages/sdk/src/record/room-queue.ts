import { RecordUnavailableError } from "./entry.ts";
import type { Queued } from "./entry.ts";

interface Waiting {
  /** Undefined while there is no room. */
  readonly attempt: () => Queued | undefined;
  readonly resolve: (queued: Queued) => void;
  readonly reject: (error: RecordUnavailableError) => void;
  readonly timer: NodeJS.Timeout;
}

/** Calls that wait for room in a full record queue, first come first served, each at most `waitMs`. */
export class RoomQueue {
  readonly #waitMs: number;
  #waiting: Waiting[] = [];

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Rejects with RecordUnavailableError when the time is over. */
  wait(attempt: () => Queued | undefined): Promise<Queued> {
    const { promise, resolve, reject } = Promise.withResolvers<Queued>();
    const timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== own);
      reject(new RecordUnavailableError(`The record's queue has been full for ${this.#waitMs} ms: calls come faster than its disk takes them.`));
    }, this.#waitMs);
    const own: Waiting = { attempt, resolve, reject, timer };
    this.#waiting.push(own);
    return promise;
  }

  /** Lets in, in order, as many as now find room. */
  admit(): void {
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting;
      const queued = first?.attempt();
      if (first === undefined || queued === undefined) return;
      this.#waiting.shift();
      clearTimeout(first.timer);
      first.resolve(queued);
    }
  }

  refuse(error: RecordUnavailableError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { timer, reject } of waiting) {
      clearTimeout(timer);
      reject(error);
    }
  }
}
