/**
 * Throttle counters shared by the processes of an installation: each tells what it took from its buckets and hears what the
 * others took meanwhile. Late by one interval, and no part of the record; nothing here refuses a call.
 */
import type { ThrottleAnswer, ThrottleBody } from "@countersign/sdk/wire";
import type { Identity } from "../../auth/identity.ts";
import { refuse, type Answer } from "../refusal.ts";

export interface Throttle {
  exchange(identity: Identity, body: ThrottleBody): Promise<Answer<ThrottleAnswer>>;
}

export interface ThrottleOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** How often processes should come. */
  readonly refreshMs?: number;
}

/** What one process took, as a running total, and when it last came. */
interface Member {
  readonly taken: Map<string, number>;
  /** Totals of the others that it has heard of already. */
  readonly heard: Map<string, number>;
  seenAt: number;
}

/** A process that has not come for so long has ended; what it took has refilled. */
const FORGOTTEN_MS = 10 * 60_000;
const MAX_MEMBERS = 10_000;

/** In the memory of one instance: a second instance behind the same address adds its own view, so counters may differ by its share. */
export function createThrottle({ now, refreshMs = 1_000 }: ThrottleOptions): Throttle {
  const members = new Map<string, Member>();
  /** Running totals of all, by counter. */
  const totals = new Map<string, number>();

  function forget(): void {
    const limit = now() - FORGOTTEN_MS;
    for (const [id, { seenAt }] of members) if (seenAt < limit || members.size > MAX_MEMBERS) members.delete(id);
    if (members.size === 0) totals.clear();
  }

  return {
    exchange(identity, { process, taken }) {
      if (identity.kind !== "agent") return Promise.resolve(refuse("forbidden", "only agents' keys exchange counters"));
      forget();
      const id = `${identity.keyId}/${process}`;
      // Whoever comes first hears of what is taken from now on: before that its own buckets were full anyway.
      const member = members.get(id) ?? { taken: new Map(), heard: new Map(totals), seenAt: now() };
      members.set(id, member);
      member.seenAt = now();
      for (const { policy, key, tokens } of taken) {
        const counter = JSON.stringify([policy, key]);
        member.taken.set(counter, (member.taken.get(counter) ?? 0) + tokens);
        totals.set(counter, (totals.get(counter) ?? 0) + tokens);
        member.heard.set(counter, (member.heard.get(counter) ?? 0) + tokens); // its own are no news to it
      }
      const others = [];
      for (const [counter, total] of totals) {
        const news = total - (member.heard.get(counter) ?? 0);
        if (news <= 0) continue;
        member.heard.set(counter, total);
        const [policy, key] = JSON.parse(counter) as [string, string]; // written above
        others.push({ policy, key, tokens: news });
      }
      return Promise.resolve({ ok: true, others, refreshMs });
    },
  };
}
