import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely } from "kysely";
import { afterEach, expect, it } from "vitest";
import { TABLES, type TableName } from "../store/tables.ts";
import { REQUEST_STATES } from "../store/entity/approval-request.ts";
import { migrate, MIGRATIONS } from "./migrate.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";
import { ImmediateSqliteDialect } from "./sqlite-dialect.ts";

const folder = mkdtempSync(join(tmpdir(), "countersign-migrate-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("the migrations together make the tables, columns and indexes that the program works with", async () => {
  const database = await openSqliteDatabase(join(folder, "store.db"));
  await migrate(new Kysely({ dialect: new ImmediateSqliteDialect(database) }), "sqlite");
  const all = <T>(text: string, ...values: readonly string[]) => database.prepare<string[], T>(text).all(...values);
  const indexColumns = (index: string) => all<{ name: string }>("select name from pragma_index_info(?) order by seqno", index).map(({ name }) => name);

  for (const [table, shape] of Object.entries(TABLES)) {
    const columns = all<{ name: string; type: string }>("select name, lower(type) as type from pragma_table_info(?)", table);
    const wanted = Object.entries(shape.columns).map(([name, { type }]) => [name, type]);
    const why = `${table}: a change in tables.ts needs a new migration`;
    expect(columns.map(({ name, type }) => [name, type]), why).toEqual([["tenant", "text"], ["id", "text"], ["rev", "integer"], ["data", "text"], ...wanted]);
    const indexes = all<{ name: string; unique: number; origin: string }>(`select name, "unique", origin from pragma_index_list(?)`, table);
    const made = (origin: string) => indexes.filter((index) => index.origin === origin).map(({ name }) => indexColumns(name).join(" ")).toSorted();
    expect(made("pk"), why).toEqual(["tenant id"]);
    expect(made("u"), why).toEqual(shape.unique.map((column) => `tenant ${column}`).toSorted());
    expect(made("c"), why).toEqual(shape.indexes.map((index) => ["tenant", ...index].join(" ")).toSorted());
  }
  const names = all<{ name: string }>("select name from sqlite_schema where type = 'table'").map(({ name }) => name);
  const others = ["checkpoint", "installation", "record", "record_head", "schema_migration", "schema_migration_lock"];
  expect(names.toSorted()).toEqual([...(Object.keys(TABLES) as TableName[]), ...others].toSorted());
  database.close();
});

it("requests of the first schema are found by their phase", async () => {
  const database = await openSqliteDatabase(join(folder, "older.db"));
  const db = new Kysely<unknown>({ dialect: new ImmediateSqliteDialect(database) });
  await migrate(db, "sqlite", MIGRATIONS.slice(0, 1));
  for (const state of REQUEST_STATES) database.prepare("insert into approval (tenant, id, rev, data, state) values ('t', ?, 1, '{}', ?)").run(state, state);
  await migrate(db, "sqlite");
  const rows = database.prepare<[], { state: string; phase: string }>("select state, phase from approval").all();
  expect(Object.fromEntries(rows.map(({ state, phase }) => [state, phase]))).toEqual({
    pending: "open",
    approved: "open",
    executing: "open",
    completed: "completed",
    failed: "failed",
    outcome_unknown: "outcome_unknown",
    denied: "denied",
    expired: "expired",
    cancelled: "cancelled",
    superseded: "superseded",
  });
  database.close();
});
