/**
 * Whether a database, and the way to it, keep what the store promises: what is acknowledged survives a power cut, else an approved call
 * could run twice; every text can be stored, else a call with such a letter would be refused, and all that is committed with it; and the
 * server's own limits free the head where an instance is cut off that holds it. Asked by postgres-store.ts before anything is written.
 */
import type { Pool } from "pg";
import { SLOWEST_MS } from "../sql/postgres-pool.ts";
import { StoreError } from "../sql/store-error.ts";

/** What the connection that is asked is made with. Poolers in between may be told to ignore such things. */
export const LIMITS = Object.freeze({ statement_timeout: SLOWEST_MS, idle_in_transaction_session_timeout: SLOWEST_MS });

const UNFIT = `select name, setting from pg_settings where (name in ('fsync', 'full_page_writes') and setting = 'off')
  or (name = 'synchronous_commit' and setting in ('off', 'local'))
  or (name = 'server_encoding' and setting <> 'UTF8')
  or (name = any($1) and setting <> '${SLOWEST_MS}')
  order by name`;

export async function assertFit(pool: Pool): Promise<void> {
  const limits = Object.keys(LIMITS);
  const { rows } = await pool.query<{ name: string; setting: string }>(UNFIT, [limits]);
  if (rows.length === 0) return;
  const encoding = rows.find(({ name }) => name === "server_encoding");
  if (encoding !== undefined) throw new StoreError("store_unusable", `the database has the encoding ${encoding.setting}, which cannot hold every text; make it with UTF8`);
  const dropped = rows.find(({ name }) => limits.includes(name));
  if (dropped !== undefined) throw new StoreError("store_unusable", `a pooler on the way to PostgreSQL drops the limits of a connection (${dropped.name}); give the address of the server itself`);
  throw new StoreError("store_not_durable", `PostgreSQL is set to lose commits in a power cut (${rows.map(({ name }) => name).join(", ")}); set it to on`);
}
