import { validateHeaderName, validateHeaderValue } from "node:http";
import type { LookupFunction } from "node:net";
import { addressKind, assertLiteralAllowed } from "./outbound-address.ts";
import type { AddressKind, AllowedKinds } from "./outbound-address.ts";
import { createSigner } from "./webhook-signature.ts";
import type { Signer } from "./webhook-signature.ts";

export interface WebhookApprovalOptions {
  /** https; http only to loopback and with allowPrivateNetwork. A URL may be a secret: errors name its host alone. */
  readonly url: string | URL;
  /** "whsec_…" as Standard Webhooks has it, shared with the receiver; several while one replaces another. */
  readonly secret: string | readonly string[];
  /** Sent with every request, such as an Authorization header. */
  readonly headers?: { readonly [name: string]: string };
  /** For one HTTP exchange, in milliseconds. Default 10,000. The window of the question is the policy's or `withTimeout`'s. */
  readonly timeoutMs?: number;
  /** Between two polls after a 202, in milliseconds; a longer Retry-After is honoured. Default 2,000. */
  readonly pollIntervalMs?: number;
  /** Lets the receiver be in a private network or on this machine. Never link-local or metadata addresses. Default false. */
  readonly allowPrivateNetwork?: boolean;
  /** Resolves names in place of the system's resolver; what it answers is judged all the same. */
  readonly lookup?: LookupFunction;
}

/** The options after checking, with defaults. */
export interface WebhookTarget {
  readonly url: URL;
  readonly signer: Signer;
  readonly headers: { readonly [name: string]: string };
  readonly timeoutMs: number;
  readonly pollIntervalMs: number;
  readonly allowed: AllowedKinds;
  readonly lookup: LookupFunction | undefined;
}

/** Those that frame the message, and those that sign it. */
const OWN_HEADERS = new Set("accept-encoding connection content-encoding content-length content-type expect host keep-alive te trailer transfer-encoding upgrade webhook-id webhook-signature webhook-timestamp".split(" "));

/** Checks and copies the options. Throws TypeError, which quotes neither URL nor secret nor header values. */
export function readWebhookOptions(options: WebhookApprovalOptions): WebhookTarget {
  const { secret, timeoutMs = 10_000, pollIntervalMs = 2000, allowPrivateNetwork = false, lookup } = options;
  if (typeof allowPrivateNetwork !== "boolean") throw new TypeError("webhookApproval: allowPrivateNetwork must be true or false");
  for (const [name, ms] of Object.entries({ timeoutMs, pollIntervalMs })) {
    if (!Number.isFinite(ms) || ms <= 0) throw new TypeError(`webhookApproval: ${name} must be a number of milliseconds above 0`);
  }
  if (lookup !== undefined && typeof lookup !== "function") throw new TypeError("webhookApproval: lookup must be a function like dns.lookup");
  const { url, allowed } = readUrl(options.url, allowPrivateNetwork);
  const secrets = typeof secret === "string" ? [secret] : Array.isArray(secret) ? secret : [];
  if (secrets.length === 0) throw new TypeError("webhookApproval: secret is missing");
  return { url, allowed, signer: createSigner(secrets), headers: readHeaders(options.headers), timeoutMs, pollIntervalMs, lookup };
}

function readUrl(given: unknown, allowPrivateNetwork: boolean): { readonly url: URL; readonly allowed: AllowedKinds } {
  const url = URL.parse(String(given));
  if (url === null) throw new TypeError("webhookApproval: url is not a URL");
  if (url.username !== "" || url.password !== "") throw new TypeError("webhookApproval: put credentials into headers, not into url");
  const plain = url.protocol === "http:" && allowPrivateNetwork && isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && !plain) {
    throw new TypeError("webhookApproval: url must be https; http is for loopback only, with allowPrivateNetwork: true");
  }
  const kinds: readonly AddressKind[] = plain ? ["loopback"] : allowPrivateNetwork ? ["public", "private", "loopback"] : ["public"];
  const allowed = new Set(kinds);
  try {
    assertLiteralAllowed(url.hostname, allowed);
  } catch (cause) {
    const mend = allowPrivateNetwork ? "such addresses are never reached" : "set allowPrivateNetwork: true if the receiver is meant to be inside";
    throw new TypeError(`webhookApproval: ${url.host} is not a public address; ${mend}`, { cause });
  }
  url.hash = "";
  return { url, allowed };
}

function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || addressKind(hostname.replace(/^\[|\]$/gu, "")) === "loopback";
}

function readHeaders(given: unknown): { readonly [name: string]: string } {
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null) throw new TypeError("webhookApproval: headers must be an object of strings");
  return Object.freeze(Object.fromEntries(Object.entries(given).map(([name, value]) => [readHeaderName(name), readHeaderValue(name, value)])));
}

function readHeaderName(name: string): string {
  const lower = name.toLowerCase();
  if (OWN_HEADERS.has(lower)) throw new TypeError(`webhookApproval: the header ${lower} is set by webhookApproval itself`);
  try {
    validateHeaderName(name);
  } catch {
    throw new TypeError(`webhookApproval: ${JSON.stringify(name)} is no name for a header`);
  }
  return lower;
}

/** Node's own error would quote the value, which may be a key. */
function readHeaderValue(name: string, value: unknown): string {
  try {
    if (typeof value === "string") {
      validateHeaderValue(name, value);
      return value;
    }
  } catch {
    // Falls through to our own error.
  }
  throw new TypeError(`webhookApproval: the header ${JSON.stringify(name)} must be a string of characters that headers may hold`);
}
