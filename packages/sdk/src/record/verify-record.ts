/**
 * The off-line verifier: needs the file alone, or the file and a head that was kept elsewhere.
 * Without a head it finds every change that does not recompute all hashes from there to the end; with one, also that and a tail
 * that was cut, up to the head. A row torn by a crash is reported apart from tampering. Called by auditors and look-back.ts.
 */
import { basename } from "node:path";
import { readLines, splitLines } from "./record-lines.ts";
import type { Lines } from "./record-lines.ts";
import { isRowProblem, RowChecker } from "./row-check.ts";
import type { CheckedRow, RowProblemCode } from "./row-check.ts";
import type { RecordHead } from "./row.ts";

export interface RecordProblem {
  readonly code: RowProblemCode | "head_missing" | "head_differs" | "file_missing" | "file_renamed";
  readonly file: string;
  /** Counts from 1; 0 where no line is to blame. */
  readonly line: number;
  readonly message: string;
}

export interface Verification {
  /** No problem was found. A torn last row is none. */
  readonly ok: boolean;
  readonly file: string;
  /** Rows before the first problem. */
  readonly rows: number;
  readonly head: RecordHead;
  /** The record ends in its closing row. */
  readonly closed: boolean;
  /** The file ends in a row that was never finished, as after a crash; it was never acknowledged. */
  readonly torn: { readonly line: number; readonly bytes: number } | undefined;
  /** At most one per file: behind the first, nothing can be told. */
  readonly problems: readonly RecordProblem[];
}

export interface VerifyOptions {
  /** A row known to have been written, from `head()` or a checkpoint kept elsewhere. */
  readonly head?: RecordHead;
  /** The row before the first, where not the whole record is given. */
  readonly after?: RecordHead;
  readonly signal?: AbortSignal;
  /** Told of every row that is right, in order. */
  readonly onRow?: (row: CheckedRow) => void;
}

/** Verifies a record that is in memory. Text is taken as UTF-8; give bytes where you have them. */
export function verifyRecord(record: string | Uint8Array, options: VerifyOptions = {}): Verification {
  const bytes = typeof record === "string" ? Buffer.from(record, "utf8") : Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  const run = new VerificationRun("", options);
  run.take(splitLines(bytes));
  return run.end();
}

/** Verifies a record file in little memory. Rejects where it cannot be read. */
export async function verifyRecordFile(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const run = new VerificationRun(basename(path), options);
  for await (const lines of readLines(path, options.signal)) {
    if (!run.take(lines)) break;
  }
  return run.end();
}

class VerificationRun {
  readonly #file: string;
  readonly #options: VerifyOptions;
  readonly #checker: RowChecker;
  readonly #firstSeq: number;
  #line = 0;
  #rows = 0;
  #sawHead = false;
  #torn: Verification["torn"];
  #problem: RecordProblem | undefined;

  constructor(file: string, options: VerifyOptions) {
    this.#file = file;
    this.#options = options;
    this.#checker = new RowChecker(options.after);
    this.#firstSeq = this.#checker.head.seq;
    this.#sawHead = options.head === undefined || options.head.seq === 0;
  }

  /** False once a problem was found. */
  take({ lines, rest }: Lines): boolean {
    for (const line of lines) {
      this.#line += 1;
      const result = this.#checker.check(line);
      if (isRowProblem(result)) return this.#report(result.code, result.message);
      this.#rows += 1;
      if (!this.#meetHead(result)) return false;
      this.#options.onRow?.(result);
    }
    if (rest === undefined) return true;
    this.#line += 1;
    const problem = this.#checker.checkRest(rest);
    if (problem !== undefined) return this.#report(problem.code, problem.message);
    this.#torn = { line: this.#line, bytes: rest.length };
    return true;
  }

  end(): Verification {
    const { head } = this.#options;
    if (this.#problem === undefined && !this.#sawHead && head !== undefined) {
      const message =
        head.seq <= this.#firstSeq
          ? `Row ${head.seq}, which is known to have been written, lies before the part that was given.`
          : `The record ends at row ${this.#checker.head.seq}, and row ${head.seq} is known to have been written: its tail is missing.`;
      this.#report("head_missing", message);
    }
    return {
      ok: this.#problem === undefined,
      file: this.#file,
      rows: this.#rows,
      head: this.#checker.head,
      closed: this.#checker.closed,
      torn: this.#torn,
      problems: this.#problem === undefined ? [] : [this.#problem],
    };
  }

  #meetHead(row: CheckedRow): boolean {
    const { head } = this.#options;
    if (head === undefined || row.seq !== head.seq) return true;
    this.#sawHead = true;
    if (row.hash === head.hash) return true;
    return this.#report("head_differs", "This row is another than the one known to have been written: the record was rewritten up to here or further.");
  }

  #report(code: RecordProblem["code"], message: string): false {
    this.#problem = { code, file: this.#file, line: this.#line, message };
    return false;
  }
}
