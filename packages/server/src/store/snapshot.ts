/** What was read, as the caller sees it. Asking for what was not read is a mistake, not an absence: it throws. */
import type { RecordHead } from "@countersign/sdk/record";
import type { Key, Snapshot, Stored } from "./store.ts";
import { TABLES, type ColumnValue, type TableName, type TableShape, type Tables } from "./tables.ts";

export interface Read {
  readonly head: RecordHead;
  readonly now: number;
  /** Every row that was found, in any order. */
  readonly rows: ReadonlyMap<TableName, readonly Stored<object>[]>;
  /** Tables that were read whole. */
  readonly tables: ReadonlySet<TableName>;
  readonly keys: readonly Key[];
  readonly news?: Snapshot["news"];
  readonly touched?: Snapshot["touched"];
}

export function createSnapshot({ head, now, rows, tables, keys, news, touched }: Read): Snapshot {
  const asked = new Set(keys.map((key) => ("id" in key ? idKey(key.table, key.id) : columnKey(key.table, key.column, key.value))));
  const byId = new Map<string, Stored<object>>();
  for (const [table, found] of rows) for (const row of found) byId.set(idKey(table, row.id), row);

  // The database answered for this table, so its rows are of this table's type.
  const typed = <K extends TableName>(row: Stored<object> | undefined) => row as Stored<Tables[K]> | undefined;
  const assertAsked = (table: TableName, key: string) => {
    if (!tables.has(table) && !asked.has(key)) throw new Error(`not read: ${key.replaceAll("\n", " ")}`);
  };

  return {
    head,
    now,
    news,
    touched,
    get(table, id) {
      assertAsked(table, idKey(table, id));
      return typed(byId.get(idKey(table, id)));
    },
    find(table, column, value) {
      assertAsked(table, columnKey(table, column, value));
      return typed(rows.get(table)?.find(({ data }) => columnOf(table, column, data) === value));
    },
    all<K extends TableName>(table: K) {
      if (!tables.has(table)) throw new Error(`not read whole: ${table}`);
      return (rows.get(table) ?? []) as readonly Stored<Tables[K]>[]; // as above
    },
  };
}

/** Throws where a key names a column that does not tell rows apart. */
export function assertKey(key: Key): void {
  if ("id" in key) return;
  if (!TABLES[key.table].unique.includes(key.column)) throw new TypeError(`${key.table} cannot be found by ${key.column}: it is not unique`);
  if (key.value === null) throw new TypeError(`${key.table} cannot be found by ${key.column} null: null is no value`);
}

function columnOf(table: TableName, column: string, data: object): ColumnValue | undefined {
  // The data came from this table.
  const shape = TABLES[table] as TableShape<object>;
  return shape.columns[column]?.of(data);
}

const idKey = (table: TableName, id: string) => `${table}\n${id}`;
const columnKey = (table: TableName, column: string, value: ColumnValue) => `${table}\n${column}\n${typeof value}\n${value}`;
