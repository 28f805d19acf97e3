/**
 * The ledger: the one place where the control plane's state changes. Commands are pure functions of what is stored; those of
 * one moment are decided one after the other and committed together, with their rows of the record, in one transaction.
 * Where another instance was faster they are decided again on what is there now. Called by every resource in control/.
 */
import type { RecordEntry, RecordHead, RowArguments, SealedArguments } from "@countersign/sdk/record";
import type { ApprovalRequest } from "../store/entity/approval-request.ts";
import type { Change, Key, RecordLine, Stored, UniqueKey } from "../store/store.ts";
import type { ColumnValue, ResidentTable, TableName, Tables } from "../store/tables.ts";
import type { PolicyInForce } from "./policy-in-force.ts";

/** What a command is decided on: what was asked for in `needs`, the resident tables, and the policy in force. */
export interface View {
  get<K extends TableName>(table: K, id: string): Stored<Tables[K]> | undefined;
  find<K extends TableName>(table: K, column: string, value: ColumnValue): Stored<Tables[K]> | undefined;
  all<K extends ResidentTable>(table: K): readonly Stored<Tables[K]>[];
  /** Undefined while no document was activated. */
  readonly policy: PolicyInForce | undefined;
  /** Milliseconds since the epoch on the store's clock. */
  readonly now: number;
}

/** A row of the record to be; its place in the chain comes with the commit. */
export type LedgerEntry = RecordEntry;

/** Seals the arguments of a plan's decisions. Called anew where the plan is decided again: it must never use an initialisation vector twice. */
export type SealRows = (items: readonly RowArguments[], seq: number) => SealedArguments;

export interface Plan<T> {
  readonly answer: T;
  readonly changes?: readonly Change[];
  /** At least one where there are changes. */
  readonly entries?: readonly LedgerEntry[];
  /** Where entries are decisions with `argumentsText`; without it their arguments are left out. */
  readonly seal?: SealRows | undefined;
  /** The answer is void where the store's clock has reached this when it is committed; the command is then decided again. */
  readonly before?: number | undefined;
}

/**
 * `apply` is pure and may run more than once. What it throws is the caller's error, and changes nothing. A row of the record
 * must tell of every change (resident-tables.ts says which), so that other instances learn of it.
 */
export interface Command<T> {
  readonly needs: readonly Key[];
  /** Unique values that are likely nobody's: taken to be free without asking the store, which refuses the commit where one is not; then they are looked up. */
  readonly likelyFree?: readonly UniqueKey[];
  apply(view: View): Plan<T>;
}

export interface Ledger {
  readonly tenant: string;
  /** Rejects with StoreUnavailableError within 2 seconds where the store does not answer. */
  run<T>(command: Command<T>): Promise<T>;
  /** Rows as they come into the record, in order, without a gap, of all instances. Returns what ends it. */
  onRows(listener: (rows: readonly RecordLine[]) => void): () => void;
  /** The resident tables and the policy as this instance knows them now; `get` of these tables alone. */
  readonly resident: Pick<View, "get" | "all" | "policy" | "now">;
  /** A request as of the head, where this instance remembers it. */
  recall(requestId: string): Stored<ApprovalRequest> | undefined;
  readonly head: RecordHead;
  close(): Promise<void>;
}
