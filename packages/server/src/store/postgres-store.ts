/**
 * The store on PostgreSQL, for any number of instances on one database. A commit is one statement (postgres-statement.ts); an
 * instance that keeps losing the race takes the head's lock first (`exclusively`). Nothing is kept here: every answer is read.
 */
import { randomUUID } from "node:crypto";
import { Kysely, PostgresDialect } from "kysely";
import { escapeLiteral, Pool } from "pg";
import type { RecordHead } from "@countersign/sdk/record";
import { migrate, MIGRATIONS, type NamedMigration } from "../sql/migrate.ts";
import { PostgresListener } from "../sql/postgres-listener.ts";
import { connectionConfig, openPostgresPool, SLOWEST_MS, type PostgresPool } from "../sql/postgres-pool.ts";
import { StoreError } from "../sql/store-error.ts";
import { callTallyOf, callTallyStatement, type CallTally, type SeqRange } from "./call-tally.ts";
import { assertName } from "./column-text.ts";
import { AloneStore, KEEP } from "./postgres-alone.ts";
import { compiled, postgresQueries, readHead, readKeys, readLines, readWhole, type Ask } from "./postgres-reads.ts";
import { PostgresCompany } from "./postgres-company.ts";
import { assertFit, LIMITS } from "./postgres-fit.ts";
import { CHANNEL, makeFunctions } from "./postgres-functions.ts";
import { commitStatement, looseStatement, refused, resultOf, type CommitRow } from "./postgres-statement.ts";
import type { AloneWith, Checkpoint, CommitResult, Key, ListQuery, RecordLine, RecordQuery, Snapshot, Store, Stored, WriteSet } from "./store.ts";
import { assertChanges, assertWriteSet, NO_ROWS, storedOf, type DataRow } from "./stored-row.ts";
import type { TableName, Tables } from "./tables.ts";

export interface PostgresStoreOptions {
  readonly url: string;
  readonly newId?: () => string;
  /** Time for a call in milliseconds. Default 2,000. */
  readonly timeoutMs?: number;
  readonly connections?: number;
  readonly migrations?: readonly NamedMigration[];
}

export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const installationId = await prepare(options);
  return new PostgresStore(installationId, options);
}

/** Schema and installation id, on a connection that may take its time. */
async function prepare({ url, newId = randomUUID, migrations = MIGRATIONS }: PostgresStoreOptions): Promise<string> {
  const pool = new Pool({ ...connectionConfig(url), ...LIMITS, max: 1, connectionTimeoutMillis: 2_000, query_timeout: SLOWEST_MS });
  pool.on("error", () => {});
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    await assertFit(pool);
    await migrate(db, "postgres", migrations);
    await makeFunctions(pool);
    await pool.query("insert into installation (one, id) values (1, $1) on conflict do nothing", [newId()]);
    const { rows } = await pool.query<{ id: string }>("select id from installation");
    return String(rows[0]?.id);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError("store_unavailable", `PostgreSQL did not answer: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await pool.end();
  }
}

/** One message of several statements, each of which sees what was committed before it. It cannot have parameters. */
function lockText(tenant: string): string {
  const name = escapeLiteral(tenant);
  return `begin isolation level read committed;
    insert into record_head (tenant, seq, hash, at) values (${name}, 0, '${NO_ROWS.hash}', 0) on conflict do nothing;
    select 1 from record_head where tenant = ${name} for update;
    ${KEEP}`;
}

const FIRST_ANALYZE = 250;
/** So many times as many changes later. */
const ANALYZE_AGAIN = 30;

export class PostgresStore implements Store {
  readonly kind = "postgres";
  readonly installationId: string;
  readonly #pool: PostgresPool;
  readonly #url: string;
  /** Marks our own commits among the hints. */
  readonly #sender = randomUUID();
  /** Whom to tell where hints were missed. */
  readonly #tenants = new Set<string>();
  readonly #listeners = new Set<(tenant: string) => void>();
  #listening: PostgresListener | undefined;
  readonly #company = new PostgresCompany({ say: () => this.#pool.query({ name: "countersign_here", text: "select pg_notify($1, $2)", values: [CHANNEL, this.#sender] }) });
  /** Changes that were committed here, and at how many the server should look at its tables anew. */
  #written = 0;
  #analyzeAt = FIRST_ANALYZE;
  #closed = false;

  constructor(installationId: string, options: PostgresStoreOptions) {
    this.installationId = installationId;
    this.#url = options.url;
    this.#pool = openPostgresPool(options);
  }

  async readHead(tenant: string): Promise<RecordHead> {
    this.#tenants.add(tenant);
    return readHead(this.#ask, tenant);
  }

  async read(tenant: string, keys: readonly Key[], newsAfter?: number): Promise<Snapshot> {
    this.#tenants.add(tenant);
    return readKeys(this.#ask, tenant, keys, newsAfter);
  }

  async readTables(tenant: string, tables: readonly TableName[]): Promise<Snapshot> {
    this.#tenants.add(tenant);
    return readWhole(this.#ask, tenant, tables);
  }

  async commit(set: WriteSet): Promise<CommitResult> {
    assertWriteSet(set);
    this.#assertOpen();
    try {
      const result = resultOf(await this.#pool.query<CommitRow>(commitStatement(set, this.#teller)));
      this.#noteWritten(set);
      return result;
    } catch (error) {
      return refused(error);
    }
  }

  async exclusively<T>(tenant: string, work: (store: AloneWith) => Promise<T>): Promise<T> {
    assertName(tenant, "tenant");
    this.#assertOpen();
    return this.#pool.hold(async (connection) => {
      // What `work` asks first is sent after this at once: the server answers in order.
      const locked = connection.query({ text: lockText(tenant), values: [] });
      const alone = new AloneStore(connection, this.#teller);
      const [had, worked] = await Promise.allSettled([locked, work(alone)]);
      // Where the lock was not had, that is why the work failed.
      if (had.status === "rejected") throw had.reason;
      if (worked.status === "rejected") throw worked.reason;
      const result = worked.value;
      if (!alone.ended) await connection.query({ text: "commit", values: [] });
      return result;
    });
  }

  async commitLoose(tenant: string, changes: Parameters<Store["commitLoose"]>[1]): Promise<boolean> {
    assertChanges(tenant, changes);
    this.#assertOpen();
    if (changes.length === 0) return true;
    try {
      await this.#pool.query(looseStatement(tenant, changes));
      return true;
    } catch (error) {
      return refused(error).ok;
    }
  }

  async list<K extends TableName>(tenant: string, query: ListQuery<K>): Promise<readonly Stored<Tables[K]>[]> {
    return (await this.#ask<DataRow>(compiled(postgresQueries.list(tenant, query)))).map(storedOf<K>);
  }

  async count(...[tenant, table, where]: Parameters<Store["count"]>): Promise<number> {
    return (await this.#ask<{ count: number }>(compiled(postgresQueries.count(tenant, table, where))))[0]?.count ?? 0;
  }

  async readRecord(query: RecordQuery): Promise<readonly RecordLine[]> {
    return readLines(this.#ask, query);
  }

  async tallyCalls(tenant: string, range: SeqRange): Promise<readonly CallTally[]> {
    const { sql, parameters } = callTallyStatement("postgres", tenant, range);
    return (await this.#ask<Parameters<typeof callTallyOf>[0]>({ text: sql, values: parameters })).map(callTallyOf);
  }

  async addCheckpoint(tenant: string, { seq, hash, at, keyId, signature }: Checkpoint): Promise<void> {
    assertName(tenant, "tenant");
    this.#assertOpen();
    const text = "insert into checkpoint (tenant, seq, hash, at, key_id, signature) values ($1, $2, $3, $4, $5, $6)";
    await this.#pool.query({ text, values: [tenant, seq, hash, at, keyId, signature] });
  }

  async readCheckpoints(...[tenant, range]: Parameters<Store["readCheckpoints"]>): Promise<readonly Checkpoint[]> {
    type Row = Omit<Checkpoint, "keyId"> & { key_id: string };
    const rows = await this.#ask<Row>(compiled(postgresQueries.readCheckpoints(tenant, range)));
    return rows.map(({ key_id: keyId, ...rest }) => ({ ...rest, keyId }));
  }

  onHint(listener: (tenant: string) => void): () => void {
    this.#assertOpen();
    this.#listeners.add(listener);
    this.#listening ??= new PostgresListener({
      url: this.#url,
      channel: CHANNEL,
      onMessage: (text) => {
        const [sender = "", ...tenant] = text.split(" ");
        if (sender === this.#sender) return;
        this.#company.heard(sender);
        if (tenant.length > 0) this.#tell(tenant.join(" "));
      },
      onChange: (listening) => (listening ? this.#company.listens() : this.#company.isDeaf()),
      // Anything may have been committed meanwhile.
      onReturn: () => this.#tenants.forEach((tenant) => this.#tell(tenant)),
    });
    return () => this.#listeners.delete(listener);
  }

  /** Whether hints come at the moment; never to be relied on. */
  get listening(): boolean {
    return this.#listening?.listening ?? false;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#company.close();
    await Promise.all([this.#listening?.close(), this.#pool.close()]);
  }

  /** Plans are kept: one that was made while tables were empty would read all of them once they are not. */
  #noteWritten({ changes }: WriteSet): void {
    this.#written += changes.length;
    if (this.#written < this.#analyzeAt) return;
    this.#analyzeAt *= ANALYZE_AGAIN;
    this.#pool.query({ text: "analyze approval, record, execution_lease", values: [] }).catch(() => {}); // the server does it in time by itself
  }

  get #teller(): string | undefined {
    return this.#company.isAlone ? undefined : this.#sender;
  }

  #tell(tenant: string): void {
    for (const listener of this.#listeners) listener(tenant);
  }

  readonly #ask: Ask = async (statement) => {
    this.#assertOpen();
    return this.#pool.query(statement, { repeatable: true });
  };

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("store_closed", "the store is closed");
  }
}
