/**
 * Throttle counters between the instances of one database: each writes what was taken through it, a row for each counter, and
 * reads the others' rows, once per interval and only while agents come. Rows are hints that leave no trace in the record;
 * where the store does not answer, each instance counts for itself until it does.
 */
import { newId } from "../../auth/secret.ts";
import type { Store, Stored } from "../../store/store.ts";
import type { ThrottleCounter } from "../../store/entity/execution-lease.ts";
import type { Counter, Counters } from "./counters.ts";

export type CounterStore = Pick<Store, "read" | "list" | "commitLoose">;

export interface ShareOptions {
  readonly store: CounterStore;
  readonly tenant: string;
  readonly counters: Counters;
  readonly refreshMs: number;
  readonly now: () => number;
  readonly onProblem: (error: unknown) => void;
}

export interface CounterSharing {
  /** Somebody came: goes on for some rounds, the first at once. */
  begin(): void;
  readonly forgotten: (counter: Counter) => void;
  close(): Promise<void>;
}

/** Rounds without anybody coming, after which it rests. */
const QUIET_ROUNDS = 3;
const FORGOTTEN_MS = 10 * 60_000;
/** Clocks of instances may differ, and a commit may take so long to be seen. */
const LOOK_BACK_MS = 10_000;
const PAGE = 1_000;
const SWEEP_MS = 60_000;

/** How a counter of ours stands in the store. */
interface Written {
  readonly id: string;
  /** Undefined: the last answer was lost. */
  rev: number | undefined;
  tokens: number;
}

export function shareCounters({ store, tenant, counters, refreshMs, now, onProblem }: ShareOptions): CounterSharing {
  const instance = newId();
  const written = new Map<Counter, Written>();
  /** Rows of other instances, by id: what was heard of them. */
  const heard = new Map<string, { tokens: number; readonly at: number }>();
  let wrote = counters.mark();
  let readAt: number | undefined;
  let sweptAt = now();
  let quiet = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let closed = false;
  let failing = false;

  async function writeOwn(at: number): Promise<void> {
    const mark = counters.mark();
    const moved = counters.since(wrote).filter(({ counter }) => counter.own > (written.get(counter)?.tokens ?? 0));
    let isAll = true;
    for (let from = 0; from < moved.length; from += PAGE) isAll = (await writeSome(moved.slice(from, from + PAGE).map(({ counter }) => counter), at)) && isAll;
    if (isAll) wrote = mark;
  }

  /** False where a row was not as it was believed to be; it is read anew in the next round. */
  async function writeSome(some: readonly Counter[], at: number): Promise<boolean> {
    const rows = some.map((counter) => {
      const row = written.get(counter) ?? { id: `${instance}/${newId()}`, rev: 0, tokens: 0 };
      written.set(counter, row);
      return { row, data: { policy: counter.policy, key: counter.key, tokens: counter.own, at } };
    });
    const lost = rows.filter(({ row }) => row.rev === undefined).map(({ row }) => row);
    if (lost.length > 0) {
      const stored = await store.read(tenant, lost.map(({ id }) => ({ table: "throttle_counter", id })));
      for (const row of lost) row.rev = stored.get("throttle_counter", row.id)?.rev ?? 0;
    }
    const before = rows.map(({ row }) => row.rev ?? 0);
    for (const { row } of rows) row.rev = undefined; // until the answer is there
    const isWritten = await store.commitLoose(tenant, rows.map(({ row, data }, index) => ({ table: "throttle_counter", id: row.id, rev: before[index] ?? 0, data })));
    if (!isWritten) return false;
    for (const [index, { row, data }] of rows.entries()) {
      row.rev = (before[index] ?? 0) + 1;
      row.tokens = data.tokens;
    }
    return true;
  }

  /** What is there when it begins, and after a long rest, is where it begins: buckets have refilled since. */
  async function readOthers(at: number): Promise<void> {
    const isFirst = readAt === undefined || at - readAt > FORGOTTEN_MS;
    const from = isFirst ? at - FORGOTTEN_MS : (readAt ?? at) - LOOK_BACK_MS;
    let after: { readonly value: number; readonly id: string } | undefined;
    for (;;) {
      const rows: readonly Stored<ThrottleCounter>[] = await store.list(tenant, { table: "throttle_counter", range: { at: { from } }, orderBy: "at", after, limit: PAGE });
      for (const row of rows) if (!row.id.startsWith(`${instance}/`)) hear(row, isFirst);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) break;
      after = { value: last.data.at, id: last.id };
    }
    readAt = at;
    for (const [id, row] of heard) if (row.at < at - 2 * FORGOTTEN_MS) heard.delete(id);
  }

  function hear({ id, data: { policy, key, tokens, at } }: Stored<ThrottleCounter>, isFirst: boolean): void {
    const news = tokens - (heard.get(id)?.tokens ?? 0);
    heard.set(id, { tokens: Math.max(tokens, heard.get(id)?.tokens ?? 0), at });
    if (news > 0 && !isFirst) counters.add(policy, key, news, null);
  }

  /** Rows of whatever instance that nobody moves any more. Another may be faster. */
  async function sweep(at: number): Promise<void> {
    if (now() - sweptAt < SWEEP_MS) return;
    sweptAt = now();
    const old = await store.list(tenant, { table: "throttle_counter", range: { at: { below: at - 2 * FORGOTTEN_MS } }, orderBy: "at", limit: PAGE });
    if (old.length > 0) await store.commitLoose(tenant, old.map(({ id, rev }) => ({ table: "throttle_counter", id, rev, data: null })));
  }

  async function round(): Promise<void> {
    try {
      const { now: at } = await store.read(tenant, []);
      await writeOwn(at);
      await readOthers(at);
      await sweep(at);
      failing = false;
    } catch (error) {
      if (!failing) onProblem(error); // once, not once a second
      failing = true;
    }
  }

  function next(): void {
    running = round().then(() => {
      running = undefined;
      quiet += 1;
      if (closed || quiet > QUIET_ROUNDS) return void (timer = undefined);
      timer = setTimeout(next, refreshMs);
      timer.unref();
    });
  }

  return {
    begin() {
      quiet = 0;
      if (timer === undefined && running === undefined && !closed) next();
    },
    forgotten: (counter) => void written.delete(counter),
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
