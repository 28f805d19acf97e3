/**
 * The first schema, written out. Never changed once it was released: stores exist that were made by it. What differs from it
 * now is in later migrations; migrate.test.ts compares the outcome with store/tables.ts.
 */
import { sql, type ColumnDataType, type CreateTableBuilder, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { DatabaseKind } from "../database-kind.ts";

interface Shape {
  readonly columns: { readonly [name: string]: "text" | "integer" };
  readonly unique?: readonly string[];
  /** Rows of some kilobytes that change several times: these columns change with them, and what follows `data` never does. */
  readonly changing?: readonly string[];
  readonly indexes?: readonly (readonly string[])[];
}

const TABLES: { readonly [table: string]: Shape } = {
  approval: {
    columns: {
      state: "text",
      created_at: "integer",
      expires_at: "integer",
      ended_at: "integer",
      dedupe_key: "text",
      principal: "text",
      key_id: "text",
      agent: "text",
      server: "text",
      tool: "text",
      call_digest: "text",
    },
    unique: ["dedupe_key"],
    changing: ["created_at", "expires_at", "ended_at", "state", "dedupe_key"],
    indexes: [["state", "expires_at"], ["state", "created_at"], ["created_at"], ["key_id", "state"], ["call_digest"]],
  },
  person: { columns: { email: "text" }, unique: ["email"] },
  person_group: { columns: { name: "text" }, unique: ["name"] },
  agent_key: { columns: {} },
  delegation: { columns: {} },
  standing_grant: { columns: { expires_at: "integer" }, indexes: [["expires_at"]] },
  setting: { columns: {} },
  data_key: { columns: {} },
  policy_version: { columns: { version: "integer", digest: "text" }, unique: ["version"], indexes: [["digest"]] },
  sign_in: { columns: { person_id: "text", expires_at: "integer" }, indexes: [["person_id"], ["expires_at"]] },
  one_time_link: { columns: { person_id: "text", expires_at: "integer" }, indexes: [["expires_at"]] },
  sign_in_attempt: { columns: { expires_at: "integer" }, indexes: [["expires_at"]] },
  execution_lease: { columns: { until: "integer" }, indexes: [["until"]] },
  throttle_counter: { columns: { at: "integer" }, indexes: [["at"]] },
  shipped_batch: { columns: { at: "integer" }, indexes: [["at"]] },
};

/** Columns of the record that are looked up by, each where it is not null. */
const RECORD_LOOKUPS = ["call_id", "request_id", "policy_id", "principal", "event"];

export function first(kind: DatabaseKind): Migration {
  // Order and equality by bytes, as SQLite has it: pages and their ends must not depend on a server's locale.
  const text = kind === "postgres" ? sql`text collate "C"` : ("text" satisfies ColumnDataType);
  const integer: ColumnDataType = kind === "postgres" ? "bigint" : "integer";

  async function createTable(db: Kysely<unknown>, name: string, { columns, unique = [], changing = [], indexes = [] }: Shape): Promise<void> {
    // A server that writes a row anew beside the old one logs only what lies between the bytes that both begin and end with.
    const early = kind === "postgres" ? changing : [];
    const typeOf = (column: string) => (columns[column] === "text" ? text : integer);
    let table: CreateTableBuilder<string, string> = db.schema
      .createTable(name)
      .addColumn("tenant", text, (column) => column.notNull())
      .addColumn("id", text, (column) => column.notNull())
      .addColumn("rev", integer, (column) => column.notNull());
    for (const column of early) table = table.addColumn(column, typeOf(column));
    // Text, not jsonb: jsonb can hold neither NUL nor lone surrogates, and nothing asks inside.
    table = table.addColumn("data", "text", (column) => column.notNull());
    for (const column of Object.keys(columns)) if (!early.includes(column)) table = table.addColumn(column, typeOf(column));
    table = table.addPrimaryKeyConstraint(`${name}_pk`, ["tenant", "id"]);
    for (const column of unique) {
      // Deferrable constraints are looked at when the statement ends: a value may move from one row to another in it.
      table = table.addUniqueConstraint(`${name}_${column}_unique`, ["tenant", column], (constraint) =>
        kind === "postgres" ? constraint.deferrable().initiallyImmediate() : constraint,
      );
    }
    await table.execute();
    await keepInline(db, name, early.length > 0);
    for (const index of indexes) {
      const list = sql.join(["tenant", ...index].map((column) => sql.ref(column)));
      await sql`create index ${sql.ref(`${name}_by_${index.join("_")}`)} on ${sql.table(name)} (${list})`.execute(db);
    }
  }

  /** PostgreSQL would move longer texts to a table beside and back with each change. Room in the page takes the row's next version. */
  async function keepInline(db: Kysely<unknown>, table: string, withRoom = false): Promise<void> {
    if (kind !== "postgres") return;
    await sql`alter table ${sql.table(table)} set (toast_tuple_target = 8160)`.execute(db);
    if (withRoom) await sql`alter table ${sql.table(table)} set (fillfactor = 50)`.execute(db);
  }

  async function createRecord(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("record")
      .addColumn("tenant", text, (column) => column.notNull())
      .addColumn("seq", integer, (column) => column.notNull())
      .addColumn("at", integer, (column) => column.notNull())
      .addColumn("type", text, (column) => column.notNull())
      .addColumn("event", text)
      .addColumn("call_id", text)
      .addColumn("request_id", text)
      .addColumn("policy_id", text)
      .addColumn("principal", text)
      // The looked-up values as they are, where a column holds a stand-in; see store/column-text.ts.
      .addColumn("exact", "text")
      .addColumn("line", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("record_pk", ["tenant", "seq"])
      .execute();
    await keepInline(db, "record");
    await db.schema.createIndex("record_by_at").on("record").columns(["tenant", "at"]).execute();
    for (const column of RECORD_LOOKUPS) {
      const index = db.schema.createIndex(`record_by_${column}`).on("record").columns(["tenant", column, "seq"]);
      await index.where(sql.ref(column), "is not", null).execute();
    }
    await db.schema
      .createTable("record_head")
      .addColumn("tenant", text, (column) => column.primaryKey())
      .addColumn("seq", integer, (column) => column.notNull())
      .addColumn("hash", text, (column) => column.notNull())
      .addColumn("at", integer, (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("checkpoint")
      .addColumn("tenant", text, (column) => column.notNull())
      .addColumn("seq", integer, (column) => column.notNull())
      .addColumn("hash", text, (column) => column.notNull())
      .addColumn("at", integer, (column) => column.notNull())
      .addColumn("key_id", text, (column) => column.notNull())
      .addColumn("signature", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("checkpoint_pk", ["tenant", "seq", "key_id"])
      .execute();
  }

  /** The record grows and nothing else, whoever holds this connection. */
  async function freeze(db: Kysely<unknown>, table: string): Promise<void> {
    const refusal = `rows of ${table} are never changed`;
    if (kind === "sqlite") {
      for (const verb of ["update", "delete"]) {
        const name = sql.ref(`${table}_no_${verb}`);
        await sql`create trigger ${name} before ${sql.raw(verb)} on ${sql.table(table)} begin select raise(abort, ${sql.lit(refusal)}); end`.execute(db);
      }
      return;
    }
    const refuse = sql.ref(`${table}_refuse`);
    await sql`create function ${refuse}() returns trigger language plpgsql as ${sql.lit(`begin raise exception '${refusal}'; end`)}`.execute(db);
    await sql`create trigger ${sql.ref(`${table}_frozen`)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function ${refuse}()`.execute(db);
  }

  return {
    async up(db: Kysely<unknown>) {
      for (const [name, shape] of Object.entries(TABLES)) await createTable(db, name, shape);
      await createRecord(db);
      for (const table of ["record", "checkpoint"]) await freeze(db, table);
      await db.schema
        .createTable("installation")
        .addColumn("one", "integer", (column) => column.primaryKey().check(sql`one = 1`))
        .addColumn("id", text, (column) => column.notNull())
        .execute();
    },
  };
}
