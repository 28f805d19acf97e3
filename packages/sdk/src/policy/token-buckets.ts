/**
 * Token buckets for throttle policies, in this process. Capacity `burst`, refilled with `limit` tokens per `perMs`.
 * They must never give more than the rate says: not to invented names, not when a rate is edited, not when the clock jumps.
 * Called by evaluate.ts.
 */
import { hash } from "node:crypto";
import type { Call } from "../call/call.ts";
import type { CompiledPolicy, Rate } from "./compile-policy.ts";
import { foldName } from "./fold-name.ts";

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

/** Changed by calls that get a token and by nothing else: being refused, however often, moves no rounding. */
interface Bucket {
  tokens: number;
  readonly key: string;
  /** The policy's rate when a call last came. */
  rate: Rate;
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
/** What rounding may take from a token. */
const ROUNDING = 1e-9;

export interface Charge {
  readonly limited: boolean;
  /**
   * Whole milliseconds until the slowest bucket has a token again, to the millisecond: a call of the same key that comes then gets
   * through if none came between, and one that comes a millisecond earlier does not. 0 where not limited.
   */
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
    const taken: { readonly bucket: Bucket; readonly rate: Rate }[] = [];
    let retryAfterMs = 0;
    for (const { name, rate } of policies) {
      if (rate === undefined) continue;
      const bucket = this.#bucket(name, rate, keyOf(rate, call), now);
      if (!hasToken(bucket, rate, now)) retryAfterMs = Math.max(retryAfterMs, untilToken(bucket, rate, now));
      taken.push({ bucket, rate });
    }
    if (retryAfterMs > 0) return { limited: true, retryAfterMs };
    for (const { bucket, rate } of taken) {
      bucket.tokens = tokensAt(bucket, rate, now) - 1;
      bucket.at = Math.max(bucket.at, now); // time that a clock passes twice refills once
    }
    if (this.#taken !== undefined && taken.length > 0) this.#tally(policies, taken.map(({ bucket }) => bucket));
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
      const { rate } = bucket;
      bucket.tokens = Math.max(-rate.burst, tokensAt(bucket, rate, now) - tokens);
      bucket.at = Math.max(bucket.at, now);
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
    if (this.#owed.size === 0) return { tokens: burst, at: now, key, rate };
    const place = JSON.stringify([policy, key]);
    const owed = this.#owed.get(place);
    this.#owed.delete(place);
    return { tokens: Math.max(-burst, burst - (owed?.tokens ?? 0)), at: owed?.at ?? now, key, rate };
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
  retain(policies: Pick<ReadonlySet<string>, "has">): void {
    for (const name of this.#byPolicy.keys()) if (!policies.has(name)) this.#byPolicy.delete(name);
  }

  #bucket(policy: string, rate: Rate, key: string, now: number): Bucket {
    let keys = this.#byPolicy.get(policy);
    if (keys === undefined) this.#byPolicy.set(policy, (keys = { buckets: new Map(), sweptAt: Number.NEGATIVE_INFINITY }));
    const { buckets } = keys;
    const known = buckets.get(key);
    if (known !== undefined) {
      known.rate = rate;
      return known;
    }
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

/** By the policy's present rate, so an edited rate works on old buckets too. Never falls as time passes, rounding included. */
function tokensAt({ tokens, at }: Bucket, rate: Rate, now: number): number {
  return Math.min(rate.burst, tokens + (Math.max(0, now - at) * rate.limit) / rate.perMs);
}

function hasToken(bucket: Bucket, rate: Rate, now: number): boolean {
  return tokensAt(bucket, rate, now) >= 1 - ROUNDING;
}

/** The first whole millisecond from `now` at which there is a token. A clock that went back must come to `at` again first. */
function untilToken(bucket: Bucket, rate: Rate, now: number): number {
  let ms = Math.max(1, Math.ceil(((1 - ROUNDING - bucket.tokens) * rate.perMs) / rate.limit + bucket.at - now));
  // The formula rounds otherwise than refilling does, by a step or two. Beyond 2^53 there are no single milliseconds to step by.
  if (ms >= Number.MAX_SAFE_INTEGER) return ms;
  while (ms > 1 && hasToken(bucket, rate, now + ms - 1)) ms -= 1;
  while (!hasToken(bucket, rate, now + ms) && ms < Number.MAX_SAFE_INTEGER) ms += 1;
  return ms;
}

/** A full bucket says nothing that a new one would not. */
function dropFull(buckets: Map<string, Bucket>, rate: Rate, now: number): void {
  for (const [key, bucket] of buckets) if (tokensAt(bucket, rate, now) >= rate.burst) buckets.delete(key);
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
        // Folded, as blocks and throttles match: each spelling that a sloppy upstream runs as the same tool would have a bucket of its own.
        return foldName(tool);
    }
  });
  if (parts.every((part) => part === "")) return SHARED;
  const key = JSON.stringify(parts);
  return key.length > MAX_KEY_LENGTH ? hash("sha256", key, "base64url") : key;
}
