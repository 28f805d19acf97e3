/**
 * Reads the record for the figures: backwards from its head as far as somebody asked, and forwards as it grows. Rows never change, so
 * no row is read twice. In slices of a few milliseconds, between which everything else goes on. Called by create-insights.ts.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Store } from "../../store/store.ts";
import { FactBook, TELLING_EVENTS } from "./request-facts.ts";
import { UnaskedCalls } from "./unasked-calls.ts";

export interface RecordScan {
  readonly facts: FactBook;
  readonly unasked: UnaskedCalls;
  /** From here on everything was read, by the control plane's clock. */
  readonly reach: number;
  /** Moves with whatever was read. */
  readonly version: number;
  /** Reads what has come since, and back to this moment. Asked again while it reads, it reads on as far as the furthest. */
  readBack(from: number): Promise<void>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export interface RecordScanOptions {
  readonly store: Pick<Store, "readRecord" | "tallyCalls">;
  readonly tenant: string;
  readonly head: () => number;
  readonly now: () => number;
  /** Rows read at once. */
  readonly slice?: number;
  /** Most requests that are kept. */
  readonly mostRequests?: number;
  /** Older ones are forgotten. */
  readonly keepMs: number;
}

const FORGET_EVERY_MS = 60_000;

export function createRecordScan({ store, tenant, head, now, keepMs, slice = 1_000, mostRequests = 250_000 }: RecordScanOptions): RecordScan {
  const facts = new FactBook();
  const unasked = new UnaskedCalls();
  // Everything in (low, high] was read.
  let low: number | undefined;
  let high = 0;
  let reach = Infinity;
  let version = 0;
  let wanted = Infinity;
  let reading: Promise<void> | undefined;
  const closing = new AbortController();
  let forgotAt = -Infinity;

  /** The rows in (after, until]. Answers the earliest moment of the control plane's own clock among them. */
  async function read(after: number, until: number): Promise<number> {
    const range = { after, before: until + 1 };
    const [tallies, events, approvals] = await Promise.all([
      store.tallyCalls(tenant, range),
      store.readRecord({ tenant, ...range, where: { event: TELLING_EVENTS }, limit: slice }),
      store.readRecord({ tenant, ...range, where: { type: "approval" }, limit: slice }),
    ]);
    unasked.take(tallies);
    for (const row of events) if (row.event !== "batch_taken") facts.take(row);
    for (const row of approvals) facts.take(row);
    version += 1;
    return Math.min(...events.slice(0, 1).map(({ at }) => at));
  }

  async function run(): Promise<void> {
    if (low === undefined) low = high = head();
    while (!closing.signal.aborted) {
      const until = head();
      if (high < until) {
        const next = Math.min(until, high + slice);
        await read(high, next);
        high = next;
      } else if (low > 0 && reach > wanted && facts.requests.size < mostRequests) {
        const next = Math.max(0, low - slice);
        reach = Math.min(reach, await read(next, low));
        low = next;
        if (low === 0) reach = -Infinity;
      } else break;
      await nextTurn();
    }
    if (low === 0) reach = -Infinity;
    forget();
  }

  function forget(): void {
    if (now() - forgotAt < FORGET_EVERY_MS && facts.requests.size <= mostRequests) return;
    forgotAt = now();
    facts.dropBefore(now() - keepMs);
    unasked.dropBefore(now() - keepMs);
    if (facts.requests.size <= mostRequests) return;
    const moments = [...facts.requests.values()].map(({ created }) => created?.at ?? 0).toSorted((a, b) => a - b);
    const oldest = moments[Math.floor(moments.length / 4)] ?? 0;
    facts.dropBefore(oldest);
    reach = Math.max(reach, oldest);
  }

  return {
    facts,
    unasked,
    get reach() {
      return reach;
    },
    get version() {
      return version;
    },
    readBack(from) {
      wanted = Math.min(wanted, from);
      reading ??= run().finally(() => (reading = undefined));
      return reading;
    },
    async close() {
      closing.abort();
      await reading?.catch(() => undefined);
    },
  };
}
