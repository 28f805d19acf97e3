/**
 * Many requests, a few at a time: one may hold a call of megabytes, so that a page of them is more than a process has room for. How many
 * are read next follows from how much the last few weighed. Between two slices everything else goes on.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ListQuery, Store } from "../../store/store.ts";
import type { RequestRow } from "./move.ts";
import { weightOf } from "./weight.ts";

export type SliceQuery = Pick<ListQuery<"approval">, "where" | "range" | "descending" | "after"> & {
  readonly orderBy: "created_at" | "expires_at";
  /** How many in all. */
  readonly limit: number;
};

const FIRST_ROWS = 32;
const MOST_ROWS = 64;
const MOST_WEIGHT = 32 * 1024 * 1024;

export async function* readSlices(store: Pick<Store, "list">, tenant: string, { limit, after: from, ...query }: SliceQuery): AsyncGenerator<readonly RequestRow[], void, undefined> {
  let after = from;
  let size = FIRST_ROWS;
  for (let left = limit; left > 0; ) {
    const wanted = Math.min(left, size);
    const rows = await store.list(tenant, { table: "approval", ...query, after, limit: wanted });
    const last = rows.at(-1);
    if (last === undefined) return;
    // Read before the slice is handed over: whoever gets it may change what is stored.
    const weight = rows.reduce((sum, { data }) => sum + weightOf(data), 0);
    yield rows;
    if (rows.length < wanted) return;
    left -= rows.length;
    after = { value: query.orderBy === "expires_at" ? last.data.expiresAt : last.data.createdAt, id: last.id };
    size = Math.max(1, Math.min(MOST_ROWS, Math.floor((MOST_WEIGHT * rows.length) / weight)));
    if (left > 0) await nextTurn();
  }
}
