/**
 * The sweeper writes down what time has done: requests that ran out, claims that nobody reports on any more, sign-ins that were
 * never finished. Nothing depends on it for being so: a request that ran out is expired whether or not this ever runs.
 */
import type { Change, Store } from "../store/store.ts";
import type { Ledger } from "./ledger.ts";
import { lapseClaim } from "./request/report-outcome.ts";
import { expireRequest } from "./request/end-request.ts";
import { readSlices } from "./request/read-slices.ts";

export interface SweeperOptions {
  /** Default 1,000 ms. */
  readonly everyMs?: number | undefined;
  readonly onProblem?: ((problem: unknown) => void) | undefined;
}

export interface Sweeper {
  /** One round now. Every instance may sweep; what another was faster with is left. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

const SLICE = 200;

export function startSweeper(ledger: Ledger, store: Store, { everyMs = 1_000, onProblem = () => undefined }: SweeperOptions = {}): Sweeper {
  const { tenant, resident } = ledger;
  let round: Promise<void> | undefined;
  let isClosed = false;

  async function expireRequests(): Promise<void> {
    const late = { where: { state: ["pending", "approved"] }, range: { expires_at: { below: resident.now + 1 } }, orderBy: "expires_at", limit: Infinity } as const;
    for await (const rows of readSlices(store, tenant, late)) {
      const done = await Promise.all(rows.map(({ id }) => ledger.run(expireRequest(id))));
      // Where none was written down, another is faster.
      if (isClosed || !done.includes(true)) return;
    }
  }

  async function endLeases(): Promise<void> {
    for (;;) {
      const rows = await store.list(tenant, { table: "execution_lease", range: { until: { below: resident.now + 1 } }, orderBy: "until", limit: SLICE });
      const lapsed = await Promise.all(rows.map(({ data }) => ledger.run(lapseClaim(data.requestId, data.epoch))));
      const idle = rows.filter((_, index) => lapsed[index] === false);
      const gone = await forget(idle.map(({ id, rev }) => ({ table: "execution_lease", id, rev, data: null })));
      if (isClosed || rows.length < SLICE || (gone === 0 && !lapsed.includes(true))) return;
    }
  }

  async function forgetAttempts(): Promise<void> {
    const rows = await store.list(tenant, { table: "sign_in_attempt", range: { expires_at: { below: resident.now + 1 } }, orderBy: "expires_at", limit: SLICE });
    await forget(rows.map(({ id, rev }) => ({ table: "sign_in_attempt", id, rev, data: null })));
  }

  /** Together; where another instance took one of them, one by one. */
  async function forget(changes: readonly Extract<Change, { table: "execution_lease" | "sign_in_attempt" }>[]): Promise<number> {
    if (changes.length === 0) return 0;
    if (await store.commitLoose(tenant, changes)) return changes.length;
    let count = 0;
    for (const change of changes) if (await store.commitLoose(tenant, [change])) count += 1;
    return count;
  }

  async function sweep(): Promise<void> {
    for (const part of [expireRequests, endLeases, forgetAttempts]) {
      try {
        await part();
      } catch (problem) {
        onProblem(problem);
      }
    }
  }

  const timer = setInterval(() => {
    round ??= sweep().finally(() => (round = undefined));
  }, everyMs);
  timer.unref();

  return {
    sweep,
    async close() {
      isClosed = true;
      clearInterval(timer);
      await round;
    },
  };
}
