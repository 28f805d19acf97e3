/**
 * Executions whose clients were answered and are waited for: by the execution's id. They end when their time is over, when one client has
 * too many of them, or when nobody can come back any more; what became of them is unknown then, and the record says so.
 */
import type { Execution } from "./execution.ts";
import type { UpstreamPort } from "./upstream-port.ts";

/** As many as a client may have calls under way. */
const MAX_OF_ONE = 1_024;
export const CONTINUATION_MS = 15 * 60_000;

export class OpenExecutions {
  readonly continuationMs: number;
  readonly #open = new Map<string, Execution>();
  readonly #byOwner = new Map<string, Set<Execution>>();
  readonly #following = new Set<Promise<void>>();
  #isOver = false;

  constructor(continuationMs = CONTINUATION_MS) {
    this.continuationMs = continuationMs;
  }

  get(id: string): Execution | undefined {
    return this.#open.get(id);
  }

  /** Waits for its client, for so long. Answers how to stop that. */
  add(execution: Execution): () => void {
    const { id, owner } = execution;
    const own = this.#byOwner.get(owner) ?? new Set();
    if (own.size >= MAX_OF_ONE) for (const oldest of [...own].slice(0, 1)) oldest.giveUp();
    this.#byOwner.set(owner, own.add(execution));
    this.#open.set(id, execution);
    const timer = setTimeout(() => execution.giveUp(), this.continuationMs);
    if (this.#isOver) execution.giveUp();
    return () => {
      clearTimeout(timer);
      this.#open.delete(id);
      own.delete(execution);
      if (own.size === 0) this.#byOwner.delete(owner);
    };
  }

  /** Counts as running until it ends. `ended` never rejects. */
  follow(ended: Promise<void>): void {
    this.#following.add(ended);
    void ended.then(() => this.#following.delete(ended));
  }

  /** Nobody comes back any more. */
  end(): void {
    this.#isOver = true;
    for (const execution of this.#open.values()) execution.giveUp();
  }

  /** What went this way to its server cannot go on. */
  endThrough(upstream: UpstreamPort): void {
    for (const execution of this.#open.values()) if (execution.upstream === upstream) execution.giveUp();
  }

  /** Resolves when none is under way. */
  async drained(): Promise<void> {
    while (this.#following.size > 0) await Promise.all(this.#following);
  }
}
