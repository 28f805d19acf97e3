import { createSealer } from "./cipher.ts";
import type { ArgumentKey, RowArguments, Sealer } from "./cipher.ts";
import type { OutcomeEntry, RecordEntry } from "./entry.ts";
import { argumentsBody, EMPTY_HEAD, hashRow, rowBody, rowLine } from "./row.ts";
import type { RecordHead } from "./row.ts";

/** An entry on its way into the record. The recorder alone makes these. */
export interface QueuedRow<Entry extends RecordEntry = RecordEntry> {
  readonly entry: Entry;
  /** Joins the decision's row where it comes before that row is made. */
  outcome: OutcomeEntry | undefined;
  /** 0 until its row is made; `LEFT_OUT` where it never will be. */
  seq: number;
}

export const LEFT_OUT = -1;

/** Rows that are made and not yet known to be durable. */
export interface Chunk {
  readonly text: string;
  readonly rows: number;
  /** The last of these rows. */
  readonly head: RecordHead;
}

/** Makes rows of entries, each holding the hash of the one before. One chain has one writer. */
export class Chain {
  #head: RecordHead = EMPTY_HEAD;
  readonly #seal: Sealer | undefined;
  readonly #now: () => number;

  constructor(key: ArgumentKey | undefined, now: () => number) {
    this.#seal = key === undefined ? undefined : createSealer(key);
    this.#now = now;
  }

  get head(): RecordHead {
    return this.#head;
  }

  /** Links at least one entry. Never throws for what an entry holds: one that cannot be written becomes a `gap` row that says so. */
  link(items: readonly QueuedRow[]): Chunk {
    const lines: string[] = [];
    const before = this.#head.seq;
    let sealedIn: number | undefined;
    for (const [index, item] of items.entries()) {
      const seal = argumentsOf(item) === undefined ? undefined : this.#seal;
      // One row seals the arguments of all that follow in this chunk. It is never a record's first row.
      if (seal !== undefined) sealedIn ??= this.#linkArguments(seal, items.slice(index), lines);
      const seq = this.#head.seq + 1;
      this.#add(this.#body(item, seq, seal !== undefined ? sealedIn : undefined), lines);
      item.seq = seq;
    }
    return { text: lines.join(""), rows: this.#head.seq - before, head: this.#head };
  }

  /** Adds the row that holds the arguments of the rows right after it. */
  #linkArguments(seal: Sealer, items: readonly QueuedRow[], lines: string[]): number {
    const seq = this.#head.seq + 1;
    const sealed: RowArguments[] = [];
    for (const [index, { entry }] of items.entries()) {
      if (entry.type !== "decision" || entry.argumentsText === undefined) continue;
      sealed.push({ seq: seq + 1 + index, digest: entry.digest, text: entry.argumentsText });
    }
    this.#add(argumentsBody(seal(sealed, seq), this.#now(), seq, this.#head.hash), lines);
    return seq;
  }

  #body(item: QueuedRow, seq: number, sealedIn: number | undefined): string {
    try {
      return rowBody(item.entry, seq, this.#head.hash, sealedIn, item.outcome);
    } catch (cause) {
      const detail = { reason: "entry_unwritable", type: item.entry.type, error: cause instanceof Error ? cause.name : typeof cause };
      return rowBody({ type: "event", event: "gap", at: this.#now(), detail }, seq, this.#head.hash);
    }
  }

  #add(body: string, lines: string[]): void {
    const hash = hashRow(body);
    lines.push(`${rowLine(body, hash)}\n`);
    this.#head = { seq: this.#head.seq + 1, hash };
  }
}

/** The arguments text an entry carries. */
export function argumentsOf(item: QueuedRow): string | undefined {
  return item.entry.type === "decision" ? item.entry.argumentsText : undefined;
}
