/**
 * The ledger over a store: collects the commands of one moment, decides them one after the other, and commits all they change
 * with their rows in one transaction that names the head it was decided on. Where the head has moved, by another instance, it
 * catches up and decides again. Never answers before the commit, and never decides on what only part of a batch has seen.
 */
import type { RecordHead } from "@countersign/sdk/record";
import type { ApprovalRequest } from "../store/entity/approval-request.ts";
import type { AloneWith, CommitResult, RecordLine, Store, Stored, WriteSet } from "../store/store.ts";
import { answerWithin } from "./answer-within.ts";
import { decideBatch } from "./decide-batch.ts";
import type { DecidedBatch } from "./decide-batch.ts";
import { fateOfCommit } from "./fate-of-commit.ts";
import { LedgerFacts } from "./ledger-facts.ts";
import type { Command, Ledger } from "./ledger.ts";
import { StoreUnavailableError } from "./store-unavailable-error.ts";

export interface LedgerOptions {
  readonly tenant?: string | undefined;
  /** How often other instances' commits are looked for where no hint comes. Default 1,000 ms. */
  readonly pollMs?: number | undefined;
  /** Default 1,900 ms. */
  readonly answerWithinMs?: number | undefined;
  /** Milliseconds that only ever rise. Default: performance.now(). */
  readonly monotonic?: (() => number) | undefined;
  /** Told what goes wrong where nobody waits for an answer. */
  readonly onProblem?: ((problem: unknown) => void) | undefined;
}

/** Opens the record with its first row where it is empty. Rejects with StoreUnavailableError. */
export async function openLedger(store: Store, options: LedgerOptions = {}): Promise<Ledger> {
  const ledger = await LiveLedger.open(store, options);
  if (ledger.head.seq === 0) await ledger.run({ needs: [], apply: ({ now }) => ({ answer: undefined, entries: ledger.head.seq === 0 ? [{ type: "event", event: "record_opened", at: now, detail: { tenant: ledger.tenant, installation: store.installationId } }] : [] }) });
  return ledger;
}

const MAX_BATCH = 256;
/** A commit that conflicts this often while the head stands still will never succeed. */
const MAX_STANDING_CONFLICTS = 3;
/** Whoever lost this often to other instances has the next commit to itself. */
const MAX_LOSSES = 2;
/** So long after a loss it takes turns, as long as the others go on. */
const CONTENDED_MS = 200;

interface Waiting {
  readonly command: Command<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly timer: NodeJS.Timeout;
  settled: boolean;
  /** A commit that may hold it is under way. */
  committing: boolean;
}

class LiveLedger implements Ledger {
  readonly tenant: string;
  readonly resident: Ledger["resident"];
  readonly #store: Store;
  readonly #facts: LedgerFacts;
  readonly #answerMs: number;
  readonly #onProblem: (problem: unknown) => void;
  readonly #listeners: Set<(rows: readonly RecordLine[]) => void>;
  readonly #unhint: () => void;
  readonly #poll: NodeJS.Timeout;
  #queue: Waiting[] = [];
  #pump: Promise<void> | undefined;
  #syncWanted = false;
  #lostAt = -Infinity;
  #closed = false;

  private constructor(store: Store, facts: LedgerFacts, listeners: Set<(rows: readonly RecordLine[]) => void>, options: LedgerOptions) {
    const { tenant = "default", pollMs = 1_000, answerWithinMs = 1_900, onProblem = () => undefined } = options;
    this.tenant = tenant;
    this.#store = store;
    this.#facts = facts;
    this.#listeners = listeners;
    this.#answerMs = answerWithinMs;
    this.#onProblem = onProblem;
    this.resident = {
      get: (table, id) => facts.get(table, id),
      all: (table) => facts.all(table),
      get policy() {
        return facts.current;
      },
      get now() {
        return facts.now;
      },
    };
    this.#unhint = store.onHint((about) => {
      if (about === tenant) this.#wantSync();
    });
    this.#poll = setInterval(() => this.#wantSync(), pollMs);
    this.#poll.unref();
  }

  static async open(store: Store, options: LedgerOptions): Promise<LiveLedger> {
    const { tenant = "default", answerWithinMs = 1_900, onProblem = () => undefined } = options;
    const listeners = new Set<(rows: readonly RecordLine[]) => void>();
    const tell = (rows: readonly RecordLine[]): void => {
      for (const listener of listeners) {
        try {
          listener(rows);
        } catch (problem) {
          onProblem(problem);
        }
      }
    };
    try {
      const facts = await LedgerFacts.load(store, tenant, (answer) => answerWithin(answer, answerWithinMs), tell, options.monotonic);
      return new LiveLedger(store, facts, listeners, options);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  get head(): RecordHead {
    return this.#facts.head;
  }

  recall(requestId: string): Stored<ApprovalRequest> | undefined {
    return this.#facts.recent.get(requestId);
  }

  onRows(listener: (rows: readonly RecordLine[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  run<T>(command: Command<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreUnavailableError("the control plane is closing"));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => {
      const { committing } = waiting;
      this.#settle(waiting, () => reject(new StoreUnavailableError("the store does not answer", { maybe: committing })));
    }, this.#answerMs);
    // What `apply` answers is what comes back.
    const waiting: Waiting = { command, resolve: resolve as (answer: unknown) => void, reject, timer, settled: false, committing: false };
    this.#queue.push(waiting);
    this.#kick();
    return promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unhint();
    clearInterval(this.#poll);
    await this.#pump;
  }

  #wantSync(): void {
    if (this.#closed) return;
    this.#syncWanted = true;
    this.#kick();
  }

  #kick(): void {
    this.#pump ??= this.#work().finally(() => {
      this.#pump = undefined;
      if (this.#queue.length > 0) this.#kick();
    });
  }

  async #work(): Promise<void> {
    // Commands that come with the same round of events share the commit.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    while (this.#queue.length > 0 || this.#syncWanted) {
      if (this.#queue.length === 0) {
        this.#syncWanted = false;
        await this.#facts.refresh([]).catch(this.#onProblem);
        continue;
      }
      const batch = this.#queue.splice(0, MAX_BATCH).filter(({ settled }) => !settled);
      await this.#serve(batch);
    }
  }

  /** `batch` grows by what is taken along. */
  async #serve(batch: Waiting[]): Promise<void> {
    try {
      await this.#decide(batch);
    } catch (cause) {
      const left = batch.filter(({ settled }) => !settled);
      const isRefused = cause instanceof TypeError;
      // What no store takes, such as a time that no calendar has, is one command's own fault: the others are decided without it.
      if (isRefused && left.length > 1) {
        const middle = left.length >> 1;
        await this.#serve(left.slice(0, middle));
        await this.#serve(left.slice(middle));
        return;
      }
      const reason = isRefused ? cause : unavailable(cause);
      for (const waiting of left) this.#settle(waiting, () => waiting.reject(reason));
    }
  }

  /** Decides the batch and commits it; again where another instance was faster; alone where that goes on. */
  async #decide(batch: Waiting[]): Promise<void> {
    // Another instance that has been met goes on, most likely: what is lost to it costs both more than to wait for the turn.
    const isContended = performance.now() - Math.min(this.#lostAt, this.#facts.othersAt) < CONTENDED_MS;
    if (isContended) this.#lostAt = performance.now();
    for (let losses = isContended ? MAX_LOSSES : 0; losses < MAX_LOSSES; losses++) {
      if ((await this.#attempt(batch, this.#store, losses > 0)) === "done") return;
      this.#lostAt = performance.now();
    }
    const done = await this.#store.exclusively(this.tenant, (alone) => this.#facts.through(alone, () => this.#attemptAlone(batch, alone)));
    if (done) return; // what the commit has put off is in the queue
    await this.#decideAlone(batch.filter(({ settled }) => !settled));
  }

  /** Whether it was done, with all commits to itself. */
  async #attemptAlone(batch: Waiting[], alone: AloneWith): Promise<boolean> {
    for (let standing = 0; standing < MAX_STANDING_CONFLICTS; standing++) if ((await this.#attempt(batch, alone, true)) === "done") return true;
    return false;
  }

  async #attempt(all: Waiting[], store: AloneWith, mustRead: boolean): Promise<"done" | "again"> {
    const batch = all.filter(({ settled }) => !settled);
    if (batch.length === 0) return "done";
    const keys = batch.flatMap(({ command }) => command.needs);
    const likelyFree = batch.flatMap(({ command }) => command.likelyFree ?? []);
    const isFresh = mustRead || !this.#facts.knows(keys);
    // What was hinted at is read with it.
    if (isFresh) this.#syncWanted = false;
    if (isFresh) {
      await this.#facts.refresh([...keys, ...likelyFree]);
      this.#takeAlong(all, batch);
    } else this.#facts.takeForFree(likelyFree);
    let decided = decideBatch(this.#facts, batch.map(({ command }) => command));
    if (decided.lines.length === 0 && !isFresh) {
      // Nothing is written, so no commit would prove that this was decided on what is there now, at the time it is now.
      await this.#facts.refresh([...keys, ...likelyFree]);
      decided = decideBatch(this.#facts, batch.map(({ command }) => command));
    }
    if (decided.lines.length === 0) return this.#finish(batch, decided);
    const { lines, head, changes, before } = decided;
    const result = await this.#commit(store, { tenant: this.tenant, after: this.#facts.head, lines, head, changes, before }, batch);
    if (!result.ok) return "again";
    this.#facts.notePolicy(decided.policy);
    this.#facts.accept(changes, lines, head);
    return this.#finish(batch, decided);
  }

  /** Commands that came while it was read, or while others had the lock, and need no more than is known: they would wait for a whole turn. */
  #takeAlong(all: Waiting[], batch: Waiting[]): void {
    for (let next = this.#queue[0]; next !== undefined && batch.length < MAX_BATCH && this.#facts.knows(next.command.needs); next = this.#queue[0]) {
      this.#queue.shift();
      if (next.settled) continue;
      this.#facts.takeForFree(next.command.likelyFree ?? []);
      all.push(next);
      batch.push(next);
    }
  }

  /** One of them takes what is taken: a unique value, or a row that changes without the record. */
  async #decideAlone(batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    if (batch.length > 1) {
      for (const waiting of batch) await this.#serve([waiting]);
    } else {
      this.#settle(first, () => first.reject(new Error("the command conflicts with what is stored, and nothing has changed meanwhile: a unique value is taken")));
    }
  }

  async #commit(store: AloneWith, set: WriteSet, batch: readonly Waiting[]): Promise<CommitResult> {
    for (const waiting of batch) waiting.committing = true;
    try {
      const result = await answerWithin(store.commit(set), this.#answerMs);
      for (const waiting of batch) waiting.committing = false;
      return result;
    } catch (cause) {
      const fate = await answerWithin(fateOfCommit(this.#store, set), this.#answerMs).catch(() => undefined);
      if (fate !== undefined) return fate;
      if (cause instanceof TypeError) throw cause; // it was looked at and refused, and nothing of it is there
      throw new StoreUnavailableError("the store did not say whether it has written", { maybe: !isKnownUnwritten(cause), cause });
    }
  }

  #finish(batch: readonly Waiting[], decided: DecidedBatch): "done" {
    for (const [index, outcome] of decided.outcomes.entries()) {
      const waiting = batch[index];
      if (waiting === undefined) continue;
      this.#settle(waiting, () => {
        if (outcome.ok) waiting.resolve(outcome.answer);
        else waiting.reject(outcome.thrown);
      });
    }
    // Those that must not share a commit with the ones before them.
    this.#queue.unshift(...batch.slice(decided.outcomes.length).filter(({ settled }) => !settled));
    return "done";
  }

  #settle(waiting: Waiting, answer: () => void): void {
    if (waiting.settled) return;
    waiting.settled = true;
    clearTimeout(waiting.timer);
    answer();
  }
}

function unavailable(cause: unknown): unknown {
  return cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError("the store does not answer", { cause });
}

/** Stores say of a failed write whether it may have been written. */
function isKnownUnwritten(cause: unknown): boolean {
  return cause instanceof Error && "maybeWritten" in cause && cause.maybeWritten === false;
}
