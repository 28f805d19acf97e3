/**
 * The store: rows, the record, and one way to change both, all or nothing. Whatever is audited moves the head of its tenant's
 * record, and a commit names the head it was decided on: so decisions are made one after the other, also by several
 * instances on one database, and nothing that was decided on old facts is ever written. Decides nothing itself.
 * Implementations: sqlite-store.ts, postgres-store.ts; each runs store-contract.ts. Called by control/ledger.ts.
 */
import type { RecordHead } from "@countersign/sdk/record";
import type { DatabaseKind } from "../sql/database-kind.ts";
import type { CallTally, SeqRange } from "./call-tally.ts";
import type { ColumnValue, LooseTable, TableName, Tables } from "./tables.ts";

/** `column`: one of the table's unique columns. Values are compared as `columns` of tables.ts computes them. */
export type Key = { readonly table: TableName; readonly id: string } | UniqueKey;
export interface UniqueKey {
  readonly table: TableName;
  readonly column: string;
  readonly value: ColumnValue;
}

export interface Stored<T> {
  readonly id: string;
  readonly rev: number;
  readonly data: T;
}

/** What was read, all of it as of one moment. Asking for what was not read throws. */
export interface Snapshot {
  readonly head: RecordHead;
  /** Milliseconds since the epoch on the store's clock. */
  readonly now: number;
  get<K extends TableName>(table: K, id: string): Stored<Tables[K]> | undefined;
  find<K extends TableName>(table: K, column: string, value: ColumnValue): Stored<Tables[K]> | undefined;
  all<K extends TableName>(table: K): readonly Stored<Tables[K]>[];
  /** Rows of the record right after the one that `read` was told, a thousand and some megabytes at most; absent where a store does not read them along. */
  readonly news?: readonly RecordLine[] | undefined;
  /** Requests that the first of these rows tell of, as they are now, but for large ones. */
  readonly touched?: readonly Stored<Tables["approval"]>[] | undefined;
}

/** `rev`: what is there now, 0 where the row is new; stored is the one after it. `data` null deletes. A row is changed once in a commit. */
export type Change = { readonly [K in TableName]: { readonly table: K; readonly id: string; readonly rev: number; readonly data: Tables[K] | null } }[TableName];

/** A row of the record with what it is looked up by. `line` without line feed. */
export interface RecordLine {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  /** Of an event row, else null. */
  readonly event: string | null;
  readonly callId: string | null;
  readonly requestId: string | null;
  readonly policyId: string | null;
  readonly principal: string | null;
  readonly line: string;
}

export interface WriteSet {
  readonly tenant: string;
  /** The head that was decided on. */
  readonly after: RecordHead;
  /** The rows right after it, at least one. */
  readonly lines: readonly RecordLine[];
  /** The last of them. */
  readonly head: RecordHead;
  readonly changes: readonly Change[];
  /** The commit fails as `late` where the store's clock has reached this. */
  readonly before?: number | undefined;
}

/** `conflict`: the head has moved, a `rev` is another, or a unique value is taken. Nothing was written in either case. */
export type CommitResult = { readonly ok: true } | { readonly ok: false; readonly why: "conflict" | "late" };

export interface ListQuery<K extends TableName> {
  readonly table: K;
  /** Column → one value or any of several. */
  readonly where?: { readonly [column: string]: ColumnValue | readonly ColumnValue[] } | undefined;
  /** Column → below (exclusive) and from (inclusive). */
  readonly range?: { readonly [column: string]: { readonly from?: number; readonly below?: number } } | undefined;
  /** A column of numbers; ties are broken by id. Rows in which it is null are left out. */
  readonly orderBy: string;
  readonly descending?: boolean | undefined;
  /** The last row of the page before. */
  readonly after?: { readonly value: number; readonly id: string } | undefined;
  readonly limit: number;
}

type LookedUp = Pick<RecordLine, "type" | "event" | "callId" | "requestId" | "policyId" | "principal">;
/** One value or any of several. */
type RecordWhere = { readonly [K in keyof LookedUp]?: LookedUp[K] | readonly string[] };

export interface RecordQuery {
  readonly tenant: string;
  /** Seq, exclusive. */
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly where?: RecordWhere | undefined;
  /** Time of the row: from (inclusive) until (exclusive). */
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  readonly descending?: boolean | undefined;
  readonly limit: number;
  /** Rows beyond so much text are left for the next look, so that each ends in time; the first is always among the answer. */
  readonly maxBytes?: number | undefined;
}

/** A signed statement that the record's head was this. */
export interface Checkpoint {
  readonly seq: number;
  readonly hash: string;
  readonly at: number;
  readonly keyId: string;
  /** Ed25519 over the checkpoint's canonical text, base64url. */
  readonly signature: string;
}

/** What can be done while no other instance commits. */
export type AloneWith = Pick<Store, "readHead" | "read" | "readTables" | "readRecord" | "commit">;

/**
 * Every call answers or throws a StoreError within 2 seconds. Where a commit throws one with `maybeWritten`, the answer was lost
 * on the way: the record tells whether the rows are there.
 */
export interface Store {
  readonly kind: DatabaseKind;
  readHead(tenant: string): Promise<RecordHead>;
  /** The rows of these keys. `newsAfter`: a row of the record whose successors are wanted as well. */
  read(tenant: string, keys: readonly Key[], newsAfter?: number): Promise<Snapshot>;
  /** Whole tables. */
  readTables(tenant: string, tables: readonly TableName[]): Promise<Snapshot>;
  commit(set: WriteSet): Promise<CommitResult>;
  /**
   * Runs `work` while no other instance can commit to this tenant: for whoever lost several times, so that nobody starves.
   * One commit that succeeds ends it; other instances wait meanwhile, so be quick.
   */
  exclusively<T>(tenant: string, work: (store: AloneWith) => Promise<T>): Promise<T>;
  /** Changes that leave no row in the record. False where a `rev` was another; then nothing is changed. */
  commitLoose(tenant: string, changes: readonly Extract<Change, { table: LooseTable | "sign_in" }>[]): Promise<boolean>;
  list<K extends TableName>(tenant: string, query: ListQuery<K>): Promise<readonly Stored<Tables[K]>[]>;
  count(tenant: string, table: TableName, where?: ListQuery<TableName>["where"]): Promise<number>;
  readRecord(query: RecordQuery): Promise<readonly RecordLine[]>;
  /** Calls that ended without anybody being asked, among these rows. Ask about a few thousand rows at a time. */
  tallyCalls(tenant: string, range: SeqRange): Promise<readonly CallTally[]>;
  addCheckpoint(tenant: string, checkpoint: Checkpoint): Promise<void>;
  readCheckpoints(tenant: string, range: { readonly after?: number; readonly limit: number; readonly descending?: boolean }): Promise<readonly Checkpoint[]>;
  /** Called when another instance may have committed: a hint, never the truth. Returns what ends it. */
  onHint(listener: (tenant: string) => void): () => void;
  /** Names this database for good. Made when it is created. */
  readonly installationId: string;
  close(): Promise<void>;
}
