/**
 * Server-sent events out of chunks, as the very bytes that came: an event is handed on once its empty line is there. Lines end in LF, CR
 * or both (WHATWG HTML, 9.2.6).
 */
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
/** Readers take it away at the beginning of a stream. */
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

export class EventFramer {
  readonly #maxBytes: number;
  readonly #onEvent: (event: Buffer) => void;
  #parts: Buffer[] = [];
  #length = 0;
  /** Nothing stands in the line so far. */
  #lineIsEmpty = true;
  /** The chunk before ended in a CR, which a LF may belong to. */
  #afterReturn = false;

  /** `maxBytes` of one event; `push` throws RangeError above it. */
  constructor(maxBytes: number, onEvent: (event: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onEvent = onEvent;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let at = 0;
    if (this.#afterReturn && chunk[0] === LINE_FEED) at = 1; // of the line end before, whichever event that was
    this.#afterReturn = false;
    const hasReturns = chunk.indexOf(RETURN, at) >= 0;
    while (at < chunk.length) {
      const end = hasReturns ? endOfLine(chunk, at) : chunk.indexOf(LINE_FEED, at);
      if (end < 0) {
        this.#lineIsEmpty = false;
        break;
      }
      const isEmpty = this.#lineIsEmpty && end === at;
      at = end + 1;
      if (chunk[end] === RETURN) {
        if (chunk[at] === LINE_FEED) at++;
        else this.#afterReturn = at === chunk.length;
      }
      this.#lineIsEmpty = true;
      if (!isEmpty) continue;
      this.#keep(chunk.subarray(start, at));
      this.#onEvent(this.#take());
      start = at;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** What came after the last whole event. */
  rest(): Buffer | undefined {
    return this.#length === 0 ? undefined : this.#take();
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length > this.#maxBytes) throw new RangeError(`an event is longer than ${this.#maxBytes} bytes`);
  }

  #take(): Buffer {
    const [only] = this.#parts;
    const event = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return event;
  }
}

function endOfLine(chunk: Buffer, from: number): number {
  for (let at = from; at < chunk.length; at++) if (chunk[at] === LINE_FEED || chunk[at] === RETURN) return at;
  return -1;
}

/** What the event says; undefined where it has no data, as comments have none. */
export function dataOf(event: Buffer): Buffer | undefined {
  const data = linesOf(event).flatMap((line) => (isField(line, "data") ? [valueOf(line)] : []));
  if (data.length <= 1) return data[0];
  return Buffer.concat(data.flatMap((line, index) => (index === 0 ? [line] : [Buffer.from("\n"), line])));
}

/** Whether it has an id, under which a client can come back for what follows. */
export function hasId(event: Buffer): boolean {
  return event.includes("id") && linesOf(event).some((line) => isField(line, "id") && valueOf(line).length > 0);
}

/** The event with other data, its id and its other fields as they are. */
export function withData(event: Buffer, text: Buffer | string): Buffer {
  const others = linesOf(event).filter((line) => line.length > 0 && !isField(line, "data"));
  return Buffer.concat([...others.flatMap((line) => [line, Buffer.from("\n")]), eventOf(text)]);
}

/** An event that says this, and nothing else. */
export function eventOf(text: Buffer | string): Buffer {
  const lines = text.toString("utf8").trimEnd().split(/\r\n|\r|\n/);
  return Buffer.from(`${lines.map((line) => `data: ${line}\n`).join("")}\n`);
}

function linesOf(event: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  const hasReturns = event.includes(RETURN);
  for (let at = event.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0; at < event.length; ) {
    const found = hasReturns ? endOfLine(event, at) : event.indexOf(LINE_FEED, at);
    const end = found < 0 ? event.length : found;
    lines.push(event.subarray(at, end));
    at = end + 1;
    if (event[end] === RETURN && event[at] === LINE_FEED) at++;
  }
  return lines;
}

function isField(line: Buffer, name: string): boolean {
  return line.subarray(0, name.length).equals(Buffer.from(name)) && (line.length === name.length || line[name.length] === COLON);
}

/** Behind the colon, and one space. */
function valueOf(line: Buffer): Buffer {
  const colon = line.indexOf(COLON);
  if (colon < 0) return line.subarray(line.length);
  return line.subarray(line[colon + 1] === SPACE ? colon + 2 : colon + 1);
}
