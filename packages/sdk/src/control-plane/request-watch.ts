/**
 * Waiting for many requests at once: over the process's one stream of events, and by asking now and then, in case the stream
 * is silent. An event holds the whole answer, so whoever it wakes needs nothing more. What is left of a window is counted
 * from the control plane's own clock as each answer tells it; this machine's clock takes no part.
 */
import { setLongTimeout, type LongTimer } from "../approval/timer.ts";
import type { AskedRequest } from "../wire/ask.ts";
import type { WireClient } from "../wire/wire-client.ts";
import type { WireFailure } from "../wire/wire-exchange.ts";

/** `silent`: its window has ended and the control plane cannot be asked how. */
export type Ending = { readonly kind: "moved"; readonly request: AskedRequest } | { readonly kind: "silent" } | { readonly kind: "failed"; readonly failure: WireFailure };

export interface RequestWatchOptions {
  readonly isConnected: () => boolean;
  /** Whether anybody waits has changed. */
  readonly onAttended: (attended: boolean) => void;
  /** How often a request is asked about while the stream stands, in milliseconds. Default 30,000. */
  readonly slowMs?: number;
  /** And while it does not. Default 1,000. */
  readonly fastMs?: number;
}

interface Watched {
  latest: AskedRequest;
  /** Both by the monotonic clock. */
  lookedAt: number;
  endsAt: number;
  looking: Promise<void> | undefined;
  /** Nearly always one. */
  waiters: readonly ((ending: Ending) => void)[];
}

/** Requests whose latest news is kept though nobody waits yet: news may be faster than the answer to the question. */
const MAX_RECENT = 1_000;
const LOOK_MS = 2_500;

export class RequestWatch {
  readonly #client: Pick<WireClient, "readAsked">;
  readonly #options: Required<RequestWatchOptions>;
  readonly #watched = new Map<string, Watched>();
  readonly #recent = new Map<string, AskedRequest>();
  #tick: NodeJS.Timeout | undefined;
  /** One for all windows, at the end that comes first: thousands may wait. */
  #alarm: { readonly at: number; readonly timer: LongTimer } | undefined;

  constructor(client: Pick<WireClient, "readAsked">, options: RequestWatchOptions) {
    this.#client = client;
    this.#options = { slowMs: 30_000, fastMs: 1_000, ...options };
  }

  /** Resolves when the request is no longer pending; with undefined when the signal is aborted. Never rejects. */
  follow(known: AskedRequest, signal: AbortSignal): Promise<Ending | undefined> {
    const recent = this.#recent.get(known.id);
    const latest = recent !== undefined && recent.rev > known.rev ? recent : known;
    if (signal.aborted) return Promise.resolve(undefined);
    if (latest.state !== "pending") return Promise.resolve({ kind: "moved", request: latest });
    const watched = this.#watch(latest);
    return new Promise((resolve) => {
      const end = (ending: Ending | undefined): void => {
        signal.removeEventListener("abort", abort);
        resolve(ending);
      };
      const abort = (): void => {
        watched.waiters = watched.waiters.filter((waiter) => waiter !== end);
        if (watched.waiters.length === 0) this.#forget(known.id, watched);
        end(undefined);
      };
      watched.waiters = [...watched.waiters, end];
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** News of a request, from wherever. */
  take(request: AskedRequest): void {
    const before = this.#recent.get(request.id);
    if (before !== undefined && before.rev > request.rev) return;
    this.#recent.delete(request.id);
    this.#recent.set(request.id, request);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= MAX_RECENT) break;
      this.#recent.delete(oldest);
    }
    const watched = this.#watched.get(request.id);
    if (watched === undefined || watched.latest.rev > request.rev) return;
    watched.latest = request;
    if (request.state !== "pending") return this.#end(watched, { kind: "moved", request });
    this.#endAt(watched);
  }

  /** Asks about everything that is waited for: news may have been missed. */
  lookAll(): void {
    for (const watched of this.#watched.values()) void this.#look(watched);
  }

  close(): void {
    for (const watched of this.#watched.values()) this.#end(watched, { kind: "silent" });
  }

  #watch(request: AskedRequest): Watched {
    const known = this.#watched.get(request.id);
    if (known !== undefined) return known;
    const watched: Watched = { latest: request, lookedAt: performance.now(), endsAt: 0, looking: undefined, waiters: [] };
    this.#watched.set(request.id, watched);
    this.#endAt(watched);
    if (this.#watched.size === 1) this.#options.onAttended(true);
    const { fastMs } = this.#options;
    this.#tick ??= setInterval(() => this.#lookAround(), fastMs);
    return watched;
  }

  /** Its window ends when its latest news says. */
  #endAt(watched: Watched): void {
    watched.endsAt = performance.now() + watched.latest.expiresAt - watched.latest.now;
    this.#wakeAt(watched.endsAt);
  }

  #wakeAt(at: number): void {
    if (this.#alarm !== undefined && this.#alarm.at <= at) return;
    this.#alarm?.timer.clear();
    this.#alarm = { at, timer: setLongTimeout(() => this.#atEnds(), at - performance.now()) };
  }

  #atEnds(): void {
    this.#alarm = undefined;
    // A timer may fire a little before its time.
    const now = performance.now() + 1;
    let next = Infinity;
    for (const [id, watched] of this.#watched) {
      if (watched.endsAt > now) next = Math.min(next, watched.endsAt);
      else void this.#lookAtEnd(id);
    }
    if (next < Infinity) this.#wakeAt(next);
  }

  async #lookAtEnd(id: string): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    await this.#look(watched);
    if (this.#watched.get(id) !== watched) return;
    const { latest } = watched;
    if (latest.expiresAt <= latest.now || performance.now() - watched.lookedAt > LOOK_MS) this.#end(watched, { kind: "silent" });
    else this.#endAt(watched); // it was lengthened, or our clock runs fast
  }

  #lookAround(): void {
    const { isConnected, slowMs, fastMs } = this.#options;
    const everyMs = isConnected() ? slowMs : fastMs;
    for (const watched of this.#watched.values()) if (performance.now() - watched.lookedAt >= everyMs - 1) void this.#look(watched);
  }

  /** One question at a time about each request. */
  #look(watched: Watched): Promise<void> {
    return (watched.looking ??= this.#ask(watched).finally(() => (watched.looking = undefined)));
  }

  async #ask(watched: Watched): Promise<void> {
    const answer = await this.#client.readAsked(watched.latest.id, { withinMs: LOOK_MS });
    if (answer.ok) {
      watched.lookedAt = performance.now();
      this.take(answer.value);
    } else if (answer.code === "not_found" || answer.code === "unauthenticated" || answer.code === "forbidden") {
      this.#end(watched, { kind: "failed", failure: answer });
    }
  }

  #end(watched: Watched, ending: Ending): void {
    this.#forget(watched.latest.id, watched);
    const { waiters } = watched;
    watched.waiters = [];
    for (const waiter of waiters) waiter(ending);
  }

  #forget(id: string, watched: Watched): void {
    if (this.#watched.get(id) !== watched) return;
    this.#watched.delete(id);
    if (this.#watched.size > 0) return;
    this.#alarm?.timer.clear();
    this.#alarm = undefined;
    clearInterval(this.#tick);
    this.#tick = undefined;
    this.#options.onAttended(false);
  }
}
