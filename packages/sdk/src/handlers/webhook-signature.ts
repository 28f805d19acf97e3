/**
 * Standard Webhooks signatures, both ways: ours on what is sent, the receiver's on what it answers.
 * An answer counts when exactly one id, time and signature are there, the time is within 5 minutes, and a secret fits.
 * Secrets never leave this file, in errors neither. Called by webhook-approval.ts. Source: standardwebhooks.com, spec v1.
 */
import { Webhook } from "standardwebhooks";

const NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

export interface Signer {
  /** The three headers for a body; `id` must be new for each message. */
  readonly sign: (id: string, at: Date, body: string) => { readonly [name: string]: string };
  /** The id of the answer, if it is signed. Throws an Error that says what is wrong, and quotes nothing. */
  readonly verify: (headers: NodeJS.Dict<string[]>, body: string) => string;
}

/** Signs with every secret (for the time in which one replaces another) and accepts a signature by any. Throws TypeError. */
export function createSigner(secrets: readonly string[]): Signer {
  const keys = secrets.map(readSecret);
  return {
    sign(id, at, body) {
      const signatures = keys.map((key) => key.sign(id, at, body));
      return { "webhook-id": id, "webhook-timestamp": String(Math.floor(at.getTime() / 1000)), "webhook-signature": signatures.join(" ") };
    },
    verify(headers, body) {
      const single = Object.fromEntries(NAMES.map((name) => [name, onlyOne(headers, name)]));
      const problems = keys.flatMap((key) => problemOf(key, body, single));
      if (problems.length === keys.length) throw new Error(`the answer's signature does not count: ${problems[0] ?? ""}`);
      return single["webhook-id"] ?? "";
    },
  };
}

/** Two of a kind would leave it open which one another reader on the way believed. */
function onlyOne(headers: NodeJS.Dict<string[]>, name: string): string {
  const [value, second] = headers[name] ?? [];
  if (value === undefined || value === "") throw new Error(`the answer is not signed: it has no ${name} header`);
  if (second !== undefined) throw new Error(`the answer has more than one ${name} header`);
  return value;
}

function problemOf(key: Webhook, body: string, headers: Record<string, string>): readonly string[] {
  try {
    key.verify(body, headers, { jsonParse: false });
    return [];
  } catch (error) {
    // The library's messages are fixed sentences.
    return [error instanceof Error ? error.message : "it cannot be verified"];
  }
}

function readSecret(secret: unknown): Webhook {
  const encoded = typeof secret === "string" ? /^whsec_([A-Za-z0-9+/]+={0,2})$/u.exec(secret)?.[1] : undefined;
  const bytes = encoded === undefined ? 0 : Buffer.from(encoded, "base64").length;
  if (encoded === undefined || encoded.length % 4 !== 0 || bytes < MIN_KEY_BYTES || bytes > MAX_KEY_BYTES) {
    throw new TypeError(`webhookApproval: secret must be "whsec_" and the base64 of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} random bytes`);
  }
  return new Webhook(encoded);
}
