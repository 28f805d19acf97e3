/**
 * A backup in our own format: JSON Lines, one row of any table a line, the same for both databases. The first line says what it
 * is, the last how many rows there were and the digest of all before it: a file that was cut short or changed is not restored.
 */
import { createHash } from "node:crypto";
import { parseJson } from "@countersign/sdk/call";
import { StoreError } from "../sql/store-error.ts";
import { recordLineOf, recordValues, RECORD_COLUMNS, columnNames, columnsOf, type RecordRow } from "./stored-row.ts";
import type { RecordLine } from "./store.ts";
import { TABLES, type ColumnType, type ColumnValue, type TableName } from "./tables.ts";

export const OTHER_TABLES = ["record", "record_head", "checkpoint"] as const;
export type BackedUpTable = TableName | (typeof OTHER_TABLES)[number];

/** All tables, in the order of a backup. The installation's id is in the first line. */
export const BACKED_UP: readonly BackedUpTable[] = [...Object.keys(TABLES).filter(isTableName), ...OTHER_TABLES];

export interface BackupHeader {
  readonly countersign: "backup";
  readonly format: 1;
  /** Migrations that had been made. */
  readonly schema: readonly string[];
  readonly installationId: string;
}

export interface BackupRow {
  readonly table: BackedUpTable;
  /** As it stands in the database. */
  readonly values: { readonly [column: string]: ColumnValue };
}

const OTHER_COLUMNS: { readonly [K in (typeof OTHER_TABLES)[number]]: { readonly [column: string]: ColumnType } } = {
  record: { tenant: "text", ...Object.fromEntries(RECORD_COLUMNS.map((name) => [name, name === "seq" || name === "at" ? "integer" : "text"] as const)) },
  record_head: { tenant: "text", seq: "integer", hash: "text", at: "integer" },
  checkpoint: { tenant: "text", seq: "integer", hash: "text", at: "integer", key_id: "text", signature: "text" },
};

/** Every column of a table with its type. */
export function columnTypes(table: BackedUpTable): { readonly [column: string]: ColumnType } {
  if (!isTableName(table)) return OTHER_COLUMNS[table];
  const lookups = Object.entries(TABLES[table].columns).map(([name, { type }]) => [name, type] as const);
  return { tenant: "text", id: "text", rev: "integer", data: "text", ...Object.fromEntries(lookups) };
}

/** What tells the rows of a table apart, and orders them. */
export function keyColumns(table: BackedUpTable): readonly string[] {
  if (isTableName(table)) return ["tenant", "id"];
  return { record: ["tenant", "seq"], record_head: ["tenant"], checkpoint: ["tenant", "seq", "key_id"] }[table];
}

/** Makes the lines of a backup, without line feeds. */
export class BackupWriter {
  readonly #digest = createHash("sha256");
  #rows = 0;

  header(schema: readonly string[], installationId: string): string {
    const header: BackupHeader = { countersign: "backup", format: 1, schema, installationId };
    return this.#add(JSON.stringify(header));
  }

  row({ table, values }: BackupRow): string {
    this.#rows += 1;
    if (table === "record") {
      // A row of the record has the columns of one.
      return this.#add(JSON.stringify({ table, tenant: values["tenant"], ...recordLineOf(values as unknown as RecordRow) }));
    }
    if (!isTableName(table)) return this.#add(JSON.stringify({ table, ...values }));
    const { tenant, id, rev, data } = values;
    const start = JSON.stringify({ table, tenant, id, rev });
    // The data is JSON text already, and stays as it is byte for byte.
    return this.#add(`${start.slice(0, -1)},"data":${data}}`);
  }

  end(): string {
    return JSON.stringify({ rows: this.#rows, sha256: this.#digest.digest("hex") });
  }

  #add(line: string): string {
    this.#digest.update(`${line}\n`);
    return line;
  }
}

/** Reads a backup line by line. Nothing that it gives may be kept before `finished`. */
export class BackupReader {
  readonly #digest = createHash("sha256");
  #rows = 0;
  #ended = false;

  header(line: string): BackupHeader {
    this.#digest.update(`${line}\n`);
    const header = parse(line);
    if (header["countersign"] !== "backup") throw damaged("this is no backup of Countersign");
    if (header["format"] !== 1) throw new StoreError("store_newer", "this backup was made by a newer version of Countersign");
    return header as unknown as BackupHeader; // format 1 was written by `BackupWriter.header`
  }

  /** Undefined for the last line. */
  row(line: string): BackupRow | undefined {
    if (this.#ended) throw damaged("there is something behind its last line");
    const fields = parse(line);
    const { table } = fields;
    if (table === undefined) {
      this.#ended = true;
      if (fields["rows"] !== this.#rows || fields["sha256"] !== this.#digest.digest("hex")) throw damaged("it was changed after it was made");
      return undefined;
    }
    this.#digest.update(`${line}\n`);
    this.#rows += 1;
    return rowOf(fields);
  }

  finished(): void {
    if (!this.#ended) throw damaged("it is cut short");
  }
}

function rowOf(fields: Record<string, unknown>): BackupRow {
  const { table, tenant, ...rest } = fields;
  const known = BACKED_UP.find((name) => name === table);
  if (known === undefined || typeof tenant !== "string") throw damaged(`it has rows of an unknown table ${JSON.stringify(table)}`);
  if (known === "record") {
    const values = recordValues(rest as unknown as RecordLine); // written from one by `BackupWriter.row`
    return { table: known, values: { tenant, ...Object.fromEntries(RECORD_COLUMNS.map((name, index) => [name, values[index] ?? null])) } };
  }
  if (!isTableName(known)) return { table: known, values: { ...(rest as BackupRow["values"]), tenant } };
  // The data was of this table when it was written; the digest vouches for it.
  const data = rest["data"] as never;
  const lookups = columnsOf(known, data);
  const columns = Object.fromEntries(columnNames(known).map((name, index) => [name, lookups[index] ?? null]));
  return { table: known, values: { tenant, id: String(rest["id"]), rev: Number(rest["rev"]), data: JSON.stringify(data), ...columns } };
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = parseJson(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw damaged("a line of it is no JSON");
}

export function damaged(why: string): StoreError {
  return new StoreError("backup_damaged", `the backup cannot be restored: ${why}`);
}

function isTableName(name: string): name is TableName {
  return Object.hasOwn(TABLES, name);
}
