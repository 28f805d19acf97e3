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

/** Longer than anybody looks at it. */
const LOOK_MS = 250;

/** Undefined where another process holds it, after `lookMs`, during which nothing else happens in this one. Throws where the directory cannot be written. */
export function lockStateDirectory(directory: string, lookMs = LOOK_MS): StateLock | undefined {
  const path = join(directory, "lock");
  closeSync(openSync(path, "a", 0o600)); // SQLite would make it readable by others
  const file = new Database(path, { timeout: lookMs });
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

/** Whether a process holds the lock now. Only looks: whoever starts at this moment waits a moment for it. */
export function isLocked(directory: string): boolean {
  let file: Database.Database;
  try {
    file = new Database(join(directory, "lock"), { readonly: true, fileMustExist: true, timeout: 0 });
  } catch {
    return false; // never started, or not ours to read
  }
  try {
    file.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
  } finally {
    file.close();
  }
}
