/**
 * How often somebody may fail, by key: a window that slides in memory, bounded in size. An attempt counts when it begins, so that
 * a thousand at once are not a way around it, and is taken back when it succeeds. Each instance counts for itself.
 */
export interface AttemptLimit {
  /** Undefined: go on. Else milliseconds until it may be tried again. */
  begin(key: string, now: number): number | undefined;
  /** It succeeded: this one try does not count. */
  refund(key: string): void;
  /** It succeeded, and nobody else could have: the key starts anew. */
  clear(key: string): void;
}

const MAX_KEYS = 20_000;

export function createAttemptLimit(limit: number, windowMs: number): AttemptLimit {
  // A Map keeps the order of insertion: the first key is the one that was quiet for longest.
  const starts = new Map<string, readonly number[]>();
  return {
    begin: (key, now) => {
      const recent = (starts.get(key) ?? []).filter((at) => at > now - windowMs && at <= now);
      const oldest = recent[0];
      if (oldest !== undefined && recent.length >= limit) return oldest + windowMs - now;
      starts.delete(key);
      starts.set(key, [...recent, now]);
      if (starts.size > MAX_KEYS) for (const quiet of starts.keys()) if (starts.delete(quiet)) break;
      return undefined;
    },
    refund: (key) => {
      const rest = (starts.get(key) ?? []).slice(0, -1);
      if (rest.length === 0) starts.delete(key);
      else starts.set(key, rest);
    },
    clear: (key) => void starts.delete(key),
  };
}
