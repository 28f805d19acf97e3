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
import { TABLES, type ColumnValue, type TableName } from "./tables.ts";

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

/** So many rows of the record are written one by one, which is faster than to take them from lists. */
const FEW_LINES = 2;

/** `sender` undefined: nobody is told. */
export function commitStatement({ tenant, after, head, lines, changes, before }: WriteSet, sender: string | undefined): Statement {
  const groups = groupsOf(changes);
  const rows = lines.map(recordValues);
  const told = sender === undefined ? null : `${sender} ${tenant}`;
  const values = [tenant, after.seq, after.hash, head.seq, head.hash, before ?? null, told, ...groups.flatMap(groupValues), ...(rows.length <= FEW_LINES ? rows.flat() : lists(RECORD_TYPES, rows))];
  const few = Math.min(rows.length, FEW_LINES + 1);
  return { ...textFor(`commit ${few}`, groups, () => commitText(groups, few)), values };
}

export function looseStatement(tenant: string, changes: readonly Change[]): Statement {
  const groups = groupsOf(changes);
  return { ...textFor("loose", groups, () => `select ${changeCalls("'ok'", groups, numbered(1))} as answer`), values: [tenant, ...groups.flatMap(groupValues)] };
}

type Type = "bigint" | "text";
const RECORD_TYPES: readonly Type[] = RECORD_COLUMNS.map((name) => (name === "seq" || name === "at" ? "bigint" : "text"));

/** Changes of one kind to one table, at least one. */
interface Group {
  readonly verb: "delete" | "update" | "insert";
  readonly table: TableName;
  readonly changes: readonly Change[];
}

/** In this order, so that a unique value that one row lets go can be taken by another. */
const VERBS = ["delete", "update", "insert"] as const;

/** In one order, so that equal shapes are one prepared statement. */
function groupsOf(changes: readonly Change[]): readonly Group[] {
  const groups = new Map<string, { verb: Group["verb"]; table: TableName; changes: Change[] }>();
  for (const change of changes) {
    const verb = change.data === null ? "delete" : change.rev === 0 ? "insert" : "update";
    const key = `${verb} ${change.table}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { verb, table: change.table, changes: [change] });
    else group.changes.push(change);
  }
  return [...groups.values()].toSorted((a, b) => VERBS.indexOf(a.verb) - VERBS.indexOf(b.verb) || (a.table < b.table ? -1 : 1));
}

function typesOf(table: TableName): readonly Type[] {
  return ["text", "bigint", "text", ...Object.values(TABLES[table].columns).map(({ type }): Type => (type === "integer" ? "bigint" : "text"))];
}

/** What a group writes: plain values for one row; for more a list for each column, so that any number of rows is the same statement. */
function groupValues({ table, changes }: Group): readonly unknown[] {
  const rows = changes.map(changeValues);
  return rows.length === 1 ? (rows[0] ?? []) : lists(typesOf(table), rows);
}

function changeValues({ table, id, rev, data }: Change): readonly ColumnValue[] {
  // The union of all tables' changes has lost which data belongs to which table.
  const columns = data === null ? columnNames(table).map(() => null) : columnsOf(table, data as never);
  return [id, rev, data === null ? null : dataText(data), ...columns];
}

function lists(types: readonly Type[], rows: readonly (readonly ColumnValue[])[]): readonly Buffer[] {
  return types.map((type, index) => listParameter(type, rows.map((row) => row[index] ?? null)));
}

type Numbered = (types: readonly Type[], list: "" | "[]") => string;

/** Parameters after this many, in the order in which they are asked for. */
function numbered(after: number): Numbered {
  let last = after;
  return (types, list) => types.map((type) => `$${++last}::${type}${list}`).join(", ");
}

/** Values 1 to 7 are of the head, 6 and 7 also of the last row. */
function commitText(groups: readonly Group[], few: number): string {
  const next = numbered(7);
  const decided = changeCalls(`${FUNCTIONS["head"]}($1, $2::bigint, $3, $4::bigint, $5, $6::bigint)`, groups, next);
  const written =
    few <= FEW_LINES
      ? Array.from({ length: few }).reduce<string>((inner, _, index) => `${FUNCTIONS["record_one"]}(${inner}, $1, ${index === few - 1 ? "$6::bigint, $7" : "null, null"}, ${next(RECORD_TYPES, "")})`, decided)
      : `${FUNCTIONS["record_many"]}(${decided}, $1, $6::bigint, $7, ${next(RECORD_TYPES, "[]")})`;
  return `select ${written} as answer`;
}

/** A call for each group around the one before. */
function changeCalls(first: string, groups: readonly Group[], next: Numbered): string {
  return groups.reduce((inner, { verb, table, changes }) => {
    const isOne = changes.length === 1;
    return `${FUNCTIONS[`${table}_${isOne ? "one" : "many"}`]}(${inner}, '${verb}', $1, ${next(typesOf(table), isOne ? "" : "[]")})`;
  }, first);
}

/** There are not many shapes. Making a text and its name anew takes as long as all that is decided. */
const texts = new Map<string, { readonly name: string; readonly text: string }>();

function textFor(about: string, groups: readonly Group[], make: () => string): { readonly name: string; readonly text: string } {
  const shape = groups.reduce((key, { verb, table, changes }) => `${key} ${verb} ${table} ${changes.length === 1 ? "one" : "many"}`, about);
  const known = texts.get(shape);
  if (known !== undefined) return known;
  const text = make();
  const made = { name: nameOf(text), text };
  texts.set(shape, made);
  return made;
}

/** Prepared once per connection, under a name that says what it is. */
export function named(text: string, values: readonly unknown[]): Statement {
  return { name: nameOf(text), text, values };
}

function nameOf(text: string): string {
  return `countersign_${hash("sha256", text, "hex").slice(0, 24)}`;
}
