/**
 * The embedded store: one SQLite file, owned by one process. Every call runs to its end before the next begins: nothing is
 * awaited inside a transaction. A commit that is answered is on disk (synchronous=FULL).
 */
import { randomUUID } from "node:crypto";
import type { Database, Statement } from "better-sqlite3";
import { Kysely, type CompiledQuery } from "kysely";
import type { RecordHead } from "@countersign/sdk/record";
import { migrate, MIGRATIONS, type NamedMigration } from "../sql/migrate.ts";
import { openSqliteDatabase } from "../sql/sqlite-database.ts";
import { ImmediateSqliteDialect } from "../sql/sqlite-dialect.ts";
import { StoreError } from "../sql/store-error.ts";
import { callTallyOf, callTallyStatement, type CallTally, type SeqRange } from "./call-tally.ts";
import { assertName, columnValue } from "./column-text.ts";
import { createQueries } from "./queries.ts";
import { assertKey, createSnapshot } from "./snapshot.ts";
import { writeChanges, writeHead, writeLines } from "./sqlite-writer.ts";
import { createStoreClock } from "./store-clock.ts";
import { assertChanges, assertWriteSet, NO_ROWS, recordLineOf, storedOf, type DataRow, type RecordRow } from "./stored-row.ts";
import type { AloneWith, Checkpoint, CommitResult, Key, ListQuery, Snapshot, Store, Stored, WriteSet } from "./store.ts";
import type { ColumnValue, TableName, Tables } from "./tables.ts";

export interface SqliteStoreOptions {
  readonly path: string;
  readonly newId?: () => string;
  /** The wall clock. */
  readonly now?: () => number;
  /** How often another process's commits are looked for in milliseconds, while somebody listens. Default 500. */
  readonly hintEveryMs?: number;
  readonly migrations?: readonly NamedMigration[];
}

const MOST_STATEMENTS = 500;
const queries = createQueries("sqlite");

// Schema changes are awaited, and whoever waits for the write lock keeps this process from going on: one after the other.
let opening: Promise<unknown> = Promise.resolve();

export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const opened = opening.then(() => openAlone(options));
  opening = opened.catch(() => {});
  return opened;
}

async function openAlone(options: SqliteStoreOptions): Promise<SqliteStore> {
  const database = await openSqliteDatabase(options.path);
  try {
    await migrate(new Kysely({ dialect: new ImmediateSqliteDialect(database) }), "sqlite", options.migrations ?? MIGRATIONS);
    return new SqliteStore(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
}

export class SqliteStore implements Store {
  readonly kind = "sqlite";
  readonly installationId: string;
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();
  readonly #clock: () => number;
  readonly #hintEveryMs: number;
  readonly #listeners = new Set<(tenant: string) => void>();
  #hintTimer: NodeJS.Timeout | undefined;
  #dataVersion = 0;

  constructor(database: Database, { newId = randomUUID, now, hintEveryMs = 500 }: Omit<SqliteStoreOptions, "path">) {
    this.#database = database;
    this.#hintEveryMs = hintEveryMs;
    this.#run("insert into installation (one, id) values (1, ?) on conflict do nothing", [newId()]);
    this.installationId = String(this.#all<{ id: string }>("select id from installation", [])[0]?.id);
    const [latest] = this.#all<{ at: number }>("select coalesce(max(at), 0) as at from record_head", []);
    this.#clock = createStoreClock({ notBefore: latest?.at ?? 0, ...(now === undefined ? {} : { wallMs: now }) });
  }

  async readHead(tenant: string): Promise<RecordHead> {
    return this.#guard(() => this.#head(tenant));
  }

  async read(tenant: string, keys: readonly Key[]): Promise<Snapshot> {
    assertName(tenant, "tenant");
    keys.forEach(assertKey);
    return this.#guard(() =>
      this.#asOfOneMoment(() => {
        const rows = new Map<TableName, Stored<object>[]>();
        for (const key of keys) {
          const [column, value] = "id" in key ? ["id", key.id] : [key.column, columnValue(key.value)];
          const found = this.#all<DataRow>(`select id, rev, data from ${key.table} where tenant = ? and ${column} = ?`, [tenant, value]);
          const known = rows.get(key.table) ?? [];
          rows.set(key.table, known);
          for (const row of found) known.push(storedOf(row));
        }
        return createSnapshot({ head: this.#head(tenant), now: this.#clock(), rows, tables: new Set(), keys });
      }),
    );
  }

  async readTables(tenant: string, tables: readonly TableName[]): Promise<Snapshot> {
    assertName(tenant, "tenant");
    return this.#guard(() =>
      this.#asOfOneMoment(() => {
        const rowsOf = (table: TableName) => this.#all<DataRow>(`select id, rev, data from ${table} where tenant = ? order by id`, [tenant]).map(storedOf);
        const rows = new Map(tables.map((table) => [table, rowsOf(table)] as const));
        return createSnapshot({ head: this.#head(tenant), now: this.#clock(), rows, tables: new Set(tables), keys: [] });
      }),
    );
  }

  async commit(set: WriteSet): Promise<CommitResult> {
    assertWriteSet(set);
    return this.#guard(() =>
      this.#write((): CommitResult => {
        const now = this.#clock();
        if (!writeHead(this.#run, set, now)) return { ok: false, why: "conflict" };
        if (set.before !== undefined && now >= set.before) return { ok: false, why: "late" };
        if (!writeChanges(this.#run, set.tenant, set.changes)) return { ok: false, why: "conflict" };
        writeLines(this.#run, set);
        return { ok: true };
      }),
    );
  }

  /** One process owns the file, and it need not be kept from itself: a commit is decided by the head as ever. */
  async exclusively<T>(_tenant: string, work: (store: AloneWith) => Promise<T>): Promise<T> {
    return work(this);
  }

  async commitLoose(tenant: string, changes: Parameters<Store["commitLoose"]>[1]): Promise<boolean> {
    assertChanges(tenant, changes);
    if (changes.length === 0) return true;
    return this.#guard(() => this.#write(() => (writeChanges(this.#run, tenant, changes) ? { ok: true } : { ok: false, why: "conflict" })).ok);
  }

  async list<K extends TableName>(tenant: string, query: ListQuery<K>): Promise<readonly Stored<Tables[K]>[]> {
    return this.#guard(() => this.#compiled<DataRow>(queries.list(tenant, query)).map(storedOf<K>));
  }

  async count(...[tenant, table, where]: Parameters<Store["count"]>): Promise<number> {
    return this.#guard(() => this.#compiled<{ count: number }>(queries.count(tenant, table, where))[0]?.count ?? 0);
  }

  async readRecord(query: Parameters<Store["readRecord"]>[0]): ReturnType<Store["readRecord"]> {
    return this.#guard(() => this.#compiled<RecordRow>(queries.readRecord(query)).map(recordLineOf));
  }

  async tallyCalls(tenant: string, range: SeqRange): Promise<readonly CallTally[]> {
    const { sql, parameters } = callTallyStatement("sqlite", tenant, range);
    return this.#guard(() => this.#all<Parameters<typeof callTallyOf>[0]>(sql, parameters).map(callTallyOf));
  }

  async addCheckpoint(tenant: string, { seq, hash, at, keyId, signature }: Checkpoint): Promise<void> {
    assertName(tenant, "tenant");
    const sql = "insert into checkpoint (tenant, seq, hash, at, key_id, signature) values (?, ?, ?, ?, ?, ?)";
    this.#guard(() => this.#run(sql, [tenant, seq, hash, at, keyId, signature]));
  }

  async readCheckpoints(...[tenant, range]: Parameters<Store["readCheckpoints"]>): Promise<readonly Checkpoint[]> {
    type Row = Omit<Checkpoint, "keyId"> & { key_id: string };
    return this.#guard(() => this.#compiled<Row>(queries.readCheckpoints(tenant, range)).map(({ key_id: keyId, ...rest }) => ({ ...rest, keyId })));
  }

  onHint(listener: (tenant: string) => void): () => void {
    this.#listeners.add(listener);
    if (this.#hintTimer === undefined) {
      this.#dataVersion = this.#readDataVersion();
      this.#hintTimer = setInterval(() => this.#lookForOthers(), this.#hintEveryMs).unref();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stopHints();
    };
  }

  async close(): Promise<void> {
    this.#stopHints();
    this.#listeners.clear();
    this.#statements.clear();
    this.#database.close();
  }

  #head(tenant: string): RecordHead {
    return this.#all<RecordHead>("select seq, hash from record_head where tenant = ?", [tenant])[0] ?? NO_ROWS;
  }

  /** The number moves where another connection has committed. */
  #readDataVersion(): number {
    return Number(this.#database.pragma("data_version", { simple: true }));
  }

  #lookForOthers(): void {
    for (const tenant of this.#changedByOthers()) for (const listener of this.#listeners) listener(tenant);
  }

  #changedByOthers(): readonly string[] {
    try {
      const version = this.#readDataVersion();
      if (version === this.#dataVersion) return [];
      const tenants = this.#all<{ tenant: string }>("select tenant from record_head", []).map(({ tenant }) => tenant);
      this.#dataVersion = version;
      return tenants;
    } catch {
      return []; // a disk that fails is told to whoever asks for something; it is looked at again soon
    }
  }

  #stopHints(): void {
    clearInterval(this.#hintTimer);
    this.#hintTimer = undefined;
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#database.prepare(sql);
    // Lists have many shapes.
    if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, made);
    return made;
  }

  // The statement decides what its rows look like; T says what it says.
  #all<T>(sql: string, values: readonly unknown[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }

  #compiled<T>({ sql, parameters }: CompiledQuery): T[] {
    return this.#all<T>(sql, parameters);
  }

  readonly #run = (sql: string, values: readonly ColumnValue[]): number => this.#statement(sql).run(...values).changes;

  #asOfOneMoment<T>(read: () => T): T {
    this.#database.exec("begin");
    try {
      return read();
    } finally {
      this.#database.exec("commit");
    }
  }

  /** All of it or nothing: kept only where the work says that it is. */
  #write<R extends CommitResult>(work: () => R): R | { readonly ok: false; readonly why: "conflict" } {
    this.#database.exec("begin immediate");
    try {
      const result = work();
      if (!result.ok) return result;
      this.#commitNow();
      return result;
    } catch (error) {
      // Two rows with one id, or with one unique value.
      if (codeOf(error) === "SQLITE_CONSTRAINT_PRIMARYKEY" || codeOf(error) === "SQLITE_CONSTRAINT_UNIQUE") return { ok: false, why: "conflict" };
      throw error;
    } finally {
      if (this.#database.inTransaction) this.#database.exec("rollback");
    }
  }

  #commitNow(): void {
    try {
      this.#database.exec("commit");
    } catch (error) {
      throw new StoreError("store_unavailable", "the store could not finish a commit", { cause: error, maybeWritten: true });
    }
  }

  /** Makes the driver's errors ours. */
  #guard<T>(work: () => T): T {
    if (!this.#database.open) throw new StoreError("store_closed", "the store is closed");
    try {
      return work();
    } catch (error) {
      if (codeOf(error)?.startsWith("SQLITE_") !== true) throw error;
      throw new StoreError("store_unavailable", `the store did not take it (${codeOf(error)})`, { cause: error });
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
