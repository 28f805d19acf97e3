/**
 * The strict parse of JSON text (GUARANTEES R4). The grammar is judged by JSON.parse alone; this file adds refusals for what
 * parsers disagree about: duplicate keys, numbers that do not survive, lone surrogates, invalid UTF-8, a byte order mark.
 * It never repairs: a text is accepted whole or refused with its place.
 */
import type { JsonValue } from "./json.ts";
import { DEFAULT_MAX_BYTES, MAX_DEPTH, snapshotJson, type SnapshotOptions } from "./snapshot.ts";

export type StrictParse =
  | { readonly ok: true; readonly value: JsonValue; /** RFC 8785 text: what may be sent on. */ readonly text: string }
  | { readonly ok: false; readonly reason: string };

/** Parses one JSON text. Bytes must be UTF-8. Linear in the length of the input; never throws. */
export function parseStrictJson(input: string | Uint8Array, options: SnapshotOptions = {}): StrictParse {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  if (input.length > maxBytes) return no(`larger than the limit of ${maxBytes} bytes`);
  const source = typeof input === "string" ? input : decode(input);
  if (source === undefined) return no("not valid UTF-8");
  if (source.charCodeAt(0) === 0xfeff) return no("begins with a byte order mark");
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    return no("not valid JSON"); // the engine's own message quotes the text
  }
  const ambiguity = findAmbiguity(source, MAX_DEPTH - (options.depth ?? 1) + 1);
  if (ambiguity !== undefined) return no(ambiguity);
  return snapshotJson(parsed, { ...options, maxBytes });
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

function no(reason: string): StrictParse {
  return { ok: false, reason };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Scans text that is known to be JSON for what JSON.parse resolves silently. Returns the first reason, or undefined. */
function findAmbiguity(source: string, maxDepth: number): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys seen in each open object; undefined for arrays
  let expectKey = false;
  for (let at = 0; at < source.length; ) {
    const code = source.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(source, at);
      const keys = open.at(-1);
      if (expectKey && keys !== undefined) {
        const raw = source.slice(at, end);
        // A JSON string token parses to a string.
        const key = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
        if (keys.has(key)) return `offset ${at}: a duplicate key`;
        keys.add(key);
        expectKey = false;
      }
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      if (open.length >= maxDepth) return `offset ${at}: nested deeper than ${MAX_DEPTH}`;
      open.push(code === 0x7b ? new Set() : undefined);
      expectKey = code === 0x7b;
      at++;
    } else if (code === 0x7d || code === 0x5d) {
      open.pop();
      expectKey = false;
      at++;
    } else if (code === 0x2c) {
      expectKey = open.at(-1) !== undefined;
      at++;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(source, at);
      const trouble = numberTrouble(source.slice(at, end));
      if (trouble !== undefined) return `offset ${at}: ${trouble}`;
      at = end;
    } else {
      at++;
    }
  }
  return undefined;
}

function endOfString(source: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = source.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    at += code === BACKSLASH ? 2 : 1;
  }
}

function endOfNumber(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && "0123456789+-.eE".includes(source.charAt(at))) at++;
  return at;
}

/** Why a number token does not survive a round trip through a double, or undefined. */
function numberTrouble(token: string): string | undefined {
  const value = Number(token);
  if (!Number.isFinite(value)) return "a number too large for a double";
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(value) ? undefined : "an integer beyond ±(2^53-1); send it as a string";
  return decimal(token) === decimal(String(value)) ? undefined : "a number that a double cannot hold exactly; send it as a string";
}

/** The decimal value of a number token in one spelling: digits without outer zeros, and the power of ten. Sign of zero is dropped. */
function decimal(token: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "");
  const trimmed = digits.replace(/0+$/, "");
  if (trimmed === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - trimmed.length);
  return `${sign}${trimmed}e${power}`;
}
