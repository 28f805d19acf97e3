/**
 * Ids and secret tokens. A token is 256 random bits behind a prefix that says what it is, so that a scanner of leaked secrets
 * finds it; what is stored is its SHA-256, and looking it up by that hash leaks nothing through time. With 256 bits no salt and
 * no slow hash is needed (RFC 6749 §10.10). Called by control/people, control/key and control/sign-in.
 */
import { hash, randomBytes, randomFillSync, timingSafeEqual } from "node:crypto";

const PREFIXES = { link: "csl_", sign_in: "css_", attempt: "csa_", csrf: "csc_", operator: "cso_" } as const;
export type SecretKind = keyof typeof PREFIXES;
const AGENT_KEY = "csk_";
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const ID = /^[0-9a-v]{26}$/;
const ID_ALPHABET = "0123456789abcdefghijklmnopqrstuv";

const ID_LENGTH = 26;
/** Random bytes are drawn for many ids at once: a draw takes longer than all else about an id. Each byte is used once. */
const drawn = Buffer.alloc(ID_LENGTH * 128);
let used = drawn.length;

/** 130 random bits in lower case: an id is never used again, two differ in more than case, and none looks like an option of a command. */
export function newId(): string {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  let id = "";
  for (const end = used + ID_LENGTH; used < end; used++) id += ID_ALPHABET.charAt((drawn[used] ?? 0) & 31);
  return id;
}

export function newSecret(kind: SecretKind): string {
  return PREFIXES[kind] + randomBytes(32).toString("base64url");
}

export function newAgentSecret(keyId: string): string {
  return `${AGENT_KEY}${keyId}_${randomBytes(32).toString("base64url")}`;
}

/** Hex SHA-256: what is stored of a secret, and what rows of sign-ins, links and attempts are found by. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** Whether it has the form of such a token. Anything else is never looked up. */
export function isSecret(kind: SecretKind, text: string): boolean {
  const prefix = PREFIXES[kind];
  return text.length === prefix.length + 43 && text.startsWith(prefix) && SECRET.test(text.slice(prefix.length));
}

/** Whether it claims to be an agent's key, whole or not. */
export function looksLikeAgentSecret(text: string): boolean {
  return text.startsWith(AGENT_KEY);
}

/** The id in an agent's secret; undefined where it does not have the form of one. */
export function keyIdOfSecret(secret: string): string | undefined {
  if (secret.length !== AGENT_KEY.length + 26 + 1 + 43 || !secret.startsWith(AGENT_KEY) || secret[30] !== "_") return undefined;
  const id = secret.slice(AGENT_KEY.length, 30);
  return ID.test(id) && SECRET.test(secret.slice(31)) ? id : undefined;
}

/** Compares a secret with a stored hash in constant time. */
export function matchesHash(secret: string, storedHash: string): boolean {
  const stored = Buffer.from(storedHash, "hex");
  return stored.length === 32 && timingSafeEqual(hash("sha256", secret, "buffer"), stored);
}
