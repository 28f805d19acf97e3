/**
 * What a commit on PostgreSQL consists of, as functions in the database: one moves the head, one writes rows of the record, one
 * for each table changes its rows. The server plans what is in them once per connection. Each is handed the answer of the one
 * before, and does nothing unless that is "ok". Their names tell what is in them, so that instances of two versions can work on
 * one database. Made by postgres-store.ts when it opens, called by postgres-statement.ts.
 */
import { hash } from "node:crypto";
import type { Pool } from "pg";
import { columnNames, RECORD_COLUMNS } from "./stored-row.ts";
import { TABLES, type TableName } from "./tables.ts";

/** Milliseconds on the store's clock: the server's, which is never stepped back behind a commit. */
export const CLOCK = "floor(extract(epoch from clock_timestamp()) * 1000)::bigint";
export const CHANNEL = "countersign_commit";

/** Errors that our functions raise, so that all of the commit is taken back. */
export const CONFLICT = "CSCON";
export const LATE = "CSLAT";

const HEAD = `(p_tenant text, p_after bigint, p_after_hash text, p_seq bigint, p_hash text, p_before bigint) returns text language plpgsql as $$
declare
  moved_at bigint;
begin
  if p_after = 0 then
    insert into record_head as h (tenant, seq, hash, at) values (p_tenant, p_seq, p_hash, ${CLOCK})
      on conflict (tenant) do update set seq = excluded.seq, hash = excluded.hash, at = greatest(h.at, ${CLOCK}) where h.seq = 0 and h.hash = p_after_hash
      returning h.at into moved_at;
  else
    update record_head h set seq = p_seq, hash = p_hash, at = greatest(h.at, ${CLOCK})
      where h.tenant = p_tenant and h.seq = p_after and h.hash = p_after_hash returning h.at into moved_at;
  end if;
  if moved_at is null then return 'conflict'; end if;
  if moved_at >= p_before then raise exception 'the time is over' using errcode = '${LATE}'; end if;
  return 'ok';
end $$`;

const RECORD_TYPES: { readonly [column: string]: string } = { seq: "bigint", at: "bigint" };

type Size = "one" | "many";

/** Written last, so that the time is looked at when all else is done. */
function recordFunction(size: Size): string {
  const { parameters, columns, names } = columnsOf(RECORD_COLUMNS, (name) => RECORD_TYPES[name] ?? "text", size);
  const source = size === "one" ? `values (p_tenant, ${names})` : `select p_tenant, r.* from unnest(${names}) r`;
  return `(p_answer text, p_tenant text, p_before bigint, p_told text, ${parameters}) returns text language plpgsql as $$
begin
  if p_answer <> 'ok' then return p_answer; end if;
  insert into record (tenant, ${columns}) ${source};
  if p_told is not null then perform pg_notify('${CHANNEL}', p_told); end if;
  if ${CLOCK} >= p_before then raise exception 'the time is over' using errcode = '${LATE}'; end if;
  return 'ok';
end $$`;
}

/** One row is written from plain parameters, which is the fastest there is; more of them from a list for each column. */
function tableFunction(table: TableName, size: Size): string {
  const all = ["data", ...columnNames(table)];
  const typeOf = (name: string): string => (TABLES[table].columns[name]?.type === "integer" ? "bigint" : "text");
  const { parameters, columns, names } = columnsOf(all, typeOf, size);
  const list = size === "one" ? "" : "[]";
  const set = (of: string): string => ["rev = t.rev + 1", ...all.map((name) => `${name} = ${of}${name}`)].join(", ");
  // Each of several rows is looked up by its key: left to itself, a planner that has no statistics yet reads the whole table.
  const place = (source: string): string => `${source}, lateral (select f.ctid from ${table} f where f.tenant = p_tenant and f.id = c.id and f.rev = c.rev offset 0) as place where t.ctid = place.ctid`;
  const [insert, update, gone] =
    size === "one"
      ? [`values (p_tenant, p_id, 1, ${names})`, `${set("p_")} where t.tenant = p_tenant and t.id = p_id and t.rev = p_rev`, "where t.tenant = p_tenant and t.id = p_id and t.rev = p_rev"]
      : [
          `select p_tenant, c.id, 1, ${all.map((name) => `c.${name}`).join(", ")} from unnest(p_id, ${names}) as c(id, ${columns})`,
          `${set("c.")} from ${place(`unnest(p_id, p_rev, ${names}) as c(id, rev, ${columns})`)}`,
          `using ${place("unnest(p_id, p_rev) as c(id, rev)")}`,
        ];
  return `(p_answer text, p_verb text, p_tenant text, p_id text${list}, p_rev bigint${list}, ${parameters}) returns text language plpgsql as $$
declare
  changed int;
begin
  if p_answer <> 'ok' then return p_answer; end if;
  if p_verb = 'update' then
    update ${table} t set ${update};
  elsif p_verb = 'insert' then
    insert into ${table} (tenant, id, rev, ${columns}) ${insert};
  else
    delete from ${table} t ${gone};
  end if;
  get diagnostics changed = row_count;
  if changed <> ${size === "one" ? "1" : "cardinality(p_id)"} then raise exception 'rows of ${table} have changed' using errcode = '${CONFLICT}'; end if;
  return 'ok';
end $$`;
}

function columnsOf(names: readonly string[], typeOf: (name: string) => string, size: Size) {
  const list = size === "one" ? "" : "[]";
  return {
    columns: names.join(", "),
    names: names.map((name) => `p_${name}`).join(", "),
    parameters: names.map((name) => `p_${name} ${typeOf(name)}${list}`).join(", "),
  };
}

const TABLE_NAMES = Object.keys(TABLES) as TableName[]; // its own keys
const BODIES: { readonly [about: string]: string } = {
  head: HEAD,
  ...Object.fromEntries((["one", "many"] as const).flatMap((size) => [[`record_${size}`, recordFunction(size)], ...TABLE_NAMES.map((table) => [`${table}_${size}`, tableFunction(table, size)])])),
};

function nameOf(about: string, body: string): string {
  return `countersign_${about}_${hash("sha256", body, "hex").slice(0, 12)}`;
}

/** Names of functions: `head`, then for one row and for many `record_one`, `approval_many` and so on. */
export const FUNCTIONS: { readonly [about: string]: string } = Object.fromEntries(Object.entries(BODIES).map(([about, body]) => [about, nameOf(about, body)]));

/** Makes those that are not there yet. Of instances that open at once the later ones wait, and find them made. */
export async function makeFunctions(pool: Pool): Promise<void> {
  const names = Object.values(FUNCTIONS);
  const found = await pool.query<{ count: number }>("select count(*)::int as count from pg_proc where proname = any($1) and pronamespace = (select oid from pg_namespace where nspname = current_schema())", [names]);
  if (found.rows[0]?.count === names.length) return;
  const texts = Object.entries(BODIES).map(([about, body]) => `create or replace function ${FUNCTIONS[about]}${body}`);
  await pool.query(["begin", "lock table installation in exclusive mode", ...texts, "commit"].join(";\n"));
}
