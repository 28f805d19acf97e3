import type { Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import type { BoundText } from "./bound-text.ts";
import { reviewRequest } from "./end-request.ts";
import type { RequestRow } from "./move.ts";
import { readSlices } from "./read-slices.ts";

/** Asks of every pending request whether the document in force still asks the same question, a slice at a time. Answers how many it ended. */
export async function reviewPending(ledger: Ledger, store: Store, open: (row: RequestRow) => Promise<BoundText | undefined>, signal: AbortSignal | undefined): Promise<number> {
  let count = 0;
  for await (const rows of readSlices(store, ledger.tenant, { where: { state: "pending" }, orderBy: "created_at", limit: Infinity })) {
    if (signal?.aborted === true) return count;
    const answers = await Promise.all(rows.map(async (row) => ledger.run(reviewRequest(row.id, await open(row)))));
    count += answers.filter(({ ok }) => !ok).length;
  }
  return count;
}
