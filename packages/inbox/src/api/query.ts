/** What was asked lately, by key: one question for all who show the answer, asked again when something says that it changed. */
import { useEffect, useSyncExternalStore } from "react";
import type { Failure, Result } from "./call-route.ts";

export interface Query<T> {
  readonly value: T | undefined;
  /** Why the last question was not answered; an older value may still be there. */
  readonly failure: Failure | undefined;
  readonly isLoading: boolean;
}

interface Entry {
  shown: Query<unknown>;
  readonly listeners: Set<() => void>;
  ask: () => Promise<Result<unknown>>;
  asking: boolean;
  stale: boolean;
}

/** Answers that nobody shows any more are kept up to so many; one of them may hold a call of megabytes. */
const KEPT = 24;

const entries = new Map<string, Entry>();
const NOTHING: Query<never> = { value: undefined, failure: undefined, isLoading: true };

/** `key` null: nothing is asked yet. Its first word names what it is about, for `refresh`. */
export function useQuery<T>(key: string | null, ask: () => Promise<Result<T>>): Query<T> {
  const entry = key === null ? undefined : entryOf(key, ask);
  const shown = useSyncExternalStore(
    (listener) => {
      entry?.listeners.add(listener);
      return () => entry?.listeners.delete(listener);
    },
    () => entry?.shown ?? NOTHING,
  );
  useEffect(() => {
    if (entry !== undefined && (entry.stale || entry.shown.value === undefined)) void load(entry);
  }, [entry]);
  return shown as Query<T>; // whoever asks under a key asks the same question
}

/** Whatever was asked under keys that begin so is asked again: at once where it is shown, later otherwise. */
export function refresh(prefix: string): void {
  for (const [key, entry] of entries) {
    if (key !== prefix && !key.startsWith(`${prefix} `)) continue;
    entry.stale = true;
    if (entry.listeners.size > 0) void load(entry);
  }
}

/** At the end of a sign-in: the next person sees nothing of it. */
export function forgetAll(): void {
  entries.clear();
}

function entryOf(key: string, ask: () => Promise<Result<unknown>>): Entry {
  const found = entries.get(key);
  if (found !== undefined) {
    found.ask = ask;
    return found;
  }
  for (const [old, { listeners, asking }] of entries) {
    if (entries.size < KEPT) break;
    if (listeners.size === 0 && !asking) entries.delete(old);
  }
  const made: Entry = { shown: NOTHING, listeners: new Set(), ask, asking: false, stale: true };
  entries.set(key, made);
  return made;
}

async function load(entry: Entry): Promise<void> {
  // What changes while the question is under way is asked once more afterwards.
  if (entry.asking) return;
  entry.asking = true;
  while (entry.stale) {
    entry.stale = false;
    const said = await entry.ask();
    entry.shown = said.ok ? { value: said.value, failure: undefined, isLoading: false } : { value: entry.shown.value, failure: said, isLoading: false };
    for (const listener of entry.listeners) listener();
  }
  entry.asking = false;
}
