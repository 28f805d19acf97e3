/**
 * Exactly one control plane owns a state directory. The lock is the operating system's own, through a SQLite file that is held
 * in an exclusive transaction: it ends with its process, however that ends, and no stale file can be mistaken for it.
 */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";

export interface StateLock {
  /** Idempotent. */
  release(): void;
}

/** Undefined where another process holds it. Throws where the directory cannot be written. */
export function lockStateDirectory(directory: string): StateLock | undefined {
  const path = join(directory, "lock");
  closeSync(openSync(path, "a", 0o600)); // SQLite would make it readable by others
  const file = new Database(path, { timeout: 0 });
  try {
    file.pragma("journal_mode = DELETE");
    file.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    file.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) return undefined;
    throw error;
  }
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      file.exec("ROLLBACK");
      file.close();
    },
  };
}
