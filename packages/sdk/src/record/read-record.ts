import type { ArgumentKey, RowArguments, SealedArguments } from "./cipher.ts";
import { openArguments } from "./cipher.ts";
import { readLines } from "./record-lines.ts";
import { isRowProblem, RowChecker } from "./row-check.ts";
import type { CheckedRow } from "./row-check.ts";

export interface ReadRow extends CheckedRow {
  /** RFC 8785 text of a decision's arguments; undefined where there are none or their key was erased. */
  readonly argumentsText: string | undefined;
}

export interface ReadRecordOptions {
  /** The key of this id, or undefined where it was erased: the rows come without arguments then. */
  readonly keyOf?: (id: string) => Promise<ArgumentKey | undefined>;
  readonly signal?: AbortSignal;
}

/**
 * The rows of a record file in order, each verified, with their arguments. A torn last row is left out.
 * Throws at the first row that was tampered with, and where a key does not open what it should.
 */
export async function* readRecord(path: string, options: ReadRecordOptions = {}): AsyncGenerator<ReadRow, void, undefined> {
  const checker = new RowChecker();
  let opened: ReadonlyMap<number, RowArguments> = new Map();
  for await (const { lines } of readLines(path, options.signal)) {
    for (const line of lines) {
      const row = checker.check(line);
      if (isRowProblem(row)) throw new Error(`${path}, line ${checker.head.seq + 1}: ${row.message}`);
      if (row.body["type"] === "arguments") opened = await openRow(row, options);
      yield { ...row, argumentsText: argumentsOf(row, opened) };
    }
  }
}

async function openRow(row: CheckedRow, { keyOf }: ReadRecordOptions): Promise<ReadonlyMap<number, RowArguments>> {
  // The row's hash was checked: a recorder wrote it, in this form.
  const sealed = row.body["sealed"] as unknown as SealedArguments;
  const key = await keyOf?.(sealed.key);
  return key === undefined ? new Map() : openArguments(sealed, row.seq, key);
}

/** The digest is under the seal too, so a row that was rebuilt around other arguments does not get these. */
function argumentsOf({ body, seq }: CheckedRow, opened: ReadonlyMap<number, RowArguments>): string | undefined {
  const found = opened.get(seq);
  return body["arguments"] !== undefined && found?.digest === body["digest"] ? found?.text : undefined;
}
