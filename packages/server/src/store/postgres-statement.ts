/**
 * A commit as one statement: one round trip, one flush. Every part hangs on the head's move, so that nothing is written where
 * it was lost; where a part then finds less than it should, an arithmetic error takes all of it back. Parts of a statement
 * see one moment: the rows as they were when the head still was what the commit names.
 */
import { hash } from "node:crypto";
import { sqlState, type Statement } from "../sql/postgres-pool.ts";
import type { Change, CommitResult, WriteSet } from "./store.ts";
import { columnNames, columnsOf, dataText, RECORD_COLUMNS, recordValues } from "./stored-row.ts";
import { TABLES, type ColumnValue, type TableName } from "./tables.ts";

/** Milliseconds on the store's clock: the server's, which is never stepped back behind a commit. */
export const CLOCK = "floor(extract(epoch from clock_timestamp()) * 1000)::bigint";
export const CHANNEL = "countersign_commit";

/** What the statement answers where it was not taken back. */
export interface CommitRow {
  readonly moved: number;
  readonly late: boolean | null;
}

const RECORD_TYPES: Readonly<Record<string, string>> = { seq: "bigint", at: "bigint" };

export function resultOf([row]: readonly CommitRow[]): CommitResult {
  if (row?.moved === 1) return { ok: true };
  return { ok: false, why: row?.late === true ? "late" : "conflict" };
}

/** What an error of the statement means; throws it where it is a real one. */
export function refused(error: unknown): CommitResult {
  const why = refusalOf(error);
  if (why === undefined) throw error;
  return { ok: false, why };
}

function refusalOf(error: unknown): "conflict" | "late" | undefined {
  switch (sqlState(error)) {
    case "22012": // division by zero: a part found less than it should
    case "23505": // a unique value or an id is taken
    case "40001":
    case "40P01": // a deadlock: loose changes of the same rows in another order
      return "conflict";
    case "2201F": // root of a negative number: the time was over when the commit had waited
      return "late";
    default:
      return undefined;
  }
}

export function commitStatement({ tenant, after, head, lines, changes, before }: WriteSet, sender: string): Statement {
  const values: unknown[] = [tenant, after.seq, after.hash, head.seq, head.hash, before ?? null];
  const parts = changeParts(changes, values, true);
  const lineTypes = RECORD_COLUMNS.map((name) => `${name} ${RECORD_TYPES[name] ?? "text"}`).join(", ");
  values.push(rowsText(RECORD_COLUMNS, lines.map(recordValues)), `${sender} ${tenant}`);
  const [linesAt, messageAt] = [values.length - 1, values.length];
  const columns = RECORD_COLUMNS.join(", ");
  parts.push({
    name: "lines",
    rows: lines.length,
    text: `insert into record (tenant, ${columns}) select $1, ${RECORD_COLUMNS.map((name) => `l.${name}`).join(", ")} from json_to_recordset($${linesAt}::json) as l(${lineTypes}), head returning 1`,
  });
  const intime = (at: string) => `($6::bigint is null or greatest(${at}, ${CLOCK}) < $6::bigint)`;
  const move =
    after.seq === 0
      ? `insert into record_head as h (tenant, seq, hash, at) select $1, $4::bigint, $5, ${CLOCK} where ${intime("0")}
         on conflict (tenant) do update set seq = excluded.seq, hash = excluded.hash, at = greatest(h.at, ${CLOCK}) where h.seq = $2::bigint and h.hash = $3 returning h.at`
      : `update record_head h set seq = $4::bigint, hash = $5, at = greatest(h.at, ${CLOCK})
         where tenant = $1 and seq = $2::bigint and hash = $3 and ${intime("h.at")} returning h.at`;
  return prepared(
    `with head as (${move}), ${parts.map(({ name, text }) => `${name} as (${text})`).join(", ")}
     select (select count(*) from head)::int as moved,
       1 / (case when not exists (select from head) or (${complete(parts, values)}) then 1 else 0 end) as kept,
       sqrt(case when exists (select from head where not ${intime("at")}) then -1 else 1 end) as intime,
       (select count(pg_notify('${CHANNEL}', $${messageAt})) from head) as told,
       coalesce((select seq = $2::bigint and hash = $3 and not ${intime("at")} from record_head where tenant = $1), $2::bigint = 0 and not ${intime("0")}) as late`,
    values,
  );
}

export function looseStatement(tenant: string, changes: readonly Change[]): Statement {
  const values: unknown[] = [tenant];
  const parts = changeParts(changes, values, false);
  return prepared(
    `with ${parts.map(({ name, text }) => `${name} as (${text})`).join(", ")}
     select 1 / (case when ${complete(parts, values)} then 1 else 0 end) as kept`,
    values,
  );
}

interface Part {
  readonly name: string;
  readonly text: string;
  /** How many rows it must touch. */
  readonly rows: number;
}

/** A part for each kind of change to each table. Appends what they write to `values`. */
function changeParts(changes: readonly Change[], values: unknown[], underHead: boolean): Part[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const verb = change.data === null ? "delete" : change.rev === 0 ? "insert" : "update";
    const key = `${verb} ${change.table}`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  // In one order, so that equal shapes are one prepared statement.
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, group]) => {
    values.push(changesText(group));
    // Made of these two just above.
    const [verb, table] = key.split(" ") as ["delete" | "insert" | "update", TableName];
    return { name: `${verb}_${table}`, rows: group.length, text: changePart(verb, table, `$${values.length}`, underHead ? ", head" : "") };
  });
}

function changePart(verb: "delete" | "insert" | "update", table: TableName, rows: string, underHead: string): string {
  const names = columnNames(table);
  const types = names.map((name) => `${name} ${TABLES[table].columns[name]?.type === "integer" ? "bigint" : "text"}`);
  const from = `json_to_recordset(${rows}::json) as c(${["id text", "rev bigint", "data text", ...types].join(", ")})${underHead}`;
  const same = "t.tenant = $1 and t.id = c.id and t.rev = c.rev";
  if (verb === "delete") return `delete from ${table} t using ${from} where ${same} returning 1`;
  if (verb === "update") {
    const sets = ["data", ...names].map((name) => `${name} = c.${name}`);
    return `update ${table} t set ${["rev = c.rev + 1", ...sets].join(", ")} from ${from} where ${same} returning 1`;
  }
  const columns = ["data", ...names];
  return `insert into ${table} (tenant, id, rev, ${columns.join(", ")}) select $1, c.id, 1, ${columns.map((name) => `c.${name}`).join(", ")} from ${from} returning 1`;
}

function changesText(changes: readonly Change[]): string {
  const rows = changes.map(({ table, id, rev, data }) => {
    // The union of all tables' changes has lost which data belongs to which table.
    const columns = data === null ? [] : columnsOf(table, data as never);
    return [id, rev, data === null ? null : dataText(data), ...columns];
  });
  return rowsText(["id", "rev", "data", ...(changes[0] === undefined ? [] : columnNames(changes[0].table))], rows);
}

/** JSON that holds no escape for NUL or lone surrogates: the texts in it are plain already. */
function rowsText(names: readonly string[], rows: readonly (readonly ColumnValue[])[]): string {
  return JSON.stringify(rows.map((row) => Object.fromEntries(row.map((value, index) => [names[index], value]))));
}

/** Appends the numbers to `values`: the text stays the same whatever they are. */
function complete(parts: readonly Part[], values: unknown[]): string {
  values.push(parts.map(({ rows }) => rows));
  return parts.map(({ name }, index) => `(select count(*) from ${name}) = ($${values.length}::int[])[${index + 1}]`).join(" and ");
}

/** Few texts are asked again and again: each is planned once per connection. */
export function prepared(text: string, values: readonly unknown[]): Statement {
  return { name: `countersign_${hash("sha256", text, "hex").slice(0, 24)}`, text, values };
}
