const UNIT_MS = new Map([["ms", 1], ["s", 1000], ["m", 60_000], ["h", 3_600_000]]);

/**
 * Milliseconds of "0", "500ms", "30s", "2m" or "1h", or of a number of milliseconds.
 * Throws TypeError for everything else; a bare "30" is refused, since half its readers would take it for seconds.
 */
export function parseDuration(label: string, duration: unknown): number {
  if (typeof duration === "number" && Number.isFinite(duration) && duration >= 0) return duration;
  if (duration === "0") return 0;
  const parts = typeof duration === "string" ? /^(\d{1,9})(ms|s|m|h)$/u.exec(duration) : null;
  const unitMs = UNIT_MS.get(parts?.[2] ?? "");
  if (parts === null || unitMs === undefined) throw new TypeError(`${label} must be milliseconds or a text such as "0", "30s", "2m" or "1h"`);
  return Number(parts[1]) * unitMs;
}
