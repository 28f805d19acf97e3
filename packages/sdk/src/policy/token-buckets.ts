/**
 * Token buckets for throttle policies, in this process. Capacity `burst`, refilled with `limit` tokens per `perMs`.
 * They must never give more than the rate says: not to invented names, not when a rate is edited, not when the clock jumps.
 * Called by evaluate.ts.
 */
import { hash } from "node:crypto";
import type { Call } from "../call/call.ts";
import type { CompiledPolicy, Rate } from "./compile-policy.ts";

interface Bucket {
  tokens: number;
  /** When `tokens` was true, on the clock of `charge`. */
  at: number;
}

interface Keys {
  readonly buckets: Map<string, Bucket>;
  /** When full buckets were last looked for; looking is not free, and an agent that invents names would make us look each time. */
  sweptAt: number;
}

/** Above this many keys a policy's new keys share one bucket: an agent that invents names must not fill the memory. */
const MAX_KEYS = 20_000;
const SWEEP_MS = 1_000;
/** Longer keys are kept as their digest, for the same reason. */
const MAX_KEY_LENGTH = 200;
/** What rounding may take from a token: a call that comes back after exactly `retryAfterMs` gets through. */
const ROUNDING = 1e-9;

export interface Charge {
  readonly limited: boolean;
  /** Milliseconds until the slowest bucket has a token again; 0 where not limited. */
  readonly retryAfterMs: number;
}

export class TokenBuckets {
  readonly #byPolicy = new Map<string, Keys>();

  /** Takes one token from every policy's bucket or from none. `now` in milliseconds, monotonic. */
  charge(policies: readonly CompiledPolicy[], call: Call, now: number): Charge {
    const buckets: Bucket[] = [];
    let retryAfterMs = 0;
    for (const { name, rate } of policies) {
      if (rate === undefined) continue;
      const bucket = this.#bucket(name, rate, keyOf(rate, call), now);
      refill(bucket, rate, now);
      if (bucket.tokens < 1 - ROUNDING) retryAfterMs = Math.max(retryAfterMs, untilToken(bucket, rate, now));
      buckets.push(bucket);
    }
    if (retryAfterMs > 0) return { limited: true, retryAfterMs };
    for (const bucket of buckets) bucket.tokens -= 1;
    return FREE;
  }

  /** Forgets the counters of every policy that is not named. */
  retain(policies: Pick<ReadonlySet<string>, "has">): void {
    for (const name of this.#byPolicy.keys()) if (!policies.has(name)) this.#byPolicy.delete(name);
  }

  #bucket(policy: string, rate: Rate, key: string, now: number): Bucket {
    let keys = this.#byPolicy.get(policy);
    if (keys === undefined) this.#byPolicy.set(policy, (keys = { buckets: new Map(), sweptAt: Number.NEGATIVE_INFINITY }));
    const { buckets } = keys;
    const known = buckets.get(key);
    if (known !== undefined) return known;
    if (buckets.size >= MAX_KEYS && now - keys.sweptAt >= SWEEP_MS) {
      keys.sweptAt = now;
      dropFull(buckets, rate, now);
    }
    const name = buckets.size >= MAX_KEYS ? SHARED : key;
    const bucket = buckets.get(name) ?? { tokens: rate.burst, at: now };
    buckets.set(name, bucket);
    return bucket;
  }
}

/** A call that no rate speaks about, or within all of them. */
export const FREE: Charge = Object.freeze({ limited: false, retryAfterMs: 0 });

/** The key of calls whose values are all missing, and of those there is no room for. */
const SHARED = "";

/** Refills by the policy's present rate, so an edited rate works on old buckets too. */
function refill(bucket: Bucket, rate: Rate, now: number): void {
  const elapsed = Math.max(0, now - bucket.at);
  bucket.tokens = Math.min(rate.burst, bucket.tokens + (elapsed * rate.limit) / rate.perMs);
  bucket.at = Math.max(bucket.at, now); // time that a clock passes twice refills once
}

/** Whole milliseconds, at least 1. A clock that went back must come to `at` again first. */
function untilToken(bucket: Bucket, rate: Rate, now: number): number {
  return Math.max(1, Math.ceil(((1 - bucket.tokens) * rate.perMs) / rate.limit + bucket.at - now));
}

/** A full bucket says nothing that a new one would not. */
function dropFull(buckets: Map<string, Bucket>, rate: Rate, now: number): void {
  for (const [key, bucket] of buckets) {
    refill(bucket, rate, now);
    if (bucket.tokens >= rate.burst) buckets.delete(key);
  }
}

function keyOf(rate: Rate, { caller, server, tool }: Call): string {
  const parts = rate.key.map((key) => {
    switch (key) {
      case "agent":
        return caller.agent.name;
      case "user":
        return caller.user.id;
      case "session":
        return caller.session.id;
      case "server":
        return server.name ?? "";
      case "tool":
        return tool;
    }
  });
  if (parts.every((part) => part === "")) return SHARED;
  const key = JSON.stringify(parts);
  return key.length > MAX_KEY_LENGTH ? hash("sha256", key, "base64url") : key;
}
