/**
 * What was taken from the buckets of throttles, as running totals, bounded in every direction: a counter that nobody touches is
 * forgotten, a key may start only so many, and the history by which each process hears its news has an end. Pure memory.
 */
const FORGOTTEN_MS = 10 * 60_000;
/** Nobody takes so much at once; sums stay numbers. */
const MOST_TOKENS = 1e9;
/** Exact for a process that comes back before so many others have moved the same counter. */
const MAX_POINTS = 512;

export interface CountersOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly maxCounters?: number;
  /** How many counters one key may have started. */
  readonly maxPerKey?: number;
}

export interface Counter {
  readonly policy: string;
  readonly key: string;
  /** Who started it; null where another instance did. */
  readonly startedBy: string | null;
  /** Taken through this instance. */
  own: number;
  total: number;
  /** When it last moved: in moves, and in milliseconds. */
  moved: number;
  at: number;
  /** What the total was from a move on, oldest first. */
  points: { readonly moved: number; readonly total: number }[];
  older: Counter | undefined;
  newer: Counter | undefined;
}

export interface Counters {
  /** A mark of now: what moves later is news to whoever has it. */
  mark(): number;
  /** Adds tokens; undefined where there is no room for this counter. `by`: the key; null for another instance's share. */
  add(policy: string, key: string, tokens: number, by: string | null): Counter | undefined;
  /** Counters that moved since the mark, with what they moved by. The stricter side where the history is too short. */
  since(mark: number): readonly { readonly counter: Counter; readonly tokens: number }[];
  /** Forgets what nobody touched for ten minutes; its bucket has refilled or holds no more than a new one. */
  forget(onForgotten?: (counter: Counter) => void): void;
  readonly size: number;
}

export function createCounters({ now, maxCounters = 100_000, maxPerKey = 5_000 }: CountersOptions): Counters {
  const byPlace = new Map<string, Counter>();
  const startedBy = new Map<string | null, number>();
  let newest: Counter | undefined;
  let oldest: Counter | undefined;
  let moves = 0;

  function unlink(counter: Counter): void {
    const { older, newer } = counter;
    if (older === undefined) oldest = newer;
    else older.newer = newer;
    if (newer === undefined) newest = older;
    else newer.older = older;
    counter.older = counter.newer = undefined;
  }

  function putFirst(counter: Counter): void {
    counter.older = newest;
    if (newest === undefined) oldest = counter;
    else newest.newer = counter;
    newest = counter;
  }

  function start(policy: string, key: string, by: string | null): Counter | undefined {
    const started = startedBy.get(by) ?? 0;
    if (byPlace.size >= maxCounters || (by !== null && started >= maxPerKey)) return undefined;
    startedBy.set(by, started + 1);
    const counter: Counter = { policy, key, startedBy: by, own: 0, total: 0, moved: 0, at: now(), points: [], older: undefined, newer: undefined };
    byPlace.set(placeOf(policy, key), counter);
    putFirst(counter);
    return counter;
  }

  function drop(counter: Counter): void {
    unlink(counter);
    byPlace.delete(placeOf(counter.policy, counter.key));
    const left = (startedBy.get(counter.startedBy) ?? 1) - 1;
    if (left === 0) startedBy.delete(counter.startedBy);
    else startedBy.set(counter.startedBy, left);
  }

  return {
    mark: () => moves,
    add(policy, key, tokens, by) {
      const counter = byPlace.get(placeOf(policy, key)) ?? start(policy, key, by);
      if (counter === undefined) return undefined;
      const added = Math.min(tokens, MOST_TOKENS);
      counter.total += added;
      if (by !== null) counter.own += added;
      counter.moved = moves += 1;
      counter.at = now();
      counter.points.push({ moved: moves, total: counter.total });
      // Of the older half every second point goes: whoever comes back after long hears rather too much.
      if (counter.points.length > MAX_POINTS) counter.points = counter.points.filter((_, index) => index >= MAX_POINTS / 2 || index % 2 === 0);
      unlink(counter);
      putFirst(counter);
      return counter;
    },
    since(mark) {
      const found = [];
      for (let counter = newest; counter !== undefined && counter.moved > mark; counter = counter.older) {
        const tokens = counter.total - totalAt(counter, mark);
        if (tokens > 0) found.push({ counter, tokens });
      }
      return found;
    },
    forget(onForgotten) {
      const limit = now() - FORGOTTEN_MS;
      for (let counter = oldest; counter !== undefined && counter.at < limit; counter = oldest) {
        drop(counter);
        onForgotten?.(counter);
      }
    },
    get size() {
      return byPlace.size;
    },
  };
}

function totalAt({ points }: Counter, mark: number): number {
  for (let index = points.length - 1; index >= 0; index -= 1) {
    const point = points[index];
    if (point !== undefined && point.moved <= mark) return point.total;
  }
  return 0;
}

function placeOf(policy: string, key: string): string {
  return JSON.stringify([policy, key]);
}
