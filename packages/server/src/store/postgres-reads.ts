/** What is read from PostgreSQL, by whatever asks: a connection of the pool, or the one that holds the head's lock. */
import type { CompiledQuery } from "kysely";
import type { RecordHead } from "@countersign/sdk/record";
import type { Statement } from "../sql/postgres-pool.ts";
import { assertName, columnValue, isName } from "./column-text.ts";
import { CLOCK } from "./postgres-functions.ts";
import { named } from "./postgres-statement.ts";
import { createQueries } from "./queries.ts";
import { assertKey, createSnapshot } from "./snapshot.ts";
import type { Key, RecordLine, RecordQuery, Snapshot, Stored } from "./store.ts";
import { NO_ROWS, RECORD_COLUMNS, recordLineOf, storedOf, type DataRow, type RecordRow } from "./stored-row.ts";
import { TABLES, type TableName, type Tables } from "./tables.ts";

export const postgresQueries = createQueries("postgres");

export type Ask = <T>(statement: Statement) => Promise<readonly T[]>;

export async function readHead(ask: Ask, tenant: string): Promise<RecordHead> {
  assertName(tenant, "tenant");
  const rows = await ask<RecordHead>({ name: "countersign_head", text: "select seq, hash from record_head where tenant = $1", values: [tenant] });
  return rows[0] ?? NO_ROWS;
}

export async function readLines(ask: Ask, query: RecordQuery): Promise<readonly RecordLine[]> {
  return (await ask<RecordRow>(compiled(postgresQueries.readRecord(query)))).map(recordLineOf);
}

const NEWS = -2;
const TOUCHED = -3;

/** Parts of one statement are as of one moment. The first is the head, with the clock as its data. */
const HEAD_PART = `select -1 as part, coalesce(h.hash, '${NO_ROWS.hash}') as id, coalesce(h.seq, 0) as rev, greatest(h.at, ${CLOCK})::text as data
  from (select 1) as one left join record_head h on h.tenant = $1`;

const MOST_NEWS = 1_000;
const MOST_TOUCHED = 100;
/** An instance that is far behind reads on from there: what could not be read in time would never be read. */
const NEWS_BYTES = 4 * 1024 * 1024;
/** A request that is larger is read by whoever needs it. */
const TOUCHED_BYTES = 64 * 1024;
const NEWS_VALUES = RECORD_COLUMNS.join(", ");

export async function readKeys(ask: Ask, tenant: string, keys: readonly Key[], newsAfter?: number): Promise<Snapshot> {
  assertName(tenant, "tenant");
  keys.forEach(assertKey);
  const groups = new Map<string, { readonly table: TableName; readonly column: string; readonly values: unknown[] }>();
  for (const key of keys) {
    if ("id" in key && !isName(key.id)) continue; // text that PostgreSQL cannot take, such as one with NUL
    const [column, value] = "id" in key ? ["id", key.id] : [key.column, columnValue(key.value)];
    const group = groups.get(`${key.table} ${column}`) ?? { table: key.table, column, values: [] };
    group.values.push(value);
    groups.set(`${key.table} ${column}`, group);
  }
  const parts = [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  const texts = parts.map(({ table, column }, index) => {
    const type = TABLES[table].columns[column]?.type === "integer" ? "bigint" : "text";
    return `select ${index}, id, rev, data from ${table} where tenant = $1 and ${column} = any($${index + 2}::${type}[])`;
  });
  const values: unknown[] = [tenant, ...parts.map((part) => part.values)];
  if (newsAfter !== undefined) {
    const news = `from record where tenant = $1 and seq > $${values.push(newsAfter)}::bigint order by seq limit`;
    const summed = `select *, sum(octet_length(line)) over (order by seq) - octet_length(line) as bytes_before from (select ${NEWS_VALUES} ${news} ${MOST_NEWS}) as ahead`;
    texts.push(`(select ${NEWS}, '', seq, json_build_array(${NEWS_VALUES})::text from (${summed}) as summed where bytes_before < ${NEWS_BYTES})`);
    texts.push(`select ${TOUCHED}, id, rev, data from approval where tenant = $1 and id = any(array(select request_id ${news} ${MOST_TOUCHED})) and octet_length(data) <= ${TOUCHED_BYTES}`);
  }
  // Few shapes, asked again and again: planning one takes longer than answering it.
  return snapshotOf(await ask(named([HEAD_PART, ...texts].join("\nunion all "), values)), parts.map(({ table }) => table), new Set(), keys);
}

export async function readWhole(ask: Ask, tenant: string, tables: readonly TableName[]): Promise<Snapshot> {
  assertName(tenant, "tenant");
  const texts = tables.map((table, index) => `select ${index}, id, rev, data from ${table} where tenant = $1`);
  const text = `select part, id, rev, data from (${[HEAD_PART, ...texts].join("\nunion all ")}) as parts order by part, id`;
  return snapshotOf(await ask({ text, values: [tenant] }), tables, new Set(tables), []);
}

function snapshotOf(found: readonly (DataRow & { readonly part: number })[], parts: readonly TableName[], tables: ReadonlySet<TableName>, keys: readonly Key[]): Snapshot {
  const rows = new Map<TableName, Stored<object>[]>([...tables].map((table) => [table, []]));
  let head: RecordHead = NO_ROWS;
  let now = 0;
  const news: RecordLine[] = [];
  const touched: Stored<Tables["approval"]>[] = [];
  for (const row of found) {
    const table = parts[row.part];
    if (row.part === NEWS) news.push(newsOf(row));
    else if (row.part === TOUCHED) touched.push(storedOf<"approval">(row));
    else if (table === undefined) [head, now] = [{ seq: row.rev, hash: row.id }, Number(row.data)];
    else rowsOf(rows, table).push(storedOf(row));
  }
  return createSnapshot({ head, now, rows, tables, keys, news: news.toSorted((a, b) => a.seq - b.seq), touched });
}

function newsOf({ data }: DataRow): RecordLine {
  // Built of these columns by the statement itself.
  const values = JSON.parse(data) as RecordRow[keyof RecordRow][];
  return recordLineOf(Object.fromEntries(RECORD_COLUMNS.map((name, index) => [name, values[index]])) as unknown as RecordRow);
}

export function compiled({ sql, parameters }: CompiledQuery): Statement {
  return { text: sql, values: parameters };
}

function rowsOf(rows: Map<TableName, Stored<object>[]>, table: TableName): Stored<object>[] {
  const known = rows.get(table) ?? [];
  rows.set(table, known);
  return known;
}
