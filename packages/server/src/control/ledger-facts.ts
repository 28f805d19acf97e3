/** What this instance knows of the store, as of one head of the record: kept current by its own commits and by the rows of other instances. */
import type { RecordHead } from "@countersign/sdk/record";
import type { AloneWith, Change, Key, RecordLine, Snapshot, Store, Stored, UniqueKey } from "../store/store.ts";
import { RESIDENT } from "../store/tables.ts";
import type { ColumnValue, ResidentTable, TableName, Tables } from "../store/tables.ts";
import { rowKey } from "./ledger-view.ts";
import type { Facts } from "./ledger-view.ts";
import type { View } from "./ledger.ts";
import { ACTIVE_POLICY, createPolicyCompiler } from "./policy-in-force.ts";
import type { PolicyInForce } from "./policy-in-force.ts";
import { InstanceClock } from "./instance-clock.ts";
import { FIRST_ROWS, rowsAtOnce } from "./record/row-slices.ts";
import { RecentRequests } from "./recent-requests.ts";
import { isResident, ResidentTables, tablesChangedBy } from "./resident-tables.ts";

/** Asks the store; the ledger puts a time limit on it. */
export type Ask = <T>(answer: Promise<T>) => Promise<T>;

export class LedgerFacts implements Facts {
  /** The store, or its part that is ours alone for the moment. */
  #store: AloneWith;
  readonly #tenant: string;
  readonly #ask: Ask;
  readonly #onRows: (rows: readonly RecordLine[]) => void;
  readonly #resident = new ResidentTables();
  readonly recent = new RecentRequests();
  readonly #compile = createPolicyCompiler();
  /** Rows that were read for the batch under way. */
  readonly #read = new Map<string, Stored<Tables[TableName]> | undefined>();
  readonly #stale = new Set<ResidentTable>(RESIDENT);
  readonly #clock: InstanceClock;
  #news: RecordLine[] = [];
  #othersAt = -Infinity;
  #head: RecordHead;
  #policy: PolicyInForce | undefined;

  private constructor(store: Store, tenant: string, ask: Ask, onRows: (rows: readonly RecordLine[]) => void, first: Snapshot, monotonic?: () => number) {
    this.#store = store;
    this.#tenant = tenant;
    this.#ask = ask;
    this.#onRows = onRows;
    this.#head = first.head;
    this.#clock = new InstanceClock(first.now, monotonic);
  }

  static async load(store: Store, tenant: string, ask: Ask, onRows: (rows: readonly RecordLine[]) => void, monotonic?: () => number): Promise<LedgerFacts> {
    const facts = new LedgerFacts(store, tenant, ask, onRows, await ask(store.read(tenant, [])), monotonic);
    await facts.refresh([]);
    return facts;
  }

  /** Reads through this one while `work` runs. */
  async through<T>(store: AloneWith, work: () => Promise<T>): Promise<T> {
    const before = this.#store;
    this.#store = store;
    try {
      return await work();
    } finally {
      this.#store = before;
    }
  }

  /** When rows of another instance were met last, by performance.now(). */
  get othersAt(): number {
    return this.#othersAt;
  }

  get head(): RecordHead {
    return this.#head;
  }

  get now(): number {
    return this.#clock.now;
  }

  get current(): PolicyInForce | undefined {
    return this.#policy;
  }

  hasRead(table: TableName, id: string): boolean {
    return isResident(table) || this.#read.has(rowKey(table, id)) || (table === "approval" && this.recent.get(id) !== undefined);
  }

  get<K extends TableName>(table: K, id: string): Stored<Tables[K]> | undefined {
    if (isResident(table)) return this.#resident.get(table, id);
    const key = rowKey(table, id);
    // Kept under the name of their tables.
    if (this.#read.has(key)) return this.#read.get(key) as Stored<Tables[K]> | undefined;
    const recent = table === "approval" ? this.recent.get(id) : undefined;
    if (recent === undefined) throw new TypeError(`the command did not say that it needs ${table} ${id}`);
    return recent as Stored<Tables[K]> | undefined;
  }

  find<K extends TableName>(table: K, column: string, value: ColumnValue): Stored<Tables[K]> | undefined {
    if (isResident(table)) return this.#resident.find(table, column, value);
    const key = findKey(table, column, value);
    if (!this.#read.has(key)) throw new TypeError(`the command did not say that it needs ${table} by ${column}`);
    // Kept under the name of its table.
    return this.#read.get(key) as Stored<Tables[K]> | undefined;
  }

  all<K extends ResidentTable>(table: K): readonly Stored<Tables[K]>[] {
    return this.#resident.all(table);
  }

  /** Compiled once; an activation is seen by the commands after it in its own batch. */
  policy(view: Pick<View, "get" | "find">): PolicyInForce | undefined {
    const active = view.get("setting", ACTIVE_POLICY)?.data.value;
    if (typeof active !== "number") return undefined;
    if (this.#policy?.version === active) return this.#policy;
    const version = view.find("policy_version", "version", active);
    if (version === undefined) throw new TypeError(`there is no policy version ${active}`);
    return this.#compile(version.data);
  }

  /** Whether all of these can be had without asking the store. */
  knows(keys: readonly Key[]): boolean {
    return this.#stale.size === 0 && keys.every((key) => isResident(key.table) || ("id" in key && key.table === "approval" && this.recent.get(key.id) !== undefined));
  }

  /** Answers for these as if nobody had them, but for requests that are remembered here. The commit proves it. */
  takeForFree(keys: readonly UniqueKey[]): void {
    for (const { table, column, value } of keys) {
      const known = table === "approval" && column === "dedupe_key" ? this.recent.open(value) : undefined;
      this.#read.set(findKey(table, column, value), known);
      if (known !== undefined) this.#read.set(rowKey(table, known.id), known);
    }
  }

  /** Reads these rows and catches up with what other instances have committed, until all that is known is as of one head. */
  async refresh(keys: readonly Key[]): Promise<void> {
    this.#read.clear();
    const wanted = distinct(keys.filter((key) => !isResident(key.table)));
    for (;;) {
      const snapshot = await this.#ask(this.#store.read(this.#tenant, wanted, this.#head.seq));
      this.#clock.read(snapshot.now);
      await this.#advance(snapshot.head, snapshot.news);
      for (const row of snapshot.touched ?? []) this.recent.put(row);
      if (this.#stale.size === 0) {
        this.#keep(snapshot, wanted);
        break;
      }
      await this.#reload();
      if (this.#head.hash === snapshot.head.hash && this.#stale.size === 0) {
        this.#keep(snapshot, wanted);
        break;
      }
    }
    this.#deliver();
  }

  /** After a commit of this instance. */
  accept(changes: readonly Change[], lines: readonly RecordLine[], head: RecordHead): void {
    this.#read.clear();
    for (const change of changes) {
      const { table, id, rev, data } = change;
      if (change.table === "approval") {
        if (change.data === null) this.recent.delete(id);
        else this.recent.put({ id, rev: rev + 1, data: change.data });
      } else if (isResident(table)) {
        // `data` came with this table.
        this.#resident.put(table, id, rev + 1, data as Tables[typeof table] | null);
      }
    }
    this.#head = head;
    this.#news.push(...lines);
    this.#deliver();
  }

  /** Call it with the view of the batch whose commit is accepted next. */
  notePolicy(policy: PolicyInForce | undefined): void {
    this.#policy = policy;
  }

  #deliver(): void {
    const rows = this.#news;
    if (rows.length === 0) return;
    this.#news = [];
    this.#onRows(rows);
  }

  #keep(snapshot: Snapshot, keys: readonly Key[]): void {
    for (const key of keys) {
      const row = "id" in key ? snapshot.get(key.table, key.id) : snapshot.find(key.table, key.column, key.value);
      if (!("id" in key)) this.#read.set(findKey(key.table, key.column, key.value), row);
      const id = "id" in key ? key.id : row?.id;
      if (id !== undefined) this.#read.set(rowKey(key.table, id), row);
      // Read from that table.
      if (key.table === "approval" && row !== undefined) this.recent.put(row as Stored<Tables["approval"]>);
    }
  }

  /** Goes on to this head by the rows in between. */
  async #advance(to: RecordHead, news: readonly RecordLine[] = []): Promise<void> {
    if (to.seq < this.#head.seq || (to.seq === this.#head.seq && to.hash !== this.#head.hash)) return this.#startOver(to);
    for (const line of news) if (line.seq === this.#head.seq + 1 && line.seq <= to.seq) this.#take(line);
    for (let limit = FIRST_ROWS; this.#head.seq < to.seq; ) {
      const lines = await this.#ask(this.#store.readRecord({ tenant: this.#tenant, after: this.#head.seq, limit }));
      limit = rowsAtOnce(lines);
      if (lines.length === 0) throw new Error(`the record has no row ${this.#head.seq + 1}, and its head is row ${to.seq}`);
      for (const line of lines) {
        if (line.seq > to.seq) break;
        this.#take(line);
      }
    }
  }

  #take(line: RecordLine): void {
    this.#othersAt = performance.now();
    if (line.requestId !== null) this.recent.delete(line.requestId);
    for (const table of tablesChangedBy(line.event)) this.#stale.add(table);
    this.#head = { seq: line.seq, hash: line.line.slice(-66, -2) };
    this.#news.push(line);
  }

  /** The store has another history than the one that was known, as after a restore: nothing that is remembered counts. */
  #startOver(head: RecordHead): void {
    this.recent.clear();
    for (const table of RESIDENT) this.#stale.add(table);
    this.#head = head;
  }

  async #reload(): Promise<void> {
    const tables = [...this.#stale];
    const snapshot = await this.#ask(this.#store.readTables(this.#tenant, tables));
    this.#clock.read(snapshot.now);
    await this.#advance(snapshot.head);
    for (const table of tables) {
      this.#resident.replace(table, snapshot.all(table));
      this.#stale.delete(table);
    }
    if (tables.includes("setting")) await this.#loadPolicy();
  }

  async #loadPolicy(): Promise<void> {
    const active = this.#resident.get("setting", ACTIVE_POLICY)?.data.value;
    if (typeof active !== "number") {
      this.#policy = undefined;
      return;
    }
    if (this.#policy?.version === active) return;
    // Versions never change, so it does not matter as of which head this is read.
    const snapshot = await this.#ask(this.#store.read(this.#tenant, [{ table: "policy_version", column: "version", value: active }]));
    const version = snapshot.find("policy_version", "version", active);
    if (version === undefined) throw new Error(`policy version ${active} is in force and not in the store`);
    this.#policy = this.#compile(version.data);
  }
}

function distinct(keys: readonly Key[]): readonly Key[] {
  if (keys.length < 2) return keys;
  return [...new Map(keys.map((key) => ["id" in key ? rowKey(key.table, key.id) : findKey(key.table, key.column, key.value), key])).values()];
}

function findKey(table: TableName, column: string, value: ColumnValue): string {
  return `${table}\0${column}\0${value}`;
}
