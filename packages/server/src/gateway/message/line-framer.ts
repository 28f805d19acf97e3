/**
 * Newline-delimited messages out of chunks (MCP stdio). A line is handed on with its line feed, as the very bytes that came; only a line
 * that comes in several chunks is copied. A line over the limit is skipped to its end, told once, and harms no other.
 */
const LINE_FEED = 0x0a;

export interface LineListener {
  /** `line` ends with its line feed. */
  readonly onLine: (line: Buffer) => void;
  /** A line was longer than the limit. Nothing of it is kept. */
  readonly onOversize: () => void;
}

export class LineFramer {
  readonly #maxBytes: number;
  readonly #listener: LineListener;
  #parts: Buffer[] = [];
  #length = 0;
  #skipping = false;

  /** `maxBytes` of one line, with its line feed. */
  constructor(maxBytes: number, listener: LineListener) {
    this.#maxBytes = maxBytes;
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#finish(chunk.subarray(start, end + 1));
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #finish(last: Buffer): void {
    const length = this.#length + last.length;
    if (this.#skipping) this.#skipping = false;
    else if (length > this.#maxBytes) this.#listener.onOversize();
    else {
      const line = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last], length);
      this.#clear();
      this.#listener.onLine(line);
      return;
    }
    this.#clear();
  }

  #keep(part: Buffer): void {
    if (this.#skipping) return;
    if (this.#length + part.length > this.#maxBytes) {
      this.#skipping = true;
      this.#clear();
      this.#listener.onOversize();
      return;
    }
    this.#parts.push(part);
    this.#length += part.length;
  }

  #clear(): void {
    this.#parts = [];
    this.#length = 0;
  }
}
