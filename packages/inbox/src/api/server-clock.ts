/** The control plane's clock: deadlines are its, and a browser's clock may be wrong by hours. */
import { useSyncExternalStore } from "react";

let offsetMs = 0;
let isExact = false;

/** From a live stream, to the millisecond. */
export function setClock(now: number): void {
  offsetMs = now - Date.now();
  isExact = true;
}

/** From an answer's `Date`, to the second, until something better is known. */
export function hearClock(date: string | null): void {
  const said = date === null ? Number.NaN : Date.parse(date);
  if (!isExact && !Number.isNaN(said) && Math.abs(said + 500 - Date.now()) > 2000) offsetMs = said + 500 - Date.now();
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}

const listeners = new Set<() => void>();
let second = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    second = serverNow();
    for (const one of listeners) one();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time, once a second: one timer for all who show it. */
export function useServerNow(): number {
  return useSyncExternalStore(subscribe, () => (listeners.size === 0 || second === 0 ? (second = serverNow()) : second));
}
