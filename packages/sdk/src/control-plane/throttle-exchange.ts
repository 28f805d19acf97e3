/**
 * Throttle counters that processes share: each tells the control plane what it took and hears what the others took, once per
 * interval and only while calls meet a throttle. Late by at most one interval; where nobody answers, the counters here go on alone.
 */
import type { SharedBuckets, TakenTokens } from "../policy/token-buckets.ts";
import type { WireClient } from "../wire/wire-client.ts";

const REFRESH_MS = 1_000;
/** Exchanges without anything taken, after which it rests until the next token. */
const QUIET_ROUNDS = 10;
const MAX_TOLD = 10_000;

export interface ThrottleExchange {
  close(): void;
}

/** `process` names this process among the others. */
export function shareThrottles(buckets: SharedBuckets, client: Pick<WireClient, "throttle">, process: string, firstRefreshMs = REFRESH_MS): ThrottleExchange {
  let refreshMs = firstRefreshMs;
  let untold: TakenTokens[] = [];
  let quiet = 0;
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let closed = false;

  async function round(): Promise<void> {
    const taken = merged([...untold, ...buckets.taken()]);
    quiet = taken.length === 0 ? quiet + 1 : 0;
    const answer = await client.throttle({ process, taken: taken.slice(0, MAX_TOLD) }, { withinMs: Math.max(1_000, refreshMs) });
    // What was perhaps not heard is told again: counted twice is the stricter side.
    untold = answer.ok ? taken.slice(MAX_TOLD) : taken.slice(0, MAX_TOLD * 2);
    if (!answer.ok) return;
    refreshMs = Math.min(60_000, Math.max(100, answer.value.refreshMs));
    for (const { policy, key, tokens } of answer.value.others) buckets.takeAway(policy, key, tokens, performance.now());
  }

  async function run(): Promise<void> {
    await round();
    if (closed || quiet >= QUIET_ROUNDS) {
      isRunning = false;
      return;
    }
    timer = setTimeout(() => void run(), refreshMs);
    timer.unref();
  }

  buckets.share(() => {
    if (isRunning || closed) return;
    isRunning = true;
    quiet = 0;
    void run();
  });

  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function merged(taken: readonly TakenTokens[]): TakenTokens[] {
  const sums = new Map<string, TakenTokens>();
  for (const { policy, key, tokens } of taken) {
    const place = JSON.stringify([policy, key]);
    sums.set(place, { policy, key, tokens: tokens + (sums.get(place)?.tokens ?? 0) });
  }
  return [...sums.values()];
}
