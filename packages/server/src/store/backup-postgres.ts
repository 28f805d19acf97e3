/** All rows of a store on PostgreSQL, as of one moment and beside whoever writes; and into an empty one, all or none. Called by backup.ts. */
import type { Client } from "pg";
import { connectPostgres } from "../sql/postgres-pool.ts";
import { BACKED_UP, columnTypes, keyColumns, type BackedUpTable, type BackupRow } from "./backup-format.ts";
import type { RowReader, RowWriter } from "./backup.ts";

const PAGE = 200;

export async function readPostgres<T>(url: string, work: (reader: RowReader) => Promise<T>): Promise<T> {
  return inTransaction(url, "begin isolation level repeatable read read only", async (client) =>
    work({
      schema: await names(client, "select name from schema_migration order by name"),
      installationId: String((await names(client, "select id as name from installation"))[0]),
      rows: rowsOf(client),
    }),
  );
}

export async function writePostgres<T>(url: string, work: (writer: RowWriter) => Promise<T>): Promise<T> {
  return inTransaction(url, "begin", async (client) => {
    // No instance may begin to use it meanwhile.
    await client.query(`lock table ${BACKED_UP.join(", ")} in exclusive mode`);
    return work({
      schema: await names(client, "select name from schema_migration order by name"),
      async isEmpty() {
        for (const table of BACKED_UP) if ((await names(client, `select 1 as name from ${table} limit 1`)).length > 0) return false;
        return true;
      },
      setInstallationId: async (id) => void (await client.query("update installation set id = $1", [id])),
      insert: (rows) => insert(client, rows),
    });
  });
}

async function inTransaction<T>(url: string, begin: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectPostgres(url);
  client.on("error", () => {});
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query("commit");
    return result;
  } finally {
    // Ends a transaction that was not committed.
    await client.end();
  }
}

async function* rowsOf(client: Client): AsyncGenerator<BackupRow> {
  for (const table of BACKED_UP) {
    const columns = Object.keys(columnTypes(table)).join(", ");
    await client.query(`declare backup no scroll cursor for select ${columns} from ${table} order by ${keyColumns(table).join(", ")}`);
    for (;;) {
      const { rows } = await client.query<BackupRow["values"]>(`fetch ${PAGE} from backup`);
      for (const values of rows) yield { table, values };
      if (rows.length < PAGE) break;
    }
    await client.query("close backup");
  }
}

async function insert(client: Client, rows: readonly BackupRow[]): Promise<void> {
  const groups = new Map<BackedUpTable, BackupRow["values"][]>();
  for (const { table, values } of rows) {
    const group = groups.get(table) ?? [];
    groups.set(table, group);
    group.push(values);
  }
  for (const [table, values] of groups) {
    const types = Object.entries(columnTypes(table));
    const columns = types.map(([name]) => name).join(", ");
    const shape = types.map(([name, type]) => `${name} ${type === "integer" ? "bigint" : "text"}`).join(", ");
    await client.query(`insert into ${table} (${columns}) select ${columns} from json_to_recordset($1::json) as r(${shape})`, [JSON.stringify(values)]);
  }
}

async function names(client: Client, text: string): Promise<readonly string[]> {
  return (await client.query<{ name: unknown }>(text)).rows.map(({ name }) => String(name));
}
