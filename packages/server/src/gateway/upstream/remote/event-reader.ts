/**
 * Server-sent events out of chunks (HTML Living Standard, 9.2.6), as bytes: what a server says goes on as it came. An event over the limit
 * is skipped to its end, told once, and harms no other.
 */
export interface EventListener {
  /** `data` without what ends it; empty where the event has none. `id`: of this event; undefined where it has none. */
  readonly onEvent: (event: ServerEvent) => void;
  /** The server asks to be called again after so long. */
  readonly onRetry: (ms: number) => void;
  readonly onOversize: () => void;
}

export interface ServerEvent {
  readonly event: string;
  readonly data: Buffer;
  readonly id: string | undefined;
}

const [LINE_FEED, CARRIAGE_RETURN, COLON, SPACE, NUL] = [0x0a, 0x0d, 0x3a, 0x20, 0x00];
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const NOTHING = Buffer.alloc(0);

export class EventReader {
  readonly #maxBytes: number;
  readonly #listener: EventListener;
  /** The beginning of a line that has not ended yet. */
  #parts: Buffer[] = [];
  #length = 0;
  #afterReturn = false;
  #atStart = true;
  #event = "";
  #data: Buffer[] = [];
  #dataBytes = 0;
  #id: string | undefined;
  #skipping = false;

  /** `maxBytes` of one event's data, and of one line. */
  constructor(maxBytes: number, listener: EventListener) {
    this.#maxBytes = maxBytes;
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    let start = this.#afterReturn && chunk[0] === LINE_FEED ? 1 : 0;
    if (chunk.length > 0) this.#afterReturn = false;
    let feed = chunk.indexOf(LINE_FEED, start);
    let back = chunk.indexOf(CARRIAGE_RETURN, start);
    while (feed >= 0 || back >= 0) {
      const end = feed < 0 || (back >= 0 && back < feed) ? back : feed;
      this.#line(chunk.subarray(start, end));
      start = end + 1;
      if (end === back) {
        if (start === chunk.length) this.#afterReturn = true;
        else if (chunk[start] === LINE_FEED) start += 1;
        back = chunk.indexOf(CARRIAGE_RETURN, start);
      }
      if (feed >= 0 && feed < start) feed = chunk.indexOf(LINE_FEED, start);
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length <= this.#maxBytes) this.#parts.push(part);
    else this.#skip();
  }

  #skip(): void {
    this.#parts = [];
    this.#data = [];
    if (!this.#skipping) this.#listener.onOversize();
    this.#skipping = true;
  }

  #line(last: Buffer): void {
    if (this.#length + last.length > this.#maxBytes) this.#skip();
    let line = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    const isEmpty = this.#length + last.length === 0;
    this.#parts = [];
    this.#length = 0;
    if (this.#atStart && line.subarray(0, 3).equals(BYTE_ORDER_MARK)) line = line.subarray(3);
    this.#atStart = false;
    if (isEmpty) this.#dispatch();
    else if (!this.#skipping) this.#field(line);
  }

  #field(line: Buffer): void {
    const colon = line.indexOf(COLON);
    if (colon === 0) return; // a comment
    const name = line.toString("latin1", 0, colon < 0 ? line.length : colon);
    const value = colon < 0 ? NOTHING : line.subarray(colon + (line[colon + 1] === SPACE ? 2 : 1));
    switch (name) {
      case "data":
        this.#dataBytes += value.length + 1;
        if (this.#dataBytes > this.#maxBytes) this.#skip();
        else this.#data.push(value);
        return;
      case "event":
        this.#event = value.toString("utf8");
        return;
      case "id":
        if (!value.includes(NUL)) this.#id = value.toString("utf8");
        return;
      case "retry":
        if (/^\d{1,9}$/.test(value.toString("latin1"))) this.#listener.onRetry(Number(value.toString("latin1")));
        return;
      default:
        return;
    }
  }

  #dispatch(): void {
    const [first = NOTHING] = this.#data;
    const data = this.#data.length > 1 ? Buffer.concat(this.#data.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from("\n"), part]))) : first;
    const id = this.#id;
    const hasAnything = !this.#skipping && (data.length > 0 || id !== undefined);
    const event = this.#event === "" ? "message" : this.#event;
    this.#event = "";
    this.#data = [];
    this.#dataBytes = 0;
    this.#id = undefined;
    this.#skipping = false;
    if (hasAnything) this.#listener.onEvent({ event, data, id });
  }
}
