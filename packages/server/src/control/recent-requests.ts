/** Requests that were touched lately, as of the record's head: most are voted on, claimed and reported soon after. Bounded by bytes. */
import type { ApprovalRequest } from "../store/entity/approval-request.ts";
import type { Stored } from "../store/store.ts";
import { weightOf } from "./request/weight.ts";

const MAX_BYTES = 64 * 1024 * 1024;

export class RecentRequests {
  readonly #rows = new Map<string, Stored<ApprovalRequest>>();
  /** Ids by the key under which the same call would join. */
  readonly #open = new Map<string, string>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(id: string): Stored<ApprovalRequest> | undefined {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    // The map's order is the order of use.
    this.#rows.delete(id);
    this.#rows.set(id, row);
    return row;
  }

  /** The one that a question with this key would join. */
  open(dedupeKey: unknown): Stored<ApprovalRequest> | undefined {
    const id = typeof dedupeKey === "string" ? this.#open.get(dedupeKey) : undefined;
    return id === undefined ? undefined : this.get(id);
  }

  put(row: Stored<ApprovalRequest>): void {
    this.delete(row.id);
    this.#rows.set(row.id, row);
    if (row.data.dedupeKey !== null) this.#open.set(row.data.dedupeKey, row.id);
    this.#bytes += weightOf(row.data);
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    const { dedupeKey } = row.data;
    if (dedupeKey !== null && this.#open.get(dedupeKey) === id) this.#open.delete(dedupeKey);
    this.#bytes -= weightOf(row.data);
  }

  clear(): void {
    this.#rows.clear();
    this.#open.clear();
    this.#bytes = 0;
  }
}
