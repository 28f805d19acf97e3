/**
 * Backups: made beside a running installation, as of one moment; restored into an empty store of either kind, which is also how
 * an installation moves from SQLite to PostgreSQL. A restore adds nothing of its own: whoever calls says what the record is to
 * say about it. Called by cli/.
 */
import { chmodSync, closeSync, createReadStream, createWriteStream, openSync, readSync, renameSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import type { RecordHead } from "@countersign/sdk/record";
import { StoreError } from "../sql/store-error.ts";
import { BackupReader, BackupWriter, damaged, type BackupRow } from "./backup-format.ts";
import { readPostgres, writePostgres } from "./backup-postgres.ts";
import { copySqlite, readSqlite, writeSqlite } from "./backup-sqlite.ts";
import { openStore, type StoreLocation } from "./store-location.ts";
import { recordValues, RECORD_COLUMNS } from "./stored-row.ts";
import type { RecordLine } from "./store.ts";

/** A store as one moment saw it. */
export interface RowReader {
  readonly schema: readonly string[];
  readonly installationId: string;
  readonly rows: Iterable<BackupRow> | AsyncIterable<BackupRow>;
}

/** A store in a transaction that is kept where the work ends well. */
export interface RowWriter {
  readonly schema: readonly string[];
  isEmpty(): Promise<boolean>;
  setInstallationId(id: string): Promise<void>;
  insert(rows: readonly BackupRow[]): Promise<void>;
}

/** What was restored, before anything is added to it. */
export interface Restored {
  readonly installationId: string;
  readonly rows: number;
  readonly heads: ReadonlyMap<string, RecordHead>;
}

/** Rows of the record that say that it was restored, right after the head that was. Kept in the same transaction. */
export interface RestoreNote {
  readonly tenant: string;
  readonly lines: readonly RecordLine[];
  readonly head: RecordHead;
  readonly at: number;
}

export interface RestoreOptions {
  readonly note?: (restored: Restored) => readonly RestoreNote[];
}

const BATCH = 200;

/** SQLite: a copy of the file. PostgreSQL: our own format. The file is 0600, and complete when it has its name. */
export async function backupStore(from: StoreLocation, file: string): Promise<void> {
  await (from.kind === "sqlite" ? copySqlite(from.path, file) : exportStore(from, file));
}

/** Our own format, from a store of either kind. */
export async function exportStore(from: StoreLocation, file: string): Promise<void> {
  const part = `${file}.part`;
  rmSync(part, { force: true });
  const out = createWriteStream(part, { mode: 0o600, flush: true, flags: "wx" });
  const done = finished(out);
  done.catch(() => {});
  const write = async (line: string) => {
    if (!out.write(`${line}\n`)) await Promise.race([once(out, "drain"), done]);
  };
  try {
    await reading(from, async ({ schema, installationId, rows }) => {
      const writer = new BackupWriter();
      await write(writer.header(schema, installationId));
      for await (const row of rows) await write(writer.row(row));
      await write(writer.end());
    });
    out.end();
    await done;
  } catch (error) {
    out.destroy();
    rmSync(part, { force: true });
    throw error;
  }
  chmodSync(part, 0o600);
  renameSync(part, file);
}

/** From either kind of backup into an empty store of either kind, all or nothing. */
export async function restoreStore(file: string, to: StoreLocation, options: RestoreOptions = {}): Promise<Restored> {
  // Makes the schema, and refuses a store that is newer than this program.
  await (await openStore(to)).close();
  return writing(to, async (writer) => {
    if (!(await writer.isEmpty())) throw new StoreError("store_not_empty", "the store holds something already; restore into an empty one");
    const target = new RestoreRun(writer);
    await (isSqliteFile(file) ? readSqlite(file, (reader) => target.fromReader(reader)) : target.fromLines(file));
    return target.finish(options);
  });
}

class RestoreRun {
  readonly #writer: RowWriter;
  readonly #heads = new Map<string, RecordHead & { readonly at: number }>();
  readonly #lastRows = new Map<string, number>();
  #batch: BackupRow[] = [];
  #rows = 0;
  #installationId = "";

  constructor(writer: RowWriter) {
    this.#writer = writer;
  }

  async fromReader({ schema, installationId, rows }: RowReader): Promise<void> {
    await this.#begin(schema, installationId);
    for await (const row of rows) await this.#add(row);
  }

  async fromLines(file: string): Promise<void> {
    const reader = new BackupReader();
    let begun = false;
    for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
      if (begun) {
        const row = reader.row(line);
        if (row !== undefined) await this.#add(row);
      } else {
        const { schema, installationId } = reader.header(line);
        await this.#begin(schema, installationId);
        begun = true;
      }
    }
    reader.finished();
  }

  async finish({ note }: RestoreOptions): Promise<Restored> {
    for (const [tenant, { seq }] of this.#heads) {
      if ((this.#lastRows.get(tenant) ?? 0) !== seq) throw damaged(`the record of ${tenant} does not end at its head`);
    }
    const heads = new Map([...this.#heads].map(([tenant, { seq, hash }]) => [tenant, { seq, hash }]));
    const restored: Restored = { installationId: this.#installationId, rows: this.#rows, heads };
    for (const { tenant, lines, head, at } of note?.(restored) ?? []) {
      for (const line of lines) {
        const values = recordValues(line);
        await this.#take({ table: "record", values: { tenant, ...Object.fromEntries(RECORD_COLUMNS.map((name, index) => [name, values[index] ?? null])) } });
      }
      this.#heads.set(tenant, { ...head, at: Math.max(at, this.#heads.get(tenant)?.at ?? 0) });
    }
    for (const [tenant, { seq, hash, at }] of this.#heads) this.#batch.push({ table: "record_head", values: { tenant, seq, hash, at } });
    await this.#flush();
    return restored;
  }

  async #begin(schema: readonly string[], installationId: string): Promise<void> {
    const [own, theirs] = [this.#writer.schema.join(" "), schema.join(" ")];
    if (own !== theirs) throw new StoreError("store_unusable", `the backup was made with another schema (${theirs}; this program has ${own}); restore it with the version that made it, then upgrade`);
    this.#installationId = installationId;
    await this.#writer.setInstallationId(installationId);
  }

  async #add(row: BackupRow): Promise<void> {
    this.#rows += 1;
    const { tenant, seq, hash, at } = row.values;
    // Written last: what is noted about the restore moves it on.
    if (row.table === "record_head") this.#heads.set(String(tenant), { seq: Number(seq), hash: String(hash), at: Number(at) });
    else await this.#take(row);
  }

  async #take(row: BackupRow): Promise<void> {
    const { tenant, seq } = row.values;
    if (row.table === "record") {
      if (seq !== (this.#lastRows.get(String(tenant)) ?? 0) + 1) throw damaged(`row ${seq} of the record of ${tenant} is out of its place`);
      this.#lastRows.set(String(tenant), seq);
    }
    if (this.#batch.push(row) >= BATCH) await this.#flush();
  }

  async #flush(): Promise<void> {
    const rows = this.#batch;
    this.#batch = [];
    if (rows.length > 0) await this.#writer.insert(rows);
  }
}

function reading<T>(from: StoreLocation, work: (reader: RowReader) => Promise<T>): Promise<T> {
  return from.kind === "sqlite" ? readSqlite(from.path, work) : readPostgres(from.url, work);
}

function writing<T>(to: StoreLocation, work: (writer: RowWriter) => Promise<T>): Promise<T> {
  return to.kind === "sqlite" ? writeSqlite(to.path, work) : writePostgres(to.url, work);
}

/** By the sixteen bytes that every SQLite file begins with. */
function isSqliteFile(file: string): boolean {
  const descriptor = openSync(file, "r");
  try {
    const start = Buffer.alloc(16);
    readSync(descriptor, start, 0, start.length, 0);
    return start.toString("latin1") === "SQLite format 3\0";
  } finally {
    closeSync(descriptor);
  }
}
