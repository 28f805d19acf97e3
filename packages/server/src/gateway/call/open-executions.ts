/**
 * Executions whose clients were answered and that go on: by the execution's id. They are given up when their time is over, when one client has
 * too many of them, or when nobody can come back any more; what became of them is unknown then, and the record says so.
 */
import { Running } from "./running.ts";
import type { UpstreamPort } from "./upstream-port.ts";

export interface OpenExecution {
  readonly id: string;
  /** One client's executions are limited by this. */
  readonly owner: string;
  /** The last way that it was sent. */
  readonly upstream: UpstreamPort;
}

/** Where an execution stands among the open ones. */
export interface OpenPlace {
  /** Its time begins anew. */
  readonly again: () => void;
  readonly over: () => void;
}

interface Entry<T> {
  readonly execution: T;
  readonly giveUp: () => void;
}

/** As many as a client may have calls under way. */
const MAX_OF_ONE = 1_024;
const CONTINUATION_MS = 15 * 60_000;

export class OpenExecutions<T extends OpenExecution = OpenExecution> {
  /** How long the client of a server that asked for more is waited for. */
  readonly continuationMs: number;
  readonly #open = new Map<string, Entry<T>>();
  readonly #byOwner = new Map<string, Set<Entry<T>>>();
  readonly #running = new Running();
  #isOver = false;

  constructor(continuationMs = CONTINUATION_MS) {
    this.continuationMs = continuationMs;
  }

  get(id: string): T | undefined {
    return this.#open.get(id)?.execution;
  }

  /** Goes on for so long; `giveUp` is called once that is over, or earlier. */
  add(execution: T, forMs: number, giveUp: () => void): OpenPlace {
    const { id, owner } = execution;
    const entry = { execution, giveUp };
    const own = this.#byOwner.get(owner) ?? new Set();
    if (own.size >= MAX_OF_ONE) for (const oldest of [...own].slice(0, 1)) oldest.giveUp();
    this.#byOwner.set(owner, own.add(entry));
    this.#open.set(id, entry);
    const timer = setTimeout(giveUp, forMs);
    if (this.#isOver) queueMicrotask(giveUp);
    return {
      again: () => void timer.refresh(),
      over: () => {
        clearTimeout(timer);
        this.#open.delete(id);
        own.delete(entry);
        if (own.size === 0) this.#byOwner.delete(owner);
      },
    };
  }

  giveUp({ id }: Pick<T, "id">): void {
    this.#open.get(id)?.giveUp();
  }

  /** One is under way, whether its client waits or not. */
  begun(): void {
    this.#running.begin();
  }

  ended(): void {
    this.#running.end();
  }

  /** Nobody comes back any more. */
  end(): void {
    this.#isOver = true;
    for (const { giveUp } of this.#open.values()) giveUp();
  }

  /** What went this way to its server cannot go on. */
  endThrough(upstream: UpstreamPort): void {
    for (const { execution, giveUp } of this.#open.values()) if (execution.upstream === upstream) giveUp();
  }

  /** Resolves when none is under way. */
  drained(): Promise<void> {
    return this.#running.drained();
  }
}
