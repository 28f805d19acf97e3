/** How a set of changes is written to SQLite, inside a transaction that the caller opened. Called by sqlite-store.ts. */
import type { Change, WriteSet } from "./store.ts";
import { columnNames, columnsOf, dataText, RECORD_COLUMNS, recordValues } from "./stored-row.ts";
import { TABLES, type ColumnValue, type TableName } from "./tables.ts";

/** Runs a statement and says how many rows it changed. */
export type Run = (sql: string, values: readonly ColumnValue[]) => number;

const INSERT_LINE = `insert into record (tenant, ${RECORD_COLUMNS.join(", ")}) values (${marks(RECORD_COLUMNS.length + 1)})`;

/** False where the head is another. */
export function writeHead(run: Run, { tenant, after, head }: WriteSet, now: number): boolean {
  if (after.seq === 0) run("insert into record_head (tenant, seq, hash, at) values (?, 0, ?, 0) on conflict do nothing", [tenant, after.hash]);
  const sql = "update record_head set seq = ?, hash = ?, at = ? where tenant = ? and seq = ? and hash = ?";
  return run(sql, [head.seq, head.hash, now, tenant, after.seq, after.hash]) === 1;
}

export function writeLines(run: Run, { tenant, lines }: WriteSet): void {
  for (const line of lines) run(INSERT_LINE, [tenant, ...recordValues(line)]);
}

/** False where a `rev` is another. Throws where a unique value is taken. */
export function writeChanges(run: Run, tenant: string, changes: readonly Change[]): boolean {
  freeUniqueValues(run, tenant, changes);
  return changes.every((change) => writeChange(run, tenant, change));
}

function writeChange(run: Run, tenant: string, change: Change): boolean {
  const { table, id, rev, data } = change;
  if (data === null) return run(`delete from ${table} where tenant = ? and id = ? and rev = ?`, [tenant, id, rev]) === 1;
  // The union of all tables' changes has lost which data belongs to which table.
  const values = columnsOf(table, data as never);
  if (rev === 0) {
    const sql = `insert into ${table} (${["tenant", "id", "rev", "data", ...columnNames(table)].join(", ")}) values (${marks(4 + values.length)})`;
    return run(sql, [tenant, id, 1, dataText(data), ...values]) === 1;
  }
  const sets = ["rev", "data", ...columnNames(table)].map((name) => `${name} = ?`).join(", ");
  return run(`update ${table} set ${sets} where tenant = ? and id = ? and rev = ?`, [rev + 1, dataText(data), ...values, tenant, id, rev]) === 1;
}

/** SQLite looks at unique values row by row: where several change, all let go of theirs before any takes one. */
function freeUniqueValues(run: Run, tenant: string, changes: readonly Change[]): void {
  const counts = new Map<TableName, number>();
  for (const { table } of changes) counts.set(table, (counts.get(table) ?? 0) + 1);
  for (const { table, id, rev } of changes) {
    const { unique } = TABLES[table];
    if (rev === 0 || unique.length === 0 || (counts.get(table) ?? 0) < 2) continue;
    run(`update ${table} set ${unique.map((name) => `${name} = null`).join(", ")} where tenant = ? and id = ? and rev = ?`, [tenant, id, rev]);
  }
}

function marks(count: number): string {
  return Array.from({ length: count }, () => "?").join(", ");
}
