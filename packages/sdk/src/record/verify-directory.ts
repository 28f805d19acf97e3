import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseRecordFileName } from "./record-file-name.ts";
import { detailOf } from "./row-check.ts";
import type { CheckedRow } from "./row-check.ts";
import type { RecordHead } from "./row.ts";
import { verifyRecordFile } from "./verify-record.ts";
import type { RecordProblem, Verification } from "./verify-record.ts";

export interface DirectoryVerification {
  readonly ok: boolean;
  /** By start. */
  readonly files: readonly Verification[];
  readonly problems: readonly RecordProblem[];
  /** Files without a closing row that no later file speaks of: their processes still run, or ended and nobody has looked yet. */
  readonly open: readonly string[];
}

export interface VerifyDirectoryOptions {
  /** Known heads by file name, kept elsewhere. */
  readonly heads?: ReadonlyMap<string, RecordHead>;
  /** Files that sort before this name may be missing: they were archived or are past their retention. */
  readonly since?: string;
  readonly signal?: AbortSignal;
}

/**
 * Verifies every record file of a directory, and between them: each ended file is named, with its last row, in a later one, so a
 * file that was deleted, cut or rewritten since shows without any head kept elsewhere. The newest files have nobody after them.
 */
export async function verifyRecordDirectory(directory: string, options: VerifyDirectoryOptions = {}): Promise<DirectoryVerification> {
  const names = (await readdir(directory)).filter((file) => parseRecordFileName(file) !== undefined).toSorted();
  const named = new Map<string, RecordHead>();
  const opened = new Map<string, string>();
  const first: Verification[] = [];
  for (const file of names) {
    const onRow = (row: CheckedRow): void => noteMention(row, file, named, opened);
    first.push(await verifyRecordFile(join(directory, file), { ...kept(options, file), onRow }));
  }
  const files: Verification[] = [];
  for (const verification of first) files.push(await withNamedHead(directory, verification, named.get(verification.file), options));
  const problems = files.flatMap((verification) => verification.problems);
  problems.push(...renamed(opened), ...missing(names, named, options));
  return {
    ok: problems.length === 0,
    files,
    problems,
    open: files.filter(({ closed, file, ok }) => ok && !closed && !named.has(file)).map(({ file }) => file),
  };
}

function kept({ heads, signal }: VerifyDirectoryOptions, file: string) {
  const head = heads?.get(file);
  return { ...(head === undefined ? {} : { head }), ...(signal === undefined ? {} : { signal }) };
}

/** A second reading, against the row that a later file names. Skipped where the file ends in that very row, as nearly always. */
async function withNamedHead(directory: string, verification: Verification, named: RecordHead | undefined, options: VerifyDirectoryOptions) {
  if (!verification.ok || named === undefined || named.hash === verification.head.hash) return verification;
  const { signal } = kept(options, verification.file);
  return verifyRecordFile(join(directory, verification.file), { head: named, ...(signal === undefined ? {} : { signal }) });
}

function noteMention({ body }: CheckedRow, file: string, named: Map<string, RecordHead>, opened: Map<string, string>): void {
  const detail = detailOf(body);
  const name = detail["file"];
  if (typeof name !== "string") return;
  const { event } = body;
  if (event === "record_opened") opened.set(file, name);
  if (event !== "gap" && event !== "record_linked") return;
  const { seq, hash } = detail;
  if (typeof seq === "number" && typeof hash === "string") named.set(name, { seq, hash });
}

function renamed(opened: ReadonlyMap<string, string>): RecordProblem[] {
  return [...opened]
    .filter(([file, own]) => file !== own)
    .map(([file, own]) => ({ code: "file_renamed", file, line: 1, message: `This file says that it is ${own}: it was renamed or put in another's place.` }));
}

function missing(names: readonly string[], named: ReadonlyMap<string, RecordHead>, { since = "" }: VerifyDirectoryOptions): RecordProblem[] {
  return [...named.keys()]
    .filter((file) => file >= since && !names.includes(file))
    .map((file) => ({ code: "file_missing", file, line: 0, message: "A later record names this file, and it is not there." }));
}
