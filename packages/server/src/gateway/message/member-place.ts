/** Where a value stands in the bytes of a JSON text, so that it alone can be exchanged: everything else stays as it came. */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENERS = new Set([0x7b, 0x5b]);
const CLOSERS = new Set([0x7d, 0x5d]);

/** Half open. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** The place of the value at a path of member names, from the outermost object on. Of two members of one name the last counts, as for JSON.parse. */
export function placeOf(text: Buffer, path: readonly string[]): Place | undefined {
  let place: Place | undefined = { start: skipSpace(text, 0), end: text.length };
  for (const key of path) {
    if (place === undefined || text[place.start] !== 0x7b) return undefined;
    place = memberOf(text, place.start, key);
  }
  return place;
}

/** Other values in these places, all other bytes as they were. Undefined where one of the places is not there. `to` is JSON. */
export function replaceValues(text: Buffer, changes: readonly { readonly path: readonly string[]; readonly to: string }[]): Buffer | undefined {
  const found = changes.map(({ path, to }) => ({ place: placeOf(text, path), to }));
  const parts: Buffer[] = [];
  let at = 0;
  for (const { place, to } of found.toSorted((one, other) => (one.place?.start ?? 0) - (other.place?.start ?? 0))) {
    if (place === undefined) return undefined;
    parts.push(text.subarray(at, place.start), Buffer.from(to));
    at = place.end;
  }
  return Buffer.concat([...parts, text.subarray(at)]);
}

function memberOf(text: Buffer, object: number, key: string): Place | undefined {
  let found: Place | undefined;
  for (let at = skipSpace(text, object + 1); text[at] === QUOTE; ) {
    const end = endOfString(text, at);
    const colon = skipSpace(text, end);
    if (text[colon] !== COLON) return undefined;
    const start = skipSpace(text, colon + 1);
    const value = { start, end: endOfValue(text, start) };
    if (isKey(text.subarray(at, end), key)) found = value;
    const comma = skipSpace(text, value.end);
    if (text[comma] !== COMMA) break;
    at = skipSpace(text, comma + 1);
  }
  return found;
}

function isKey(token: Buffer, key: string): boolean {
  try {
    return JSON.parse(token.toString("utf8")) === key;
  } catch {
    return false;
  }
}

export function endOfValue(text: Buffer, start: number): number {
  const first = text[start] ?? COMMA;
  if (first === QUOTE) return endOfString(text, start);
  if (!OPENERS.has(first)) return endOfWord(text, start);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text[at] ?? 0;
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (OPENERS.has(code)) depth++;
    else if (CLOSERS.has(code) && --depth === 0) return at + 1;
  }
  return text.length;
}

/** Of a number, or of true, false, null. */
function endOfWord(text: Buffer, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== COMMA && !CLOSERS.has(text[at] ?? 0) && skipSpace(text, at) === at) at++;
  return at;
}

export function skipSpace(text: Buffer, start: number): number {
  let at = start;
  while (text[at] === 0x20 || text[at] === 0x09 || text[at] === 0x0a || text[at] === 0x0d) at++;
  return at;
}

function endOfString(text: Buffer, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === BACKSLASH) at++;
    else if (text[at] === QUOTE) return at + 1;
  }
  return text.length;
}
