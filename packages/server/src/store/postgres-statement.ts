/**
 * A commit as one statement: one round trip, one flush. It calls the functions of postgres-functions.ts one inside the other:
 * the head first, which the others wait for and of which nothing is written where it was lost; then rows that go, change and
 * come; the rows of the record last. What fails in one of them takes back all.
 */
import { hash } from "node:crypto";
import { sqlState, type Statement } from "../sql/postgres-pool.ts";
import { listParameter } from "./postgres-list.ts";
import { CONFLICT, FUNCTIONS, LATE } from "./postgres-functions.ts";
import type { Change, CommitResult, WriteSet } from "./store.ts";
import { columnNames, columnsOf, dataText, RECORD_COLUMNS, recordValues } from "./stored-row.ts";
import { TABLES, type ColumnValue } from "./tables.ts";

/** What the statement answers where it was not taken back. */
export interface CommitRow {
  readonly answer: "ok" | "conflict";
}

export function resultOf([row]: readonly CommitRow[]): CommitResult {
  return row?.answer === "ok" ? { ok: true } : { ok: false, why: "conflict" };
}

/** What an error of the statement means; throws it where it is a real one. */
export function refused(error: unknown): CommitResult {
  const why = refusalOf(error);
  if (why === undefined) throw error;
  return { ok: false, why };
}

function refusalOf(error: unknown): "conflict" | "late" | undefined {
  switch (sqlState(error)) {
    case CONFLICT: // a part found less than it should
    case "23505": // a unique value or an id is taken
    case "40001":
    case "40P01": // a deadlock: loose changes of the same rows in another order
      return "conflict";
    case LATE:
      return "late";
    default:
      return undefined;
  }
}

/** `sender` undefined: nobody is told. */
export function commitStatement({ tenant, after, head, lines, changes, before }: WriteSet, sender: string | undefined): Statement {
  const values: unknown[] = [tenant, after.seq, after.hash, head.seq, head.hash, before ?? null, sender === undefined ? null : `${sender} ${tenant}`];
  const decided = changeCalls(`${FUNCTIONS["head"]}($1, $2::bigint, $3, $4::bigint, $5, $6::bigint)`, changes, values);
  const rows = lists(RECORD_COLUMNS, lines.map(recordValues), (name) => (name === "seq" || name === "at" ? "bigint" : "text"), values);
  return named(`select ${FUNCTIONS["record"]}(${decided}, $1, $6::bigint, $7, ${rows}) as answer`, values);
}

export function looseStatement(tenant: string, changes: readonly Change[]): Statement {
  const values: unknown[] = [tenant];
  return named(`select ${changeCalls("'ok'", changes, values)} as answer`, values);
}

/** In this order, so that a unique value that one row lets go can be taken by another. */
const VERBS = ["delete", "update", "insert"] as const;
type Verb = (typeof VERBS)[number];

/** A call for each kind of change to each table, around the one before. Appends what they write to `values`. */
function changeCalls(first: string, changes: readonly Change[], values: unknown[]): string {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = `${VERBS.indexOf(verbOf(change))} ${change.table}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  // In one order, so that equal shapes are one prepared statement.
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).reduce((inner, [, group]) => changeCall(inner, group, values), first);
}

function verbOf({ rev, data }: Change): Verb {
  return data === null ? "delete" : rev === 0 ? "insert" : "update";
}

function changeCall(inner: string, group: readonly Change[], values: unknown[]): string {
  const [first] = group;
  if (first === undefined) return inner;
  const { table } = first;
  const columns = ["id", "rev", "data", ...columnNames(table)];
  const typeOf = (name: string): "bigint" | "text" => (name === "rev" || TABLES[table].columns[name]?.type === "integer" ? "bigint" : "text");
  return `${FUNCTIONS[table]}(${inner}, '${verbOf(first)}', $1, ${lists(columns, group.map(changeValues), typeOf, values)})`;
}

function changeValues({ table, id, rev, data }: Change): readonly ColumnValue[] {
  // The union of all tables' changes has lost which data belongs to which table.
  const columns = data === null ? columnNames(table).map(() => null) : columnsOf(table, data as never);
  return [id, rev, data === null ? null : dataText(data), ...columns];
}

/** A list for each column: any number of rows is the same statement. */
function lists(names: readonly string[], rows: readonly (readonly ColumnValue[])[], typeOf: (name: string) => "bigint" | "text", values: unknown[]): string {
  return names.map((name, index) => {
    const type = typeOf(name);
    return `$${values.push(listParameter(type, rows.map((row) => row[index] ?? null)))}::${type}[]`;
  }).join(", ");
}

/** Prepared once per connection, under a name that says what it is. */
export function named(text: string, values: readonly unknown[]): Statement {
  return { name: `countersign_${hash("sha256", text, "hex").slice(0, 24)}`, text, values };
}
