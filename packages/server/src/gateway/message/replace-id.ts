/** A response under another id, all its other bytes as they came: results are never written anew on the way back. */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * `line` is a JSON object whose own `id` is the string `from`; `to` is the JSON text that takes its place. Undefined where the id cannot be
 * found in the bytes, as in a text that is no UTF-8.
 */
export function replaceId(line: Buffer, from: string, to: string): Buffer | undefined {
  const token = Buffer.from(JSON.stringify(from));
  const first = line.indexOf(token);
  // The id is in there once, as our own spelling: no other place could be it.
  const isPlain = first >= 0 && line.indexOf(token, first + 1) < 0;
  const place = isPlain ? { start: first, end: first + token.length } : findId(line);
  if (place === undefined) return undefined;
  return Buffer.concat([line.subarray(0, place.start), Buffer.from(to), line.subarray(place.end)]);
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where the value of the outermost object's last `id` stands, a string: JSON.parse takes the last one too. */
function findId(line: Buffer): Place | undefined {
  let depth = 0;
  let found: Place | undefined;
  for (let at = 0; at < line.length; at++) {
    const code = line[at];
    if (code === QUOTE) {
      const end = endOfString(line, at);
      const value = depth === 1 ? afterColon(line, end) : undefined;
      if (value !== undefined && line[value] === QUOTE && isId(line.subarray(at, end))) found = { start: value, end: endOfString(line, value) };
      at = end - 1;
    } else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return found;
}

function isId(token: Buffer): boolean {
  try {
    return JSON.parse(token.toString("utf8")) === "id";
  } catch {
    return false;
  }
}

/** The place of the value, where a colon follows: the string before was a key. */
function afterColon(line: Buffer, start: number): number | undefined {
  const colon = skipSpace(line, start);
  return line[colon] === COLON ? skipSpace(line, colon + 1) : undefined;
}

function skipSpace(line: Buffer, start: number): number {
  let at = start;
  while (line[at] === 0x20 || line[at] === 0x09 || line[at] === 0x0a || line[at] === 0x0d) at++;
  return at;
}

function endOfString(line: Buffer, start: number): number {
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === BACKSLASH) at++;
    else if (line[at] === QUOTE) return at + 1;
  }
  return line.length;
}
