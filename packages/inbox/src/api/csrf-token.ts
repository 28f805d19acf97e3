/** The token that proves to the control plane that a request comes from this page. Per origin; the cookie beside it is out of reach here. */
const KEY = "countersign.csrf";

export function readCsrfToken(): string | null {
  return localStorage.getItem(KEY);
}

export function keepCsrfToken(token: string): void {
  localStorage.setItem(KEY, token);
}

export function dropCsrfToken(): void {
  localStorage.removeItem(KEY);
}

/** What an OpenID provider's way back brings: `/#csrf=…`. Taken out of the address at once. */
export function takeCsrfFromAddress(): void {
  const token = /^#csrf=([\w-]{1,200})$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  keepCsrfToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}
