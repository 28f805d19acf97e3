/**
 * Callers that wait for a request to move. Rows of the record wake them, of whichever instance; a stored request that nobody waits
 * for costs nothing here. Nobody is left waiting: each is answered by a row, its own time, the request's time, or the end.
 */
import type { RecordLine } from "../../store/store.ts";

/** Timers of Node hold at most this. */
const LONGEST_MS = 2 ** 31 - 1;

export class WaitingCallers {
  readonly #byRequest = new Map<string, Set<() => void>>();
  #count = 0;
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when a row tells of the request, after `ms`, or when the signal is aborted; `done` ends it without either. Begin before you look how things stand. */
  begin(requestId: string, signal: AbortSignal | undefined): { readonly moved: (ms: number) => Promise<void>; readonly done: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.#byRequest.get(requestId) ?? new Set();
    this.#byRequest.set(requestId, waiters);
    waiters.add(resolve);
    this.#count += 1;
    let timer: NodeJS.Timeout | undefined;
    const wake = (): void => resolve();
    signal?.addEventListener("abort", wake, { once: true });
    if (signal?.aborted === true) resolve();
    return {
      moved: (ms) => {
        timer ??= setTimeout(resolve, Math.min(Math.max(ms, 0), LONGEST_MS));
        return promise;
      },
      done: () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        if (!waiters.delete(resolve)) return;
        this.#count -= 1;
        if (waiters.size === 0 && this.#byRequest.get(requestId) === waiters) this.#byRequest.delete(requestId);
      },
    };
  }

  wake(rows: readonly RecordLine[]): void {
    if (this.#byRequest.size === 0) return;
    for (const { requestId } of rows) {
      if (requestId === null) continue;
      for (const resolve of this.#byRequest.get(requestId) ?? []) resolve();
    }
  }

  /** Nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    for (const waiters of this.#byRequest.values()) for (const resolve of waiters) resolve();
  }
}
