/**
 * What the control plane must be told though nobody waits for it: outcomes, claims given back, requests taken back. Told
 * again until it is heard, within bounds. That it is never heard changes nothing about what has happened.
 */
import { backOff, mayPass, type WireFailure, type WireResult } from "../wire/wire-exchange.ts";
import type { Patience } from "../wire/wire-client.ts";

export interface Tidings {
  /** For the operator, where it is given up. Holds no secret. */
  readonly about: string;
  readonly tell: (patience: Patience) => Promise<WireResult<unknown>>;
  /** Told no longer than this. */
  readonly withinMs: number;
  /** It was heard, refused or given up. */
  readonly ended?: () => void;
}

const MAX_UNTOLD = 1_000;
const ATTEMPT_MS = 5_000;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 10_000;

export class Teller {
  readonly #onWarning: (message: string) => void;
  readonly #untold = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(onWarning: (message: string) => void) {
    this.#onWarning = onWarning;
  }

  get untold(): number {
    return this.#untold.size;
  }

  /** Starts to tell at once, in the background. */
  tell(tidings: Tidings): void {
    if (this.#untold.size >= MAX_UNTOLD) {
      this.#onWarning(`${tidings.about}: the control plane is not told, because ${MAX_UNTOLD} other things wait to be told.`);
      return tidings.ended?.();
    }
    const telling = this.#tell(tidings);
    this.#untold.add(telling);
    void telling.then(() => this.#untold.delete(telling));
    return undefined;
  }

  /** Resolves when everything was told, and after `withinMs` in any case; then nothing more is told. */
  async close(withinMs: number): Promise<void> {
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, withinMs);
    await Promise.race([Promise.all(this.#untold), limit.promise]);
    clearTimeout(timer);
    this.#closing.abort();
    await Promise.all(this.#untold);
  }

  async #tell({ about, tell, withinMs, ended }: Tidings): Promise<void> {
    const { signal } = this.#closing;
    const end = performance.now() + withinMs;
    for (let attempt = 0; ; attempt++) {
      const answer = await tell({ withinMs: ATTEMPT_MS, signal });
      if (answer.ok || !mayPass(answer) || signal.aborted) {
        if (!answer.ok && !isOver(answer)) this.#onWarning(`${about}: the control plane could not be told (${answer.code}).`);
        break;
      }
      if (performance.now() >= end) {
        this.#onWarning(`${about}: the control plane could not be told for ${Math.round(withinMs / 1_000)} s (${answer.code}), and is not told any more.`);
        break;
      }
      await rest(backOff(attempt, FIRST_PAUSE_MS, MAX_PAUSE_MS), signal);
    }
    ended?.();
  }
}

/** What it was told about had come to its end there already. */
function isOver({ code }: WireFailure): boolean {
  return code === "ended" || code === "conflict" || code === "not_approved" || code === "superseded" || code === "not_found";
}

/** A pause that keeps no process alive. Ends early with the signal. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    signal.addEventListener("abort", end, { once: true });
  });
}
