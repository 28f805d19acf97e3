/** What is read and committed on PostgreSQL while one connection holds the head's lock. Called by postgres-store.ts. */
import type { RecordHead } from "@countersign/sdk/record";
import type { HeldConnection } from "../sql/postgres-pool.ts";
import { StoreError } from "../sql/store-error.ts";
import { readHead, readKeys, readLines, readWhole, type Ask } from "./postgres-reads.ts";
import { commitStatement, refused, resultOf, type CommitRow } from "./postgres-statement.ts";
import type { AloneWith, CommitResult, Key, RecordLine, RecordQuery, Snapshot, WriteSet } from "./store.ts";
import { assertWriteSet } from "./stored-row.ts";
import type { TableName } from "./tables.ts";

/** The transaction begins with it: a refused commit goes back to here and keeps the lock. */
export const KEEP = "savepoint decided";

/** A commit that succeeds is kept at once, and ends it. */
export class AloneStore implements AloneWith {
  readonly #connection: HeldConnection;
  readonly #sender: string | undefined;
  ended = false;

  constructor(connection: HeldConnection, sender: string | undefined) {
    this.#connection = connection;
    this.#sender = sender;
  }

  async readHead(tenant: string): Promise<RecordHead> {
    return readHead(this.#ask, tenant);
  }

  async read(tenant: string, keys: readonly Key[], newsAfter?: number): Promise<Snapshot> {
    return readKeys(this.#ask, tenant, keys, newsAfter);
  }

  async readTables(tenant: string, tables: readonly TableName[]): Promise<Snapshot> {
    return readWhole(this.#ask, tenant, tables);
  }

  async readRecord(query: RecordQuery): Promise<readonly RecordLine[]> {
    return readLines(this.#ask, query);
  }

  async commit(set: WriteSet): Promise<CommitResult> {
    assertWriteSet(set);
    try {
      const result = resultOf(await this.#ask<CommitRow>(commitStatement(set, this.#sender)));
      if (!result.ok) return result;
      this.ended = true;
      await this.#connection.query({ text: "commit", values: [] });
      return result;
    } catch (error) {
      const result = refused(error);
      await this.#ask({ text: `rollback to ${KEEP}`, values: [] }); // which is there still
      return result;
    }
  }

  readonly #ask: Ask = async (statement) => {
    if (this.ended) throw new StoreError("store_closed", "the commit has been made, and others may commit again");
    return this.#connection.query(statement);
  };
}
