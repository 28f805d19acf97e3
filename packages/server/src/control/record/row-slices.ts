/**
 * Rows of the record, a few at a time: one may hold the arguments of a batch, so that a page of them is more than a process has room for.
 * How many are read next follows from how long the last few were. Called by whatever reads more than a screen of rows.
 */
import type { RecordLine, RecordQuery, Store } from "../../store/store.ts";

/** While it is not known how long they are. */
export const FIRST_ROWS = 32;
const MOST_ROWS = 128;
const MOST_LENGTH = 8 * 1024 * 1024;

/** `limit`: how many in all. */
export async function* readRowSlices(store: Pick<Store, "readRecord">, { limit, ...query }: RecordQuery): AsyncGenerator<readonly RecordLine[], void, undefined> {
  let { after, before } = query;
  let size = FIRST_ROWS;
  for (let left = limit; left > 0; ) {
    const wanted = Math.min(left, size);
    const rows = await store.readRecord({ ...query, after, before, limit: wanted });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < wanted) return;
    left -= rows.length;
    if (query.descending === true) before = last.seq;
    else after = last.seq;
    size = rowsAtOnce(rows);
  }
}

/** How many are read next, after these. */
export function rowsAtOnce(rows: readonly RecordLine[]): number {
  return Math.max(1, Math.min(MOST_ROWS, Math.floor((MOST_LENGTH * rows.length) / Math.max(1, lengthOf(rows)))));
}

export function lengthOf(rows: readonly RecordLine[]): number {
  return rows.reduce((sum, { line }) => sum + line.length, 0);
}
