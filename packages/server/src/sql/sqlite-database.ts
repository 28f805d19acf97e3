/**
 * Opens an SQLite file so that what is committed stays: WAL, every commit on disk before it is acknowledged, private modes.
 * Called by store/sqlite-store.ts alone.
 */
import { chmodSync, closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Database } from "better-sqlite3";
import { ensurePrivateDirectory, syncDirectorySync } from "@countersign/sdk/record";
import { StoreError } from "./store-error.ts";

/** How long a write waits for another process's in milliseconds. */
const BUSY_TIMEOUT_MS = 1_500;

export interface OpenSqliteOptions {
  /** Opens what is there and writes nothing. */
  readonly readOnly?: boolean;
}

export async function openSqliteDatabase(path: string, options: OpenSqliteOptions = {}): Promise<Database> {
  refuseOldNode(process.versions);
  // Only now: an older Node ends without a word where this is loaded.
  const { default: Sqlite } = await import("better-sqlite3");
  const readOnly = options.readOnly ?? false;
  if (!readOnly) makePrivate(path);
  try {
    const database = new Sqlite(path, { readonly: readOnly, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    try {
      database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (!readOnly) database.pragma("journal_mode = WAL");
      // The driver's default in WAL is NORMAL, which loses acknowledged commits in a power cut.
      database.pragma("synchronous = FULL");
      database.pragma("foreign_keys = ON");
      database.pragma("trusted_schema = OFF");
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (error) {
    throw new StoreError("store_unavailable", `the store ${path} cannot be opened`, { cause: error });
  }
}

/** better-sqlite3 needs Node-API 10: Node 22.14 and later of the 22 line, and all lines after it. */
export function refuseOldNode(versions: { readonly node: string; readonly napi?: string | undefined }): void {
  if (Number(versions.napi ?? 0) >= 10) return;
  throw new StoreError("node_too_old", `the embedded store needs Node 22.15 or later; this is Node ${versions.node}`);
}

/** The folder 0700 where we make it and never one that others may write to, the file 0600 always; SQLite gives the files beside it the same mode. */
function makePrivate(path: string): void {
  try {
    const folder = dirname(path);
    ensurePrivateDirectory(folder);
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    // A file whose name a power cut erases is lost, however often it was synced.
    for (const each of [folder, dirname(folder)]) syncDirectorySync(each);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreError("store_unavailable", `the store ${path} cannot be written: ${why}`, { cause: error });
  }
}
