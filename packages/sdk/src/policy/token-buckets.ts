/** Token buckets for throttle policies, in this process. Capacity `burst`, refilled with `limit` tokens per `perMs`. */
import type { Caller, ServerRef } from "../call/call.ts";
import type { CompiledPolicy, Rate } from "./compile.ts";

interface Bucket {
  tokens: number;
  at: number;
}

/** Above this many keys a policy's new keys share one bucket: an agent that invents names must not fill the memory. */
const MAX_KEYS = 20_000;

export interface Charge {
  readonly limited: boolean;
  /** Milliseconds until the slowest bucket has a token again; 0 where not limited. */
  readonly retryAfterMs: number;
}

export class TokenBuckets {
  readonly #byPolicy = new Map<string, Map<string, Bucket>>();

  /** Takes one token from every policy's bucket or from none. `now` in milliseconds, monotonic. */
  charge(policies: readonly CompiledPolicy[], caller: Caller, server: ServerRef, tool: string, now: number): Charge {
    const buckets: Bucket[] = [];
    let retryAfterMs = 0;
    for (const { name, rate } of policies) {
      if (rate === undefined) continue;
      const bucket = this.#bucket(name, rate, keyOf(rate, caller, server, tool), now);
      refill(bucket, rate, now);
      if (bucket.tokens < 1) retryAfterMs = Math.max(retryAfterMs, Math.ceil(((1 - bucket.tokens) * rate.perMs) / rate.limit));
      buckets.push(bucket);
    }
    if (retryAfterMs > 0) return { limited: true, retryAfterMs };
    for (const bucket of buckets) bucket.tokens -= 1;
    return { limited: false, retryAfterMs: 0 };
  }

  #bucket(policy: string, rate: Rate, key: string, now: number): Bucket {
    let keys = this.#byPolicy.get(policy);
    if (keys === undefined) this.#byPolicy.set(policy, (keys = new Map()));
    const known = keys.get(key);
    if (known !== undefined) return known;
    if (keys.size >= MAX_KEYS) dropFull(keys, rate, now);
    const name = keys.size >= MAX_KEYS ? "" : key;
    const bucket = keys.get(name) ?? { tokens: rate.burst, at: now };
    keys.set(name, bucket);
    return bucket;
  }
}

/** Refills by the policy's present rate, so an edited rate works on old buckets too. */
function refill(bucket: Bucket, rate: Rate, now: number): void {
  const elapsed = Math.max(0, now - bucket.at);
  bucket.tokens = Math.min(rate.burst, bucket.tokens + (elapsed * rate.limit) / rate.perMs);
  bucket.at = now;
}

/** A full bucket says nothing that a new one would not. */
function dropFull(keys: Map<string, Bucket>, rate: Rate, now: number): void {
  for (const [key, bucket] of keys) {
    refill(bucket, rate, now);
    if (bucket.tokens >= rate.burst) keys.delete(key);
  }
}

function keyOf(rate: Rate, caller: Caller, server: ServerRef, tool: string): string {
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
  return parts.every((part) => part === "") ? "" : JSON.stringify(parts);
}
