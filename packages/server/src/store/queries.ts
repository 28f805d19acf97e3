/** The ordinary questions, as text and parameters, for either database. Called by the stores; runs nothing. */
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql, type CompiledQuery, type ExpressionBuilder, type SqlBool } from "kysely";
import type { DatabaseKind } from "../sql/database-kind.ts";
import { assertName, columnValue } from "./column-text.ts";
import type { ListQuery, RecordQuery, Store } from "./store.ts";
import { RECORD_COLUMNS } from "./stored-row.ts";
import { TABLES, type ColumnValue, type TableName } from "./tables.ts";

/** Columns are known by name only: they are checked against TABLES before they get here. */
type AnyTables = Record<string, Record<string, ColumnValue>>;
type AnyRow = ExpressionBuilder<AnyTables, string>;

const MOST = 10_000;
const CHECKPOINT_COLUMNS = ["seq", "hash", "at", "key_id", "signature"] as const;
const RECORD_COLUMN_OF = { type: "type", event: "event", callId: "call_id", requestId: "request_id", policyId: "policy_id", principal: "principal" } as const;

export function createQueries(kind: DatabaseKind) {
  const db = compiler(kind);
  return {
    list<K extends TableName>(tenant: string, query: ListQuery<K>): CompiledQuery {
      const { orderBy, after, descending = false } = query;
      const table: TableName = query.table;
      assertName(tenant, "tenant");
      assertColumn(table, orderBy, "integer");
      let rows = db.selectFrom<string>(table).select(["id", "rev", "data"]).where("tenant", "=", tenant);
      // Where the two databases put nulls differs, and they have no place in an order.
      rows = rows.where(orderBy, "is not", null).where((row) => row.and([...whereOf(row, table, query.where), ...rangeOf(row, table, query.range)]));
      if (after !== undefined) {
        const place = sql<SqlBool>`(${sql.ref(orderBy)}, ${sql.ref("id")})`;
        const end = sql`(${columnValue(after.value)}, ${columnValue(after.id)})`;
        rows = rows.where(descending ? sql<SqlBool>`${place} < ${end}` : sql<SqlBool>`${place} > ${end}`);
      }
      const direction = descending ? "desc" : "asc";
      return rows.orderBy(orderBy, direction).orderBy("id", direction).limit(limitOf(query.limit)).compile();
    },

    count(tenant: string, table: TableName, where: ListQuery<TableName>["where"]): CompiledQuery {
      assertName(tenant, "tenant");
      return db
        .selectFrom(table)
        .select((row) => row.fn.countAll<number>().as("count"))
        .where("tenant", "=", tenant)
        .where((row) => row.and(whereOf(row, table, where)))
        .compile();
    },

    readRecord(query: RecordQuery): CompiledQuery {
      assertName(query.tenant, "tenant");
      let rows = db.selectFrom("record").select(RECORD_COLUMNS).where("tenant", "=", query.tenant);
      for (const [name, column] of Object.entries(RECORD_COLUMN_OF)) {
        const value = query.where?.[name as keyof typeof RECORD_COLUMN_OF]; // a key of that very object
        if (value === undefined) continue;
        if (isList(value)) rows = value.length === 0 ? rows.where(sql<SqlBool>`1 = 0`) : rows.where(column, "in", value.map(columnValue));
        else rows = value === null ? rows.where(column, "is", null) : rows.where(column, "=", columnValue(value));
      }
      if (query.after !== undefined) rows = rows.where("seq", ">", query.after);
      if (query.before !== undefined) rows = rows.where("seq", "<", query.before);
      if (query.from !== undefined) rows = rows.where("at", ">=", query.from);
      if (query.until !== undefined) rows = rows.where("at", "<", query.until);
      const direction = query.descending === true ? "desc" : "asc";
      const some = rows.orderBy("seq", direction).limit(limitOf(query.limit));
      if (query.maxBytes === undefined) return some.compile();
      // How much comes before a row is told from lengths alone: what is left out is not read.
      const before = sql<number>`sum(octet_length(line)) over (order by seq ${sql.raw(direction)}) - octet_length(line)`;
      const summed = db.selectFrom(some.as("some")).select([...RECORD_COLUMNS, before.as("bytes_before")]);
      return db.selectFrom(summed.as("summed")).select(RECORD_COLUMNS).where("bytes_before", "<", query.maxBytes).orderBy("seq", direction).compile();
    },

    readCheckpoints(tenant: string, range: Parameters<Store["readCheckpoints"]>[1]): CompiledQuery {
      assertName(tenant, "tenant");
      let rows = db.selectFrom("checkpoint").select(CHECKPOINT_COLUMNS).where("tenant", "=", tenant);
      if (range.after !== undefined) rows = rows.where("seq", ">", range.after);
      const direction = range.descending === true ? "desc" : "asc";
      return rows.orderBy("seq", direction).orderBy("key_id", direction).limit(limitOf(range.limit)).compile();
    },
  };
}

function compiler(kind: DatabaseKind): Kysely<AnyTables> {
  const createDriver = () => new DummyDriver();
  if (kind === "sqlite") {
    return new Kysely({
      dialect: { createDriver, createAdapter: () => new SqliteAdapter(), createQueryCompiler: () => new SqliteQueryCompiler(), createIntrospector: (db) => new SqliteIntrospector(db) },
    });
  }
  return new Kysely({
    dialect: { createDriver, createAdapter: () => new PostgresAdapter(), createQueryCompiler: () => new PostgresQueryCompiler(), createIntrospector: (db) => new PostgresIntrospector(db) },
  });
}

function whereOf(row: AnyRow, table: TableName, asked: ListQuery<TableName>["where"]) {
  return Object.entries({ ...coarseOf(table, asked), ...asked }).map(([column, wanted]) => {
    assertColumn(table, column);
    const values = (isList(wanted) ? wanted : [wanted]).map(columnValue);
    const some = values.filter((value) => value !== null);
    const choices = some.length === 0 ? [] : [row(column, "in", some)];
    if (some.length < values.length) choices.push(row(column, "is", null));
    return row.or(choices);
  });
}

/** What is asked for as the indexes know it. */
function coarseOf(table: TableName, asked: ListQuery<TableName>["where"]): NonNullable<ListQuery<TableName>["where"]> {
  const conditions = Object.entries(TABLES[table].coarse ?? {}).flatMap(([exact, { column, of }]) => {
    const wanted = asked?.[exact];
    if (wanted === undefined) return [];
    return [[column, [...new Set((isList(wanted) ? wanted : [wanted]).map((value) => (typeof value === "string" ? of(value) : value)))]] as const];
  });
  return Object.fromEntries(conditions);
}

function rangeOf(row: AnyRow, table: TableName, range: ListQuery<TableName>["range"]) {
  return Object.entries(range ?? {}).flatMap(([column, { from, below }]) => {
    assertColumn(table, column, "integer");
    return [...(from === undefined ? [] : [row(column, ">=", columnValue(from))]), ...(below === undefined ? [] : [row(column, "<", columnValue(below))])];
  });
}

function assertColumn(table: TableName, column: string, type?: "integer"): void {
  const { columns } = TABLES[table];
  const known = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (known === undefined || (type !== undefined && known.type !== type)) throw new TypeError(`${table} has no column ${column}${type === undefined ? "" : ` of type ${type}`}`);
}

function limitOf(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST) throw new TypeError(`limit must be 1 to ${MOST}`);
  return limit;
}

// Array.isArray does not narrow readonly arrays.
function isList(value: ColumnValue | readonly ColumnValue[]): value is readonly ColumnValue[] {
  return Array.isArray(value);
}
