/** The directory in which Countersign keeps what must outlive a process: per user, never the working directory. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;

/** `COUNTERSIGN_DIR`, else `$XDG_STATE_HOME/countersign` where that is absolute (XDG Base Directory 0.8), else `~/.local/state/countersign`. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const own = env["COUNTERSIGN_DIR"];
  if (own !== undefined && own !== "") return resolve(own);
  const state = env["XDG_STATE_HOME"];
  if (state !== undefined && isAbsolute(state)) return join(state, "countersign");
  return join(env["HOME"] ?? homedir(), ".local", "state", "countersign");
}

/** Makes a directory (0700) where there is none. Throws where others may write to it: they could replace the record. */
export function ensurePrivateDirectory(path: string): void {
  makeDirectory(path);
  if (process.platform === "win32") return; // no mode bits; the profile directory is the user's own
  const { mode, uid } = statSync(path);
  if ((mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new Error(`${path} is writable by other users, so the record in it proves nothing. Run: chmod go-w ${path}`);
  }
  const self = process.getuid?.();
  // Root may work for another user (a mounted volume); anyone else is exposed to the owner of the directory.
  if (self !== undefined && self !== 0 && uid !== self && uid !== 0) {
    throw new Error(`${path} belongs to another user (uid ${uid}). Set COUNTERSIGN_DIR to a directory of your own.`);
  }
}

/** One by one: where a parent takes no directories, as in /proc, Node's `recursive` tries for ever. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    const parent = dirname(path);
    if (parent === path || existsSync(parent)) throw error;
    makeDirectory(parent);
    makeDirectory(path);
  }
}

/** Makes the names in a directory durable: a synced file whose name is lost in a power cut is lost. */
export function syncDirectorySync(path: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
