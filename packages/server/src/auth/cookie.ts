/**
 * Cookies as data, for whoever writes the header. `__Host-` makes the browser refuse the name without Secure, with a Domain or
 * below another path, so that no other host can plant one. See docs/decisions/2026-11-25-people-and-sign-in.md for loopback.
 */
const SIGN_IN_COOKIE = "__Host-countersign";
export const ATTEMPT_COOKIE = "__Host-countersign-attempt";
/** For browsers that keep no Secure cookie of http://127.0.0.1, and only there. */
const PLAIN_SIGN_IN_COOKIE = "countersign";
const PLAIN_ATTEMPT_COOKIE = "countersign-attempt";

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly attributes: { readonly httpOnly: true; readonly sameSite: "Strict" | "Lax"; readonly path: "/"; readonly secure: boolean; readonly maxAge: number };
}

export interface CookieNames {
  readonly signIn: string;
  readonly attempt: string;
  readonly secure: boolean;
}

/** `plain` only for http on this machine, by the operator's choice. */
export function cookieNames(origin: string, plain: boolean): CookieNames {
  const isPlain = plain && new URL(origin).protocol === "http:";
  return isPlain ? { signIn: PLAIN_SIGN_IN_COOKIE, attempt: PLAIN_ATTEMPT_COOKIE, secure: false } : { signIn: SIGN_IN_COOKIE, attempt: ATTEMPT_COOKIE, secure: true };
}

/** As the header `Set-Cookie` has it. */
export function writeCookie({ name, value, attributes }: Cookie): string {
  const { maxAge, sameSite, secure } = attributes;
  return `${name}=${value}; Path=/; HttpOnly; SameSite=${sameSite}; Max-Age=${maxAge}${secure ? "; Secure" : ""}`;
}

/** The one value of a cookie; `ambiguous` where the header has the name more than once: somebody planted one of them. */
export function readCookie(header: string | undefined, name: string): { readonly value: string | undefined; readonly ambiguous: boolean } {
  const values: string[] = [];
  for (const part of (header ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) values.push(part.slice(at + 1).trim());
  }
  return { value: values.length === 1 ? values[0] : undefined, ambiguous: values.length > 1 };
}
