import type { AskedRequest } from "@countersign/sdk/wire";
import type { RecordLine } from "../../store/store.ts";
import type { RequestRow } from "./move.ts";
import type { RequestEvent } from "./requests.ts";

/** Each live stream asks about the same row: it is looked up once. */
const KEPT = 1_024;

/** From rows of the record to what live streams tell about requests. */
export function createRequestEvents(rowOf: (id: string) => Promise<RequestRow | undefined>, tell: (row: RequestRow) => AskedRequest) {
  const known = new Map<number, Promise<RequestEvent | undefined>>();

  async function make(seq: number, requestId: string): Promise<RequestEvent | undefined> {
    const row = await rowOf(requestId);
    return row === undefined ? undefined : { seq, requestId, principal: row.data.caller.principal, request: tell(row) };
  }

  return ({ seq, requestId }: RecordLine): Promise<RequestEvent | undefined> => {
    if (requestId === null) return Promise.resolve(undefined);
    const kept = known.get(seq);
    if (kept !== undefined) return kept;
    const made = make(seq, requestId);
    // What failed may work for the next who asks.
    made.catch(() => known.delete(seq));
    known.set(seq, made);
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break;
      known.delete(oldest);
    }
    return made;
  };
}
