/**
 * Throttle counters shared by the processes of an installation: each tells what it took from its buckets and hears what the
 * others took meanwhile. Late by one interval, by two where the other is at another instance; no part of the record; nothing
 * here refuses a call. Called by control/http.
 */
import type { ThrottleAnswer, ThrottleBody } from "@countersign/sdk/wire";
import type { Identity } from "../../auth/identity.ts";
import { refuse, type Answer } from "../refusal.ts";
import { createCounters, type CountersOptions } from "./counters.ts";
import { shareCounters, type CounterStore } from "./share-counters.ts";

export interface Throttle {
  exchange(identity: Identity, body: ThrottleBody): Promise<Answer<ThrottleAnswer>>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface ThrottleOptions extends CountersOptions {
  /** How often processes should come. Default 1,000. */
  readonly refreshMs?: number;
  /** Where other instances share the store: what is taken here is told there, and heard from there. */
  readonly shared?: { readonly store: CounterStore; readonly tenant: string; readonly onProblem: (error: unknown) => void };
}

/** A process of an agent's key: up to which move it has heard, and when it last came. */
interface Member {
  heard: number;
  seenAt: number;
}

/** A process that has not come for so long has ended. */
const FORGOTTEN_MS = 10 * 60_000;
const MAX_PROCESSES = 1_000;

export function createThrottle({ refreshMs = 1_000, shared, ...options }: ThrottleOptions): Throttle {
  const { now } = options;
  const counters = createCounters(options);
  const sharing = shared === undefined ? undefined : shareCounters({ ...shared, counters, refreshMs, now });
  /** By key, then process; those that came last are last. */
  const members = new Map<string, Map<string, Member>>();

  function memberOf(keyId: string, process: string): Member {
    const own = members.get(keyId) ?? new Map<string, Member>();
    members.set(keyId, own);
    // Whoever comes first hears of what is taken from now on: before that its own buckets were full anyway.
    const member = own.get(process) ?? { heard: counters.mark(), seenAt: now() };
    own.delete(process);
    own.set(process, member);
    const limit = now() - FORGOTTEN_MS;
    for (const [name, { seenAt }] of own) {
      if (seenAt >= limit && own.size <= MAX_PROCESSES) break;
      own.delete(name);
    }
    return member;
  }

  return {
    exchange(identity, { process, taken }) {
      if (identity.kind !== "agent") return Promise.resolve(refuse("forbidden", "only agents' keys exchange counters"));
      counters.forget(sharing?.forgotten);
      const member = memberOf(identity.keyId, process);
      member.seenAt = now();
      // News first: its own are no news to it.
      const others = counters.since(member.heard).map(({ counter: { policy, key }, tokens }) => ({ policy, key, tokens }));
      for (const { policy, key, tokens } of taken) if (tokens > 0) counters.add(policy, key, tokens, identity.keyId);
      member.heard = counters.mark();
      sharing?.begin();
      return Promise.resolve({ ok: true, others, refreshMs });
    },
    close: async () => sharing?.close(),
  };
}
