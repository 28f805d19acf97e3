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

/** Up to so many changes are written as plain parameters, which is the fastest there is; each number of them is a statement of its own. */
const FEW_CHANGES = 2;
const FEW_LINES = 4;

/** `sender` undefined: nobody is told. */
export function commitStatement({ tenant, after, head, lines, changes, before }: WriteSet, sender: string | undefined): Statement {
  const values: unknown[] = [tenant, after.seq, after.hash, head.seq, head.hash];
  const told = sender === undefined ? "*" : `pg_notify('${CHANNEL}', $${values.push(`${sender} ${tenant}`)})`;
  const until = before === undefined ? undefined : `$${values.push(before)}::bigint`;
  const parts = changeParts(changes, values, true);
  const columns = RECORD_COLUMNS.join(", ");
  const source = rowsSource("l", RECORD_COLUMNS, lines.map(recordValues), (name) => RECORD_TYPES[name] ?? "text", values, FEW_LINES);
  const written = `lines as (insert into record (tenant, ${columns}) select $1, ${RECORD_COLUMNS.map((name) => `l.${name}`).join(", ")} from ${source}, head)`;
  const intime = (at: string) => (until === undefined ? "true" : `(greatest(${at}, ${CLOCK}) < ${until})`);
  const move =
    after.seq === 0
      ? `insert into record_head as h (tenant, seq, hash, at) select $1, $4::bigint, $5, ${CLOCK} where ${intime("0")}
         on conflict (tenant) do update set seq = excluded.seq, hash = excluded.hash, at = greatest(h.at, ${CLOCK}) where h.seq = $2::bigint and h.hash = $3 returning h.at`
      : `update record_head h set seq = $4::bigint, hash = $5, at = greatest(h.at, ${CLOCK})
         where tenant = $1 and seq = $2::bigint and hash = $3 and ${intime("h.at")} returning h.at`;
  return named(
    `with head as (${move}), ${parts.map(({ name, text }) => `${name} as (${text}), `).join("")}${written}
     select (select count(${told}) from head)::int as moved,
       1 / (case when not exists (select from head) or (${complete(parts, values)}) then 1 else 0 end) as kept,
       ${until === undefined ? "1" : `sqrt(case when exists (select from head where not ${intime("at")}) then -1 else 1 end)`} as intime,
       case when exists (select from head) then false
         else coalesce((select seq = $2::bigint and hash = $3 and not ${intime("at")} from record_head where tenant = $1), $2::bigint = 0 and not ${intime("0")}) end as late`,
    values,
  );
}

export function looseStatement(tenant: string, changes: readonly Change[]): Statement {
  const values: unknown[] = [tenant];
  const parts = changeParts(changes, values, false);
  return named(
    `with ${parts.map(({ name, text }) => `${name} as (${text})`).join(", ")}
     select 1 / (case when ${complete(parts, values)} then 1 else 0 end) as kept`,
    values,
  );
}

interface Part {
  readonly name: string;
  readonly text: string;
  /** How many rows it must find; undefined where it finds all or fails. */
  readonly rows: number | undefined;
}

type Verb = "delete" | "insert" | "update";

/** A part for each kind of change to each table; for each change, where there are few. Appends what they write to `values`. */
function changeParts(changes: readonly Change[], values: unknown[], underHead: boolean): Part[] {
  const groups = new Map<string, Change[]>();
  for (const [index, change] of changes.entries()) {
    const verb: Verb = change.data === null ? "delete" : change.rev === 0 ? "insert" : "update";
    const key = `${verb} ${change.table}${changes.length <= FEW_CHANGES ? ` ${index}` : ""}`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  // In one order, so that equal shapes are one prepared statement.
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, group]) => {
    // Made of these just above.
    const [verb, table] = key.split(" ") as [Verb, TableName];
    return { name: key.replaceAll(" ", "_"), rows: verb === "insert" ? undefined : group.length, text: changePart(verb, table, group, values, underHead) };
  });
}

function changePart(verb: Verb, table: TableName, group: readonly Change[], values: unknown[], underHead: boolean): string {
  const names = columnNames(table);
  const columns = ["id", "rev", "data", ...names];
  const typeOf = (name: string): string => (name === "rev" || TABLES[table].columns[name]?.type === "integer" ? "bigint" : "text");
  const source = rowsSource("c", columns, group.map(changeValues), typeOf, values, 1);
  const isOne = group.length === 1;
  // Each of several rows is looked up by its key: left to itself, a planner that has no statistics yet reads the whole table.
  const place = `, lateral (select f.ctid from ${table} f where f.tenant = $1 and f.id = c.id and f.rev = c.rev offset 0) as at`;
  const from = `${source}${isOne || verb === "insert" ? "" : place}${underHead ? ", head" : ""}`;
  const same = isOne ? "t.tenant = $1 and t.id = c.id and t.rev = c.rev" : "t.ctid = at.ctid";
  if (verb === "delete") return `delete from ${table} t using ${from} where ${same} returning 1`;
  const written = ["data", ...names];
  if (verb === "update") return `update ${table} t set ${["rev = c.rev + 1", ...written.map((name) => `${name} = c.${name}`)].join(", ")} from ${from} where ${same} returning 1`;
  return `insert into ${table} (tenant, id, rev, ${written.join(", ")}) select $1, c.id, 1, ${written.map((name) => `c.${name}`).join(", ")} from ${from}`;
}

function changeValues({ table, id, rev, data }: Change): readonly ColumnValue[] {
  // The union of all tables' changes has lost which data belongs to which table.
  const columns = data === null ? columnNames(table).map(() => null) : columnsOf(table, data as never);
  return [id, rev, data === null ? null : dataText(data), ...columns];
}

/** Rows as something to select from: parameters where there are few, else a list for each column, which holds any number in one statement. */
function rowsSource(as: string, names: readonly string[], rows: readonly (readonly ColumnValue[])[], typeOf: (name: string) => string, values: unknown[], few: number): string {
  if (rows.length <= few) {
    const listed = rows.map((row) => `(${row.map((value, index) => `$${values.push(value)}::${typeOf(names[index] ?? "")}`).join(", ")})`);
    return `(values ${listed.join(", ")}) as ${as}(${names.join(", ")})`;
  }
  const lists = names.map((name, index) => `$${values.push(rows.map((row) => row[index]))}::${typeOf(name)}[]`);
  return `unnest(${lists.join(", ")}) as ${as}(${names.join(", ")})`;
}

/** Appends the numbers to `values`: the text stays the same whatever they are. */
function complete(parts: readonly Part[], values: unknown[]): string {
  const counted = parts.filter(({ rows }) => rows !== undefined);
  if (counted.length === 0) return "true";
  const at = values.push(counted.map(({ rows }) => rows));
  return counted.map(({ name }, index) => `(select count(*) from ${name}) = ($${at}::int[])[${index + 1}]`).join(" and ");
}

/** Prepared once per connection, under a name that says what it is. */
export function named(text: string, values: readonly unknown[]): Statement {
  return { name: `countersign_${hash("sha256", text, "hex").slice(0, 24)}`, text, values };
}
