/** Rows of the record in order, a page at a time, so that others are served between two pages. */
import type { Store } from "../../store/store.ts";
import { readRowSlices } from "../record/row-slices.ts";
import type { NextRows } from "./run-trial.ts";

export interface RowsPorts {
  readonly store: Pick<Store, "readRecord">;
  readonly tenant: string;
  /** The last row that is read. */
  readonly head: number;
}

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
  const after = first - 1;
  const [row] = await store.readRecord({ tenant, after, limit: 1 });
  const slices = readRowSlices(store, { tenant, after, before: head + 1, limit: head - after });
  return {
    firstAt: row?.at ?? 0,
    async next() {
      const { value: rows, done } = await slices.next();
      return done === true ? undefined : rows.map(({ line }) => line);
    },
  };
}
