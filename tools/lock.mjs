// One set-up at a time: a lock that is a directory, because mkdir either makes it or fails, on every file system.
// A lock whose processes are gone is removed; two waiters that see this at once cannot remove each other's new lock.
// Plain JavaScript for any Node >= 18: this runs before anything is installed.
import { appendFileSync, mkdirSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const POLL_MS = 200;
/** No set-up takes this long, so an older lock belongs to a process id that was given to somebody else. */
const OLDEST_LOCK_MS = 30 * 60_000;
/** Between mkdir and the pid file, and while a stale lock is being removed, a few milliseconds pass; not seconds. */
const UNFINISHED_MS = 10_000;

/**
 * Makes the lock last as long as this process too: an `npm ci` goes on when whoever started it is killed.
 * @typedef {(pid: number) => void} Hold
 */

/**
 * Runs `work` while holding the lock directory `path`; waits for another holder as long as that one lives.
 * @template T
 * @param {string} path
 * @param {(holder: string) => void} onWait called once if somebody else holds the lock
 * @param {(hold: Hold) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!take(path)) {
    if (isStale(path)) {
      breakStale(path);
      continue;
    }
    if (!told) onWait(holdersOf(path).join(", ") || "unknown");
    told = true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  try {
    return await work((pid) => appendFileSync(join(path, "pid"), `${pid}\n`));
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** @param {string} path */
function take(path) {
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(path, "pid"), `${process.pid}\n`);
  return true;
}

/** @param {string} path */
function holdersOf(path) {
  try {
    return readFileSync(join(path, "pid"), "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** @param {string} path */
function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** @param {string} path */
function isStale(path) {
  const holders = holdersOf(path);
  if (holders.length === 0) return ageMs(path) > UNFINISHED_MS;
  return ageMs(path) > OLDEST_LOCK_MS || !holders.some(isAlive);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

// Checked again under a second directory: otherwise two waiters see the same dead holder, the first removes the lock
// and takes it anew, and the second removes that one.
/** @param {string} path */
function breakStale(path) {
  const breaker = `${path}.break`;
  try {
    mkdirSync(breaker);
  } catch {
    if (ageMs(breaker) > UNFINISHED_MS) rmSync(breaker, { recursive: true, force: true });
    return;
  }
  try {
    if (isStale(path)) rmSync(path, { recursive: true, force: true });
  } finally {
    rmdirSync(breaker);
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
