/**
 * Token buckets for throttle policies, in this process. Capacity `burst`, refilled with `limit` tokens per `perMs`.
 * They must never give more than the rate says: not to invented names, not when a rate is edited, not when the clock jumps.
 * Called by evaluate.ts.
 */
import { hash } from "node:crypto";
import type { Call } from "../call/call.ts";
import type { CompiledPolicy, Rate } from "./compile-policy.ts";

/** One policy's tokens for one key. Keys are opaque. */
export interface TakenTokens {
  readonly policy: string;
  readonly key: string;
  readonly tokens: number;
}

/** Counters that several processes share by telling each other what they took. */
export interface SharedBuckets {
  /** From now on, what is taken is also counted for `taken`. `onTaken` is told of every call that took something. */
  share(onTaken: () => void): void;
  /** What was taken since it was last asked. */
  taken(): TakenTokens[];
  /** Tokens that others took, at `now` on the clock of `charge`. A bucket may come to owe, at most one `burst`. */
  takeAway(policy: string, key: string, tokens: number, now: number): void;
}

interface Bucket {
  tokens: number;
  readonly key: string;
  /** What it owes at most. */
  readonly burst: number;
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

export class TokenBuckets implements SharedBuckets {
  readonly #byPolicy = new Map<string, Keys>();
  /** By policy, then key; undefined while nothing is shared. */
  #taken: Map<string, Map<string, number>> | undefined;
  #onTaken: (() => void) | undefined;
  /** Taken by others, of keys that no bucket here has yet. */
  readonly #owed = new Map<string, { readonly tokens: number; readonly at: number }>();

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
    if (this.#taken !== undefined && buckets.length > 0) this.#tally(policies, buckets);
    return FREE;
  }

  share(onTaken: () => void): void {
    this.#taken ??= new Map();
    this.#onTaken = onTaken;
  }

  taken(): TakenTokens[] {
    const taken = [...(this.#taken ?? [])].flatMap(([policy, keys]) => [...keys].map(([key, tokens]) => ({ policy, key, tokens })));
    this.#taken?.clear();
    return taken;
  }

  takeAway(policy: string, key: string, tokens: number, now: number): void {
    if (!(tokens > 0)) return;
    const bucket = this.#byPolicy.get(policy)?.buckets.get(key);
    if (bucket !== undefined) {
      bucket.tokens = Math.max(-bucket.burst, bucket.tokens - tokens);
      return;
    }
    // No call of that key has come here yet, so its rate is not known: it is kept for the first one.
    const place = JSON.stringify([policy, key]);
    const known = this.#owed.get(place);
    this.#owed.set(place, { tokens: (known?.tokens ?? 0) + tokens, at: now });
    if (this.#owed.size > MAX_KEYS) for (const oldest of this.#owed.keys()) return void this.#owed.delete(oldest);
  }

  #newBucket(policy: string, key: string, rate: Rate, now: number): Bucket {
    const { burst } = rate;
    if (this.#owed.size === 0) return { tokens: burst, at: now, key, burst };
    const place = JSON.stringify([policy, key]);
    const owed = this.#owed.get(place);
    this.#owed.delete(place);
    return { tokens: Math.max(-burst, burst - (owed?.tokens ?? 0)), at: owed?.at ?? now, key, burst };
  }

  #tally(policies: readonly CompiledPolicy[], buckets: readonly Bucket[]): void {
    policies
      .filter(({ rate }) => rate !== undefined)
      .forEach(({ name }, index) => {
        const key = buckets[index]?.key;
        if (key === undefined) return;
        let keys = this.#taken?.get(name);
        if (keys === undefined) this.#taken?.set(name, (keys = new Map()));
        keys?.set(key, (keys.get(key) ?? 0) + 1);
      });
    this.#onTaken?.();
  }

  /** Forgets the counters of every policy that is not named. */
  retain(policies: ReadonlySet<string>): void {
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
    const bucket = buckets.get(name) ?? this.#newBucket(policy, name, rate, now);
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
