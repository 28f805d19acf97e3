/** Figures in a few characters. Pure. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Between a number and its unit: they stay on one line. */
const GAP = "\u00a0";

export function numberWords(value: number): string {
  return value.toLocaleString("en");
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function paceWords(ms: number): string {
  if (ms < 10 * SECOND) return `${Number((ms / SECOND).toFixed(1))}${GAP}s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)}${GAP}s`;
  if (ms < HOUR) return two(Math.round(ms / SECOND), 60, "min", "s");
  if (ms < DAY) return two(Math.round(ms / MINUTE), 60, "h", "min");
  return two(Math.round(ms / HOUR), 24, "d", "h");
}

function two(amount: number, base: number, large: string, small: string): string {
  const rest = amount % base;
  return rest === 0 ? `${Math.floor(amount / base)}${GAP}${large}` : `${Math.floor(amount / base)}${GAP}${large} ${rest}${GAP}${small}`;
}

export function paceOrNone(ms: number | null): string {
  return ms === null ? "–" : paceWords(ms);
}

/** Of those that people decided; a dash where they decided none. */
export function rateWords(approved: number, denied: number): string {
  const decided = approved + denied;
  if (decided === 0) return "–";
  const percent = (100 * approved) / decided;
  // Never all where one was not, and never none where one was.
  const shown = percent > 99 && denied > 0 ? Math.floor(percent * 10) / 10 : percent < 1 && approved > 0 ? Math.ceil(percent * 10) / 10 : Math.round(percent);
  return `${shown}${GAP}%`;
}

/** `mcp:server:tool` as its two parts. A tool may have colons in its name, a server none. */
export function partsOfPolicyId(policyId: string): { readonly server: string; readonly tool: string } | undefined {
  const [, server, tool] = /^mcp:([^:]*):([\s\S]*)$/.exec(policyId) ?? [];
  return server === undefined || tool === undefined ? undefined : { server, tool };
}
