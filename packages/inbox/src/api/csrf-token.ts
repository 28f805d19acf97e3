/** The token that proves to the control plane that a request comes from this page. Per origin; the cookie beside it is out of reach here. */
const KEY = "countersign.csrf";
/** When this browser went to a provider, in milliseconds since the epoch. */
const AWAY = "countersign.away";
/** As long as the control plane waits for it to come back. */
const AWAY_MS = 10 * 60_000;

export function readCsrfToken(): string | null {
  return localStorage.getItem(KEY);
}

export function keepCsrfToken(token: string): void {
  localStorage.setItem(KEY, token);
}

export function dropCsrfToken(): void {
  localStorage.removeItem(KEY);
}

/** Before the browser goes to a provider: only then is there a way back. */
export function goAway(): void {
  localStorage.setItem(AWAY, String(Date.now()));
}

/**
 * What an OpenID provider's way back brings: `/#csrf=…`. Taken out of the address at once, and kept where this browser went there: any
 * page can send it here with a token that it made up, in the place of the one that counts.
 */
export function takeCsrfFromAddress(): void {
  const token = /^#csrf=([\w-]{1,200})$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  const awayMs = Date.now() - Number(localStorage.getItem(AWAY) ?? -Infinity);
  if (awayMs >= 0 && awayMs < AWAY_MS) keepCsrfToken(token);
  localStorage.removeItem(AWAY);
  history.replaceState(null, "", location.pathname + location.search);
}
