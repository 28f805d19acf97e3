/**
 * A line of a server without carriage returns inside: clients that take one for the end of a line would find messages in it that nobody has
 * looked at. In JSON they stand between its parts alone, where they are no more than space.
 */
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const SPACE = 0x20;

/** `line` with its line feed; the very same where there is nothing to do. */
export function withoutReturns(line: Buffer): Buffer {
  const first = line.indexOf(CARRIAGE_RETURN);
  if (first < 0 || (first === line.length - 2 && line[line.length - 1] === LINE_FEED)) return line;
  const own = Buffer.from(line);
  for (let at = first; at >= 0; at = own.indexOf(CARRIAGE_RETURN, at + 1)) if (own[at + 1] !== LINE_FEED) own[at] = SPACE;
  return own;
}
