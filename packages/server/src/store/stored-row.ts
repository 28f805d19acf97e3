/** Rows between their two forms: plain data here, text and columns in a database. The same for both databases. */
import { parseJson } from "@countersign/sdk/call";
import type { RecordHead } from "@countersign/sdk/record";
import { assertName, columnText, columnValue, isStandIn } from "./column-text.ts";
import type { Change, RecordLine, Stored, WriteSet } from "./store.ts";
import { TABLES, type ColumnValue, type TableName, type TableShape, type Tables } from "./tables.ts";

/** The head of a record in which nothing has been written. */
export const NO_ROWS: RecordHead = Object.freeze({ seq: 0, hash: "0".repeat(64) });

export interface DataRow {
  readonly id: string;
  readonly rev: number;
  readonly data: string;
}

export function storedOf<K extends TableName>(row: DataRow): Stored<Tables[K]> {
  // Written by `dataText` from this very type; migrations keep it so. Tools and agents name keys in it.
  return { id: row.id, rev: row.rev, data: parseJson(row.data) as unknown as Tables[K] };
}

export function dataText(data: object): string {
  // JSON.stringify writes NUL and lone surrogates as escapes, so this is text that every database holds.
  return JSON.stringify(data);
}

export function columnNames(table: TableName): readonly string[] {
  return Object.keys(TABLES[table].columns);
}

/** The columns of a row, in the order of `columnNames`. */
export function columnsOf<K extends TableName>(table: K, data: Tables[K]): readonly ColumnValue[] {
  // TypeScript does not see that the shape of K's table takes K's data.
  const shape = TABLES[table] as unknown as TableShape<Tables[K]>;
  return Object.values(shape.columns).map(({ of }) => columnValue(of(data)));
}

/** Throws where a set of changes cannot be meant: a row named twice, one deleted that never was. */
export function assertChanges(tenant: string, changes: readonly Change[]): void {
  assertName(tenant, "tenant");
  const seen = new Set<string>();
  for (const { table, id, rev, data } of changes) {
    assertName(id, "id");
    const key = `${table}\n${id}`;
    if (seen.has(key)) throw new TypeError(`${table} ${id} is changed twice in one commit`);
    seen.add(key);
    if (!Number.isSafeInteger(rev) || rev < 0 || (rev === 0 && data === null)) throw new TypeError(`${table} ${id} cannot be changed at rev ${rev}`);
  }
}

/** Throws where the lines are not the rows right after `after`, up to `head`. The hashes are the ledger's business. */
export function assertWriteSet({ tenant, after, lines, head, changes }: WriteSet): void {
  assertChanges(tenant, changes);
  if (lines.length === 0) throw new TypeError("a commit writes at least one row of the record");
  lines.forEach(({ seq, line }, index) => {
    if (seq !== after.seq + index + 1) throw new TypeError(`row ${seq} of the record does not follow ${after.seq + index}`);
    if (!line.isWellFormed() || line.includes("\0")) throw new TypeError(`row ${seq} of the record is no JSON text`);
  });
  if (head.seq !== after.seq + lines.length) throw new TypeError("the head is not the last row");
}

const LOOKUPS = ["event", "callId", "requestId", "policyId", "principal"] as const satisfies readonly (keyof RecordLine)[];

/** Columns of `record`, in the order of `recordValues`. */
export const RECORD_COLUMNS = ["seq", "at", "type", "event", "call_id", "request_id", "policy_id", "principal", "exact", "line"] as const;

export interface RecordRow {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly event: string | null;
  readonly call_id: string | null;
  readonly request_id: string | null;
  readonly policy_id: string | null;
  readonly principal: string | null;
  readonly exact: string | null;
  readonly line: string;
}

export function recordValues(line: RecordLine): readonly ColumnValue[] {
  const lookups = LOOKUPS.map((name) => (line[name] === null ? null : columnText(line[name])));
  const exact = lookups.some((value) => value !== null && isStandIn(value)) ? JSON.stringify(LOOKUPS.map((name) => line[name])) : null;
  return [columnValue(line.seq), columnValue(line.at), line.type, ...lookups, exact, line.line];
}

export function recordLineOf(row: RecordRow): RecordLine {
  const { seq, at, type, line } = row;
  // Written by `recordValues`: a list in the order of LOOKUPS.
  const exact = row.exact === null ? [row.event, row.call_id, row.request_id, row.policy_id, row.principal] : (JSON.parse(row.exact) as (string | null)[]);
  const [event = null, callId = null, requestId = null, policyId = null, principal = null] = exact;
  return { seq, at, type, event, callId, requestId, policyId, principal, line };
}
