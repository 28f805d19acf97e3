/** Token buckets by name. Buckets that are full again are forgotten, so strangers cannot fill the memory. */
import type { Limits, Rate } from "./limits.ts";

export interface RateLimiter {
  /**
   * Takes tokens, one if nothing else is said. 0 where there was one, else in how many milliseconds there will be. What is taken beyond
   * those that were there is owed: the next has to wait for it.
   */
  take(name: string, tokens?: number): number;
  readonly size: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const MAX_BUCKETS = 50_000;

/** `now` in milliseconds, monotonic. */
export function createRateLimiter(rate: Rate, now: () => number): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const filled = (bucket: Bucket, at: number): number => Math.min(rate.burst, bucket.tokens + ((at - bucket.at) * rate.perSecond) / 1000);
  const waitMs = (tokens: number): number => (tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1000) / rate.perSecond));

  /** In the order of use: the oldest are the likeliest to be full; where none is, the oldest goes. */
  function makeRoom(at: number): void {
    if (buckets.size < MAX_BUCKETS) return;
    let looked = 0;
    for (const [name, bucket] of buckets) {
      if (looked > 0 && filled(bucket, at) < rate.burst) break;
      buckets.delete(name);
      looked += 1;
      if (looked >= 1000) break;
    }
  }

  return {
    take(name, taken = 1) {
      const at = now();
      const known = buckets.get(name);
      const tokens = known === undefined ? rate.burst : filled(known, at);
      const wait = waitMs(tokens);
      if (known === undefined) makeRoom(at);
      else buckets.delete(name);
      buckets.set(name, { tokens: wait === 0 ? tokens - taken : tokens, at });
      return wait;
    },
    get size() {
      return buckets.size;
    },
  };
}

export type Rates = { readonly [K in keyof Limits["rates"]]: RateLimiter };

export function createRates(rates: Limits["rates"], now: () => number): Rates {
  return {
    key: createRateLimiter(rates.key, now),
    person: createRateLimiter(rates.person, now),
    operator: createRateLimiter(rates.operator, now),
    stranger: createRateLimiter(rates.stranger, now),
    signIn: createRateLimiter(rates.signIn, now),
  };
}
