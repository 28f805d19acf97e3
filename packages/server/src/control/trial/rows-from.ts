/** Rows of the record in order, a page at a time, so that others are served between two pages. */
import type { Store } from "../../store/store.ts";
import type { NextRows } from "./run-trial.ts";

export interface RowsPorts {
  readonly store: Pick<Store, "readRecord">;
  readonly tenant: string;
  /** The last row that is read. */
  readonly head: number;
}

/** Read in one go: about a millisecond of an embedded store. */
const PAGE = 250;
const PAGE_BYTES = 8 * 1024 * 1024;
/** Rows that agents ship late stand after younger ones. */
const SLACK_MS = 3_600_000;

/** The first row of that time: by halving, since rows stand in the order in which they came, which is that of time but for what came late. */
export async function rowAtOrAfter({ store, tenant, head }: RowsPorts, at: number): Promise<number> {
  let [low, high] = [1, head + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const [row] = await store.readRecord({ tenant, after: middle - 1, limit: 1 });
    if (row === undefined || row.at >= at - SLACK_MS) high = middle;
    else low = middle + 1;
  }
  return low;
}

export async function rowsFrom({ store, tenant, head }: RowsPorts, first: number): Promise<{ readonly firstAt: number; readonly next: NextRows }> {
  let after = first - 1;
  const [row] = await store.readRecord({ tenant, after, limit: 1 });
  return {
    firstAt: row?.at ?? 0,
    async next() {
      if (after >= head) return undefined;
      const rows = await store.readRecord({ tenant, after, before: head + 1, limit: PAGE, maxBytes: PAGE_BYTES });
      after = rows.at(-1)?.seq ?? head;
      return rows.map(({ line }) => line);
    },
  };
}
