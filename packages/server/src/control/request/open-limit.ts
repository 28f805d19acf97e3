/** How many open requests one agent key may have. Counted in the store seldom, and carried on here in between: never too few. */
import type { Store } from "../../store/store.ts";

export interface OpenLimit {
  /** Whether one more is allowed; takes its place at once. */
  admit(keyId: string): Promise<boolean>;
}

const RECOUNT_MS = 1_000;
const KEPT_KEYS = 10_000;

export function createOpenLimit(store: Store, tenant: string, max: number): OpenLimit {
  const known = new Map<string, { atMost: number; countedAt: number; counting: Promise<void> | undefined }>();

  async function recount(keyId: string, entry: { atMost: number; countedAt: number }): Promise<void> {
    const before = entry.atMost;
    const stored = await store.count(tenant, "approval", { key_id: keyId, state: ["pending", "approved"] });
    // Those admitted while it was counting may not be in it.
    entry.atMost = stored + Math.max(0, entry.atMost - before);
    entry.countedAt = performance.now();
  }

  return {
    async admit(keyId) {
      let entry = known.get(keyId);
      if (entry === undefined) {
        entry = { atMost: max, countedAt: -Infinity, counting: undefined };
        if (known.size >= KEPT_KEYS) known.clear();
        known.set(keyId, entry);
      }
      const counted = entry;
      if (counted.atMost >= max && performance.now() - counted.countedAt > RECOUNT_MS) {
        counted.counting ??= recount(keyId, counted).finally(() => (counted.counting = undefined));
      }
      if (counted.counting !== undefined) await counted.counting;
      if (counted.atMost >= max) return false;
      counted.atMost += 1;
      return true;
    },
  };
}
