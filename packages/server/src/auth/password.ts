/**
 * Passwords: scrypt of node:crypto in the PHC string form `$scrypt$ln=15,r=8,p=3$salt$hash`, so that the parameters of each hash
 * are read from the hash and may rise later. At most two are computed at a time: each takes 32 MiB and a thread of the pool.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { GUESSED_PASSWORDS } from "./guessed-passwords.ts";

interface Cost {
  /** Binary logarithm of scrypt's N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** One of the equally strong settings of the OWASP password storage sheet, the one that fits 32 MiB. */
const COST: Cost = { ln: 15, r: 8, p: 3 };
const HASH_BYTES = 32;
const MIN_LENGTH = 10;
const MAX_LENGTH = 1000;
const AT_ONCE = 2;
const MAX_WAITING = 64;
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** Undefined: it may be used. Else a sentence for the person who chose it. */
export function faultOfPassword(password: string, about: readonly string[]): string | undefined {
  if (password.length < MIN_LENGTH) return `A password has at least ${MIN_LENGTH} characters.`;
  if (password.length > MAX_LENGTH) return `A password has at most ${MAX_LENGTH} characters.`;
  const plain = simplify(password);
  if (new Set(plain).size < 4) return "This password repeats itself too much.";
  if (GUESSED_PASSWORDS.has(plain)) return "This is one of the passwords that are tried first. Choose another.";
  const own = about.map(simplify).filter((it) => it.length >= 4);
  return own.some((it) => plain.includes(it) && plain.length - it.length < 6) ? "This password is little more than your name or address." : undefined;
}

/** A string that holds all that is needed to check a password, and from which nothing else can be done. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return phc(COST, salt, await derive(password, salt, COST));
}

/**
 * Whether the password is the one of this hash. With null (nobody has this address, or no password) it works as long and says no.
 * "busy": too many are being checked.
 */
export async function checkPassword(password: string, stored: string | null): Promise<boolean | "busy"> {
  if (waiting.length >= MAX_WAITING) return "busy";
  const match = stored === null ? null : PHC.exec(stored);
  const [, ln = "", r = "", p = "", salt = "", hash = ""] = match ?? [];
  const cost = match === null ? COST : { ln: Number(ln), r: Number(r), p: Number(p) };
  const derived = await derive(password, match === null ? randomBytes(16) : Buffer.from(salt, "base64"), cost);
  return match !== null && timingSafeEqual(derived, Buffer.from(hash, "base64"));
}

function phc({ ln, r, p }: Cost, salt: Buffer, hash: Buffer): string {
  const unpadded = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

// NFKC as RFC 8265: the same password typed on two keyboards gives the same bytes.
async function derive(password: string, salt: Buffer, { ln, r, p }: Cost): Promise<Buffer> {
  await enter();
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      scrypt(password.normalize("NFKC"), salt, HASH_BYTES, { N: 2 ** ln, r, p, maxmem: 2 * 128 * r * 2 ** ln }, (error, key) => (error === null ? resolve(key) : reject(error)));
    });
  } finally {
    leave();
  }
}

let running = 0;
const waiting: (() => void)[] = [];

async function enter(): Promise<void> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
}

function leave(): void {
  const next = waiting.shift();
  if (next === undefined) running -= 1;
  else next();
}

function simplify(text: string): string {
  return text.normalize("NFKC").toLowerCase().replaceAll(/\s/g, "");
}
