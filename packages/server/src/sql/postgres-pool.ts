/**
 * Connections to PostgreSQL that never hang: a call is answered or fails within its time, whatever has happened to the server
 * or the network in between. Called by store/postgres-store.ts alone.
 */
import { Client, Pool, types, type ClientConfig, type PoolClient, type QueryConfig } from "pg";
import { StoreError } from "./store-error.ts";

export interface PostgresPoolOptions {
  readonly url: string;
  /** Time for a call in milliseconds, waiting for a connection included. Default 2,000. */
  readonly timeoutMs?: number;
  /** Most connections at a time. Default 10. */
  readonly connections?: number;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Prepared once per connection under this name. */
  readonly name?: string;
}

/** One connection, held. */
export interface HeldConnection {
  /** Sent at once, also while earlier ones are not answered: they are answered in order. */
  query<T>(statement: Statement): Promise<readonly T[]>;
}

export interface PostgresPool {
  /** `repeatable`: asked again on another connection, once, where the connection broke. For what changes nothing. */
  query<T>(statement: Statement, options?: { readonly repeatable?: boolean }): Promise<readonly T[]>;
  /** Keeps a connection while `work` runs, all of it in the time of one call; it is closed where the work throws. */
  hold<T>(work: (connection: HeldConnection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const INT8 = 20;
const CLOSING_MS = 1_000;
/** For what may take its time: a change of the schema, a page of a backup. */
export const SLOWEST_MS = 60_000;

/** Reads bigint as a number, and refuses what a number cannot say. */
const PARSERS = {
  getTypeParser: ((oid: number, format?: "text" | "binary") => (oid === INT8 ? wholeNumber : types.getTypeParser(oid, format ?? "text"))) as typeof types.getTypeParser, // its overloads
};

/** What every connection of ours is made with. */
export function connectionConfig(url: string): ClientConfig {
  return { connectionString: url, application_name: "countersign", keepAlive: true, types: PARSERS };
}

export function openPostgresPool({ url, timeoutMs = 2_000, connections = 10 }: PostgresPoolOptions): PostgresPool {
  const pool = new Pool({
    ...connectionConfig(url),
    pipeline: true,
    max: connections,
    connectionTimeoutMillis: Math.ceil(timeoutMs / 2),
    statement_timeout: timeoutMs,
    // Whoever dies while it holds the head's lock keeps others waiting this long.
    idle_in_transaction_session_timeout: timeoutMs,
    idleTimeoutMillis: 60_000,
  });
  const clients = new Set<Client>();
  pool.on("connect", (client) => {
    clients.add(client);
    client.on("end", () => clients.delete(client));
  });
  // An idle connection broke: the pool has dropped it, and the next call makes another.
  pool.on("error", () => {});

  const deadline = (): (() => number) => {
    const until = performance.now() + timeoutMs;
    return () => Math.max(1, Math.ceil(until - performance.now()));
  };
  const withClient = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect().catch((error: unknown) => {
      throw unavailable(error, false);
    });
    const ignore = () => {};
    client.on("error", ignore);
    let broken = true;
    try {
      const result = await work(client);
      broken = false;
      return result;
    } catch (error) {
      // The server answered, so the connection is whole; unless that was the last thing it said on it.
      broken = isLast(sqlState(error));
      throw error;
    } finally {
      client.off("error", ignore);
      // A goodbye would wait for a server that does not answer.
      if (broken) client.connection.stream.destroy();
      client.release(broken);
    }
  };

  const once = <T>(statement: Statement, left: () => number) => withClient((client) => ask<T>(client, statement, left()));
  return {
    async query(statement, { repeatable = false } = {}) {
      const left = deadline();
      try {
        return await once(statement, left);
      } catch (error) {
        if (!repeatable || !isBroken(error)) throw translated(error);
        return once<never>(statement, left).catch((second: unknown) => {
          throw translated(second);
        });
      }
    },

    async hold(work) {
      const left = deadline();
      return withClient((client) => {
        const query = <T>(statement: Statement) =>
          ask<T>(client, statement, left()).catch((error: unknown) => {
            throw translated(error);
          });
        return endWhole(client, work({ query }));
      });
    },

    async close() {
      let late: NodeJS.Timeout | undefined;
      const tooLong = new Promise<void>((resolve) => {
        late = setTimeout(resolve, CLOSING_MS);
      });
      await Promise.race([pool.end(), tooLong]);
      clearTimeout(late);
      for (const client of clients) client.connection.stream.destroy();
    },
  };
}

/** A connection of its own, for what may take its time. */
export async function connectPostgres(url: string, timeoutMs = 2_000): Promise<Client> {
  const client = new Client({ ...connectionConfig(url), connectionTimeoutMillis: timeoutMs, query_timeout: SLOWEST_MS });
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw unavailable(error, false);
  }
}

/** The code of an error that the server sent (SQLSTATE). */
export function sqlState(error: unknown): string | undefined {
  // Other errors of Node have codes too, such as ECONNREFUSED.
  if (!(error instanceof Error) || !("code" in error) || !("severity" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

async function ask<T>(client: Client, { text, values, name }: Statement, timeoutMs: number): Promise<readonly T[]> {
  // `query_timeout` of one query is read by pg and missing from its types. Rows look as the statement says.
  const config = { text, values, query_timeout: timeoutMs, ...(name === undefined ? {} : { name }) } as unknown as QueryConfig;
  return (await client.query(config)).rows as readonly T[];
}

/** A transaction that was left open must not meet the next user of the connection. */
async function endWhole<T>(client: Client, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    if (client.getTransactionStatus() !== "I") client.connection.stream.destroy();
  }
}

function isBroken(error: unknown): boolean {
  return !(error instanceof StoreError) && error instanceof Error && !isTimeout(error) && isLast(sqlState(error));
}

/** Whether a connection ends with it: no code, for nothing was said any more; it is shut down; it is no connection; it idled in a transaction. */
function isLast(state: string | undefined): boolean {
  return state === undefined || /^(57P|08|25P03)/.test(state);
}

/** What the server refused for good stays as it is; the rest is a store that is not there. */
function translated(error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const state = sqlState(error);
  // 57014: the statement ran out of time and was taken back. 53, 58, 55P03: full, broken or locked; taken back as well.
  if (state === "57014" || state === "55P03" || /^(53|58|25P03)/.test(state ?? "")) return unavailable(error, false);
  if (state === undefined || /^(08|57P|XX)/.test(state)) return unavailable(error, true);
  return error;
}

function isTimeout(error: Error): boolean {
  return error.message === "Query read timeout";
}

function unavailable(error: unknown, maybeWritten: boolean): StoreError {
  const why = error instanceof Error ? error.message : String(error);
  return new StoreError("store_unavailable", `PostgreSQL did not answer: ${why}`, { cause: error, maybeWritten });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond 2^53`);
  return value;
}
