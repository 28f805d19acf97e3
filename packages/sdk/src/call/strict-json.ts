/**
 * The strict parse of JSON text (GUARANTEES R4). The grammar is judged by JSON.parse alone (parse-json.ts); this file adds refusals for what
 * parsers disagree about: duplicate keys, numbers that do not survive, lone surrogates, invalid UTF-8, a byte order mark.
 * It never repairs: a text is accepted whole or refused with its place.
 */
import { decodeUtf8 } from "./decode-utf8.ts";
import type { JsonValue } from "./json.ts";
import { parseJson } from "./parse-json.ts";
import { DEFAULT_MAX_BYTES, isLonger, MAX_DEPTH, snapshotJson, type SnapshotOptions } from "./snapshot.ts";

export type StrictParse =
  | { readonly ok: true; readonly value: JsonValue; /** RFC 8785 text: what may be sent on. */ readonly text: string }
  | { readonly ok: false; readonly reason: string };

/** Parses one JSON text. Bytes must be UTF-8. Linear in the length of the input; never throws. */
export function parseStrictJson(input: string | Uint8Array, options: SnapshotOptions = {}): StrictParse {
  const { depth = 1, maxBytes = DEFAULT_MAX_BYTES } = options;
  if (typeof input === "string" ? isLonger(input, maxBytes) : input.byteLength > maxBytes) return no(`larger than the limit of ${maxBytes} bytes`);
  const source = typeof input === "string" ? input : decodeUtf8(input);
  if (source === undefined) return no("not valid UTF-8");
  if (source.charCodeAt(0) === 0xfeff) return no("begins with a byte order mark");
  const trouble = findTrouble(source, MAX_DEPTH - depth + 1);
  if (trouble?.tooDeep === true) return no(trouble.reason); // before the work that depth makes expensive
  let parsed: unknown;
  try {
    parsed = parseJson(source);
  } catch {
    return no("not valid JSON"); // the engine's own message quotes the text
  }
  return trouble === undefined ? snapshotJson(parsed, { ...options, maxBytes }) : no(trouble.reason);
}

export interface AmbiguityOptions {
  /** Depth of the outermost container; 1 is the params object. Default 1. */
  readonly depth?: number;
  /** `keys`: only keys that stand twice, for texts that are passed on as they are and matter by their keys alone. Default `all`. */
  readonly look?: "all" | "keys";
}

/** Why readers may disagree about a text that JSON.parse takes; undefined where they cannot. For callers that take the snapshot elsewhere. */
export function findAmbiguity(source: string, { depth = 1, look = "all" }: AmbiguityOptions = {}): string | undefined {
  return findTrouble(source, look === "keys" ? Infinity : MAX_DEPTH - depth + 1, look === "all")?.reason;
}

function no(reason: string): StrictParse {
  return { ok: false, reason };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

interface Trouble {
  readonly reason: string;
  readonly tooDeep: boolean;
}

/**
 * Scans for what JSON.parse resolves silently, and returns the first such place. The text may still turn out not to be JSON:
 * then the scan means nothing, but it ends.
 */
function findTrouble(source: string, maxDepth: number, numbers = true): Trouble | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys seen in each open object; undefined for arrays
  let expectKey = false;
  const at = (offset: number, what: string, tooDeep = false): Trouble => ({ reason: `offset ${offset}: ${what}`, tooDeep });
  for (let offset = 0; offset < source.length; ) {
    const code = source.charCodeAt(offset);
    if (code === QUOTE) {
      const end = endOfString(source, offset);
      const keys = open.at(-1);
      if (expectKey && keys !== undefined) {
        const key = readKey(source.slice(offset, end));
        if (key === undefined || keys.has(key)) return at(offset, "a duplicate key");
        keys.add(key);
        expectKey = false;
      }
      offset = end;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(source, offset);
      const trouble = numbers && !isSmallInteger(source, offset, end) ? numberTrouble(source.slice(offset, end)) : undefined;
      if (trouble !== undefined) return at(offset, trouble);
      offset = end;
    } else {
      if (code === 0x7b || code === 0x5b) {
        if (open.length >= maxDepth) return at(offset, `nested deeper than ${MAX_DEPTH}`, true);
        open.push(code === 0x7b ? new Set() : undefined);
        expectKey = code === 0x7b;
      } else if (code === 0x7d || code === 0x5d) {
        open.pop();
        expectKey = false;
      } else if (code === 0x2c) {
        expectKey = open.at(-1) !== undefined;
      }
      offset++;
    }
  }
  return undefined;
}

/** The key that a string token spells; undefined where it is no JSON string. */
function readKey(token: string): string | undefined {
  if (!token.includes("\\")) return token.slice(1, -1);
  try {
    return JSON.parse(token) as string; // a token in quotes parses to a string or not at all
  } catch {
    return undefined;
  }
}

/** So many characters are walked faster than they are searched. */
const SHORT = 64;

/** Every character is looked at three times at most, whatever is escaped. */
function endOfString(source: string, start: number): number {
  let at = start + 1;
  let quote = start;
  for (;;) {
    for (const near = Math.min(source.length, at + SHORT); at < near; at++) {
      const code = source.charCodeAt(at);
      if (code === QUOTE) return at + 1;
      if (code === BACKSLASH) at++;
    }
    if (quote < at) quote = source.indexOf('"', at);
    if (quote < 0) return source.length;
    const escape = source.slice(at, quote).indexOf("\\");
    if (escape < 0) return quote + 1;
    at += escape + 2;
  }
}

function endOfNumber(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && isOfNumber(source.charCodeAt(at))) at++;
  return at;
}

function isOfNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65;
}

/** So many digits every double holds. */
const SAFE_DIGITS = 15;

/** An integer that needs no second look; most numbers are. */
function isSmallInteger(source: string, start: number, end: number): boolean {
  if (end - start > SAFE_DIGITS) return false;
  for (let at = source.charCodeAt(start) === 0x2d ? start + 1 : start; at < end; at++) {
    const code = source.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

/** Why a number token does not survive a round trip through a double, or undefined. */
function numberTrouble(token: string): string | undefined {
  const value = Number(token);
  if (!Number.isFinite(value)) return "a number too large for a double";
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(value) ? undefined : "an integer beyond ±(2^53-1); send it as a string";
  return decimal(token) === decimal(String(value)) ? undefined : "a number that a double cannot hold exactly; send it as a string";
}

/**
 * The decimal value of a number token in one spelling: digits without outer zeros, and the power of ten; the sign of zero is
 * dropped. An exponent too long for a double never gets here with digits that count, unless the double is 0: both then differ.
 */
function decimal(token: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const digits = whole + fraction;
  let start = 0;
  while (start < digits.length && digits.charCodeAt(start) === ZERO) start++;
  let end = digits.length; // by hand: /0+$/ is quadratic in zeros that do not end the digits
  while (end > start && digits.charCodeAt(end - 1) === ZERO) end--;
  if (start === end) return "0";
  return `${sign}${digits.slice(start, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
