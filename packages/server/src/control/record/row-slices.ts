/**
 * Rows of the record, a few at a time: one may hold the arguments of a batch, so that a page of them is more than a process has room for,
 * or than a store reads in its time. Called by whatever reads more than a screen of rows.
 */
import type { RecordLine, RecordQuery, Store } from "../../store/store.ts";

/** Read in one go: about a millisecond of an embedded store. */
const PAGE = 250;
const PAGE_BYTES = 8 * 1024 * 1024;

/** `limit`: how many in all. */
export async function* readRowSlices(store: Pick<Store, "readRecord">, { limit, ...query }: RecordQuery): AsyncGenerator<readonly RecordLine[], void, undefined> {
  let { after, before } = query;
  for (let left = limit; left > 0; ) {
    const rows = await store.readRecord({ ...query, after, before, limit: Math.min(left, PAGE), maxBytes: PAGE_BYTES });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    left -= rows.length;
    if (query.descending === true) before = last.seq;
    else after = last.seq;
  }
}

export function lengthOf(rows: readonly RecordLine[]): number {
  return rows.reduce((sum, { line }) => sum + line.length, 0);
}
