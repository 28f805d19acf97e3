/** Times and lengths of time in a few words. Pure. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** For a ring: at most four characters or so. */
export function shortDuration(ms: number): string {
  if (ms >= 10 * MINUTE && ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}:${String(Math.floor((ms % MINUTE) / SECOND)).padStart(2, "0")}`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h`;
  return `${Math.floor(ms / DAY)}d`;
}

export function durationWords(ms: number): string {
  if (ms < MINUTE) return count(Math.floor(ms / SECOND), "second");
  if (ms < HOUR) return count(Math.floor(ms / MINUTE), "minute");
  if (ms < DAY) return count(Math.floor(ms / HOUR), "hour");
  return count(Math.floor(ms / DAY), "day");
}

/** For what was measured: `420 ms`, `1.4 s`, `2 minutes`. */
export function elapsedWords(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  return ms < MINUTE ? `${(ms / SECOND).toFixed(1)} s` : durationWords(ms);
}

export function agoWords(at: number, now: number): string {
  const ms = now - at;
  if (ms < 5 * SECOND) return "just now";
  return `${durationWords(ms)} ago`;
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function absoluteTime(at: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(at);
}
