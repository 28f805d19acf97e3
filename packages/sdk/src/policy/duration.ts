const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a duration such as "500ms", "30s", "1m", "2h", "1d", or undefined where the text is none or not positive. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  // The expression above admits these units only.
  const ms = Number(amount) * UNITS[unit as keyof typeof UNITS];
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
