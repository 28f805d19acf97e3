/** All rows of an SQLite store, as of one moment and beside whoever writes; and into an empty one, all or none. Called by backup.ts. */
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Database } from "better-sqlite3";
import { openSqliteDatabase } from "../sql/sqlite-database.ts";
import { StoreError } from "../sql/store-error.ts";
import { BACKED_UP, columnTypes, keyColumns, type BackupRow } from "./backup-format.ts";
import type { RowReader, RowWriter } from "./backup.ts";
import type { ColumnValue } from "./tables.ts";

export async function readSqlite<T>(path: string, work: (reader: RowReader) => Promise<T>): Promise<T> {
  const database = await openSqliteDatabase(path, { readOnly: true });
  try {
    database.exec("begin");
    return await work({
      schema: names(database, "select name from schema_migration order by name"),
      installationId: String(names(database, "select id as name from installation")[0]),
      rows: rowsOf(database),
    });
  } finally {
    database.close();
  }
}

export async function writeSqlite<T>(path: string, work: (writer: RowWriter) => Promise<T>): Promise<T> {
  const database = await openSqliteDatabase(path);
  try {
    database.exec("begin immediate");
    const result = await work({
      schema: names(database, "select name from schema_migration order by name"),
      isEmpty: async () => BACKED_UP.every((table) => names(database, `select 1 as name from ${table} limit 1`).length === 0),
      setInstallationId: async (id) => void database.prepare("update installation set id = ?").run(id),
      insert: async (rows) => insert(database, rows),
    });
    database.exec("commit");
    return result;
  } finally {
    if (database.inTransaction) database.exec("rollback");
    database.close();
  }
}

/** A copy of the file, made beside its owner. The copy is whole before it has its name. */
export async function copySqlite(path: string, to: string): Promise<void> {
  const part = `${to}.part`;
  rmSync(part, { force: true });
  const database = await openSqliteDatabase(path, { readOnly: true });
  try {
    // Held open, so that a writer does not make the copy begin anew with every commit.
    database.exec("begin");
    names(database, "select id as name from installation");
    closeSync(openSync(part, "wx", 0o600));
    await database.backup(part);
  } finally {
    database.close();
  }
  await checkCopy(part);
  chmodSync(part, 0o600);
  sync(part);
  renameSync(part, to);
  sync(dirname(to));
}

/** Makes it one plain file, which can be read where nothing may be written. */
async function checkCopy(path: string): Promise<void> {
  const database = await openSqliteDatabase(path);
  try {
    database.pragma("journal_mode = DELETE");
    const found = String(database.pragma("quick_check", { simple: true }));
    if (found !== "ok") throw new StoreError("store_unusable", `the copy of the store is damaged: ${found}`);
  } finally {
    database.close();
  }
}

function* rowsOf(database: Database): Generator<BackupRow> {
  for (const table of BACKED_UP) {
    const columns = Object.keys(columnTypes(table)).join(", ");
    const found = database.prepare<[], BackupRow["values"]>(`select ${columns} from ${table} order by ${keyColumns(table).join(", ")}`);
    for (const values of found.iterate()) yield { table, values };
  }
}

function insert(database: Database, rows: readonly BackupRow[]): void {
  for (const { table, values } of rows) {
    const columns = Object.keys(columnTypes(table));
    const row = columns.map((name): ColumnValue => values[name] ?? null);
    database.prepare(`insert into ${table} (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`).run(...row);
  }
}

function names(database: Database, text: string): readonly string[] {
  return database.prepare<[], { name: unknown }>(text).all().map(({ name }) => String(name));
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
