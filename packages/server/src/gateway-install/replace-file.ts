/**
 * A file of another program, replaced as a whole or not at all: a copy beside it, a new file written and synced, the old one looked
 * at once more, then one rename. Whatever ends the process in between leaves the file as it was. It follows links to the file
 * itself, and keeps its mode and owner. Called by the commands.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, closeSync, fsyncSync, openSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeSync, type Stats } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A file as it was when it was read. */
export interface Snapshot {
  /** As it was named. */
  readonly path: string;
  /** What the name leads to. */
  readonly target: string;
  readonly bytes: Buffer;
  readonly stats: Stats;
}

export type Taken = { readonly kind: "taken"; readonly snapshot: Snapshot } | { readonly kind: "absent" } | { readonly kind: "refused"; readonly why: string };

export type Replaced = { readonly ok: true; readonly copy: string } | { readonly ok: false; readonly changed: boolean; readonly why: string };

export const CHANGES = ["install", "uninstall"] as const;
export type ChangeName = (typeof CHANGES)[number];

/** More than any configuration of a person, less than what would fill the memory. */
const MAX_BYTES = 64 * 1024 * 1024;
const PRIVATE = 0o600;

export function takeSnapshot(path: string): Taken {
  try {
    const target = realpathSync(path);
    const stats = statSync(target);
    if (!stats.isFile()) return { kind: "refused", why: "it is no file" };
    if (stats.size > MAX_BYTES) return { kind: "refused", why: "it is larger than 64 MiB" };
    return { kind: "taken", snapshot: { path, target, bytes: readFileSync(target), stats } };
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    return { kind: "refused", why: code === "EACCES" || code === "EPERM" ? "you may not read it" : `it cannot be read (${code})` };
  }
}

/** `beforeRename` is for tests that end the process there. */
export function replaceFile({ path, target, bytes: before, stats }: Snapshot, bytes: Buffer, change: ChangeName, now: number, beforeRename: () => void = () => {}): Replaced {
  if (stats.nlink > 1) return refused("it has a second name (a hard link), which would be left behind. Make one of them a symbolic link");
  const folder = dirname(target);
  removeLeftBehind(folder, basename(target));
  const beside = join(folder, `.${basename(target)}.countersign-${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  let copy: string | undefined;
  try {
    copy = writeCopy(target, before, change, now);
    writeDurably(beside, bytes);
    takeOver(beside, stats);
    beforeRename();
    if (realpathSync(path) !== target || !readFileSync(target).equals(before)) {
      discard(beside, copy);
      return { ok: false, changed: true, why: "it was changed by somebody else meanwhile. Nothing was written; look again" };
    }
    renameSync(beside, target);
  } catch (error) {
    discard(beside, copy);
    return refused(whyNotWritten(codeOf(error), folder));
  }
  syncFolder(folder);
  return { ok: true, copy };
}

function refused(why: string): Replaced {
  return { ok: false, changed: false, why };
}

function discard(...paths: readonly (string | undefined)[]): void {
  for (const path of paths) if (path !== undefined) rmSync(path, { force: true });
}

function whyNotWritten(code: string, folder: string): string {
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") return `you may not write in ${folder}, or another program holds the file open. Nothing was changed`;
  if (code === "EBUSY") return "another program holds it open. End that program, and run this again. Nothing was changed";
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full. Nothing was changed";
  return `it cannot be written (${code}). Nothing was changed`;
}

/** Newest last. */
export function copiesOf(target: string, change: ChangeName): readonly string[] {
  const start = `${basename(target)}.countersign-${change}-`;
  return readdirSync(dirname(target))
    .filter((name) => name.startsWith(start) && name.endsWith(".bak"))
    .toSorted()
    .map((name) => join(dirname(target), name));
}

/** For its owner's eyes only, whatever the mode of the file: there may be secrets in it. */
function writeCopy(target: string, bytes: Buffer, change: ChangeName, now: number): string {
  for (let moment = now; ; moment += 1) {
    const path = `${target}.countersign-${change}-${new Date(moment).toISOString().replaceAll(/[-:.]/g, "")}.bak`;
    try {
      writeDurably(path, bytes);
      return path;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
}

function writeDurably(path: string, bytes: Buffer): void {
  const file = openSync(path, "wx", PRIVATE);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Owner before mode: changing the owner may drop bits of the mode. */
function takeOver(path: string, { mode, uid, gid }: Stats): void {
  if (process.platform === "win32") return;
  const own = statSync(path);
  if (own.uid !== uid || own.gid !== gid) chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
}

/** What a process that was killed did not get to rename. Of one that runs, nothing is taken. */
function removeLeftBehind(folder: string, name: string): void {
  const start = `.${name}.countersign-`;
  for (const found of readdirSync(folder)) {
    const pid = found.startsWith(start) ? /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(found.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(folder, found), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/** So that the rename outlives a loss of power. Where folders cannot be opened, there is nothing to do. */
function syncFolder(folder: string): void {
  try {
    const opened = openSync(folder, "r");
    try {
      fsyncSync(opened);
    } finally {
      closeSync(opened);
    }
  } catch {
    // The file itself is written and synced.
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
