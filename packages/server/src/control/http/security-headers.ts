/** Headers of every answer (GUARANTEES R20): nothing may be framed, sniffed, kept or read by another origin. No CORS header, ever. */

const ALWAYS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "x-dns-prefetch-control": "off",
};

/** For answers that are data: nothing in them is ever run or loaded. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox";

/** For pages of ours: scripts and styles from here only, none inline. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'";

/** A year, as the preload lists ask. */
const HSTS = "max-age=31536000; includeSubDomains";

export function securityHeaders(kind: "api" | "page", overHttps: boolean): Readonly<Record<string, string>> {
  return {
    ...ALWAYS,
    "content-security-policy": kind === "api" ? API_POLICY : PAGE_POLICY,
    ...(kind === "api" ? { "cache-control": "no-store" } : {}),
    ...(overHttps ? { "strict-transport-security": HSTS } : {}),
  };
}
