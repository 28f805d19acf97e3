/**
 * Brings a database to the schema of this program, all in one transaction, and refuses one that is further than that: an old
 * program must not write where a newer one keeps what it does not know. Called by the stores when they open.
 */
import { sql, type Kysely } from "kysely";
import { Migrator, type Migration } from "kysely/migration";
import type { DatabaseKind } from "./database-kind.ts";
import { first } from "./migration/0001-first.ts";
import { phase } from "./migration/0002-phase.ts";
import { StoreError } from "./store-error.ts";

export interface NamedMigration {
  /** Sorts after all before it. */
  readonly name: string;
  readonly make: (kind: DatabaseKind) => Migration;
}

/** In order. Only ever appended to. */
export const MIGRATIONS: readonly NamedMigration[] = [{ name: "0001_first", make: first }, { name: "0002_phase", make: phase }];

const MIGRATION_TABLE = "schema_migration";

export async function migrate(db: Kysely<unknown>, kind: DatabaseKind, migrations: readonly NamedMigration[] = MIGRATIONS): Promise<void> {
  const known = new Set(migrations.map(({ name }) => name));
  const schema = kind === "postgres" ? await schemaOf(db) : undefined;
  const done = await doneMigrations(db, schema);
  const unknown = done.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new StoreError("store_newer", `this store was changed by a newer version of Countersign (${unknown}); run that version, or restore a backup`);
  }
  if (done.length === known.size) return;
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => Object.fromEntries(migrations.map(({ name, make }) => [name, make(kind)])) },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: `${MIGRATION_TABLE}_lock`,
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw new StoreError("store_unusable", "the store's schema could not be brought up to date", { cause: error });
}

/** Where statements of ours find the tables, or make them: other schemas of the database may hold another installation, or tables of that name. */
async function schemaOf(db: Kysely<unknown>): Promise<string | undefined> {
  const found = await sql<{ schema: string | null }>`select coalesce((select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass(${MIGRATION_TABLE})), current_schema()) as schema`.execute(db);
  return found.rows[0]?.schema ?? undefined;
}

async function doneMigrations(db: Kysely<unknown>, schema: string | undefined): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === MIGRATION_TABLE && (schema === undefined || table.schema === schema))) return [];
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(MIGRATION_TABLE)}`.execute(db);
  return rows.map(({ name }) => name);
}
