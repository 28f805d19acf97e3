import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import type { BoundText } from "./bound-text.ts";
import { reviewRequest } from "./end-request.ts";
import type { RequestRow } from "./move.ts";

const SLICE = 100;

/** Asks of every pending request whether the document in force still asks the same question, a slice at a time. Answers how many it ended. */
export async function reviewPending(ledger: Ledger, store: Store, open: (row: RequestRow) => Promise<BoundText | undefined>, signal: AbortSignal | undefined): Promise<number> {
  let count = 0;
  let after: { readonly value: number; readonly id: string } | undefined;
  for (;;) {
    if (signal?.aborted === true) return count;
    const rows = await store.list(ledger.tenant, { table: "approval", where: { state: "pending" }, orderBy: "created_at", after, limit: SLICE });
    const answers = await Promise.all(rows.map(async (row) => ledger.run(reviewRequest(row.id, await open(row)))));
    count += answers.filter(({ ok }) => !ok).length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < SLICE) return count;
    after = { value: last.data.createdAt, id: last.id };
  }
}
