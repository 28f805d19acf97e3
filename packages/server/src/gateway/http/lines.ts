/** Bodies as lines: an upstream that is reached by a connection reads a message a line, and so do events. */
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** A body as one line with its line feed. It is JSON: ends of lines stand between its parts alone, where they are no more than space. */
export function lineOf(body: Buffer): Buffer {
  return Buffer.concat([withoutEnds(body), Buffer.of(LINE_FEED)]);
}

/** A message without anything that could end a line. */
export function withoutEnds(message: Buffer): Buffer {
  let end = message.length;
  while (end > 0 && (message[end - 1] === LINE_FEED || message[end - 1] === CARRIAGE_RETURN)) end--;
  const bytes = message.subarray(0, end);
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN) ? Buffer.from(bytes.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte))) : bytes;
}
