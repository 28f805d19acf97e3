/**
 * JSON.parse for texts whose keys matter. V8 of Node 24 (13.6) can answer a key that is written with an escape by one that it
 * met before in the same place: after `{"x":1,"\\":2}`, the text `{"x":1,"\u0061":2}` gives the key `\` and not `a`. Values and keys
 * without escapes are right. So a text with an escaped key is read by the few lines below, once JSON.parse has judged its grammar.
 */
import type { JsonValue } from "./json.ts";

/** Throws SyntaxError as JSON.parse does. */
export function parseJson(text: string): JsonValue {
  const value = JSON.parse(text) as JsonValue; // JSON.parse yields JSON
  return hasEscapedKey(text) ? new Reader(text).read() : value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Whether a string that a colon follows holds an escape. `text` is JSON, so a backslash stands in a string: only such strings are walked. */
function hasEscapedKey(text: string): boolean {
  for (let at = text.indexOf("\\"); at >= 0; at = text.indexOf("\\", at)) {
    at = endOfString(text, at - 1);
    if (text.charCodeAt(skipSpace(text, at)) === COLON) return true;
  }
  return false;
}

/** The place behind the string that begins here, or whose next character stands behind this one. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Reads a text that is known to be JSON. Keys become own properties by Object.fromEntries, which knows no transitions of shapes. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): JsonValue {
    this.#at = skipSpace(this.#text, this.#at);
    const first = this.#text.charAt(this.#at);
    if (first === "{") return this.#object();
    if (first === "[") return this.#array();
    return first === '"' ? this.#string() : this.#scalar();
  }

  #object(): JsonValue {
    const entries: [string, JsonValue][] = [];
    for (let next = this.#step(); next !== "}"; next = this.#next()) {
      const key = this.#string();
      this.#next(); // the colon
      this.#at++;
      entries.push([key, this.read()]);
      if (this.#next() === ",") this.#at++;
    }
    this.#at++;
    return Object.fromEntries(entries);
  }

  #array(): JsonValue {
    const items: JsonValue[] = [];
    for (let next = this.#step(); next !== "]"; next = this.#next()) {
      items.push(this.read());
      if (this.#next() === ",") this.#at++;
    }
    this.#at++;
    return items;
  }

  #string(): string {
    const start = this.#at;
    this.#at = endOfString(this.#text, start);
    return JSON.parse(this.#text.slice(start, this.#at)) as string; // a string in quotes, alone: no key
  }

  #scalar(): JsonValue {
    const start = this.#at;
    while (this.#at < this.#text.length && !isSpace(this.#text.charCodeAt(this.#at)) && !",]}".includes(this.#text.charAt(this.#at))) this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at)) as JsonValue; // a number or a literal
  }

  /** Past the bracket here, to what comes next. */
  #step(): string {
    this.#at++;
    return this.#next();
  }

  #next(): string {
    this.#at = skipSpace(this.#text, this.#at);
    return this.#text.charAt(this.#at);
  }
}
