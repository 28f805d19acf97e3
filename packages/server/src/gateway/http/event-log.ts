/**
 * What the streams of one session have said, for clients that come back for it: bounded, in memory, the oldest goes first. The name of an
 * event says which stream it is of, as the protocol wants it.
 */
export class EventLog {
  readonly #maxBytes: number;
  /** In the order of their making. */
  readonly #frames = new Map<string, Buffer>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  keep(stream: string, number: number, frame: Buffer): void {
    this.#frames.set(eventId(stream, number), frame);
    this.#bytes += frame.length;
    for (const [id, { length }] of this.#frames) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#frames.delete(id);
      this.#bytes -= length;
    }
  }

  has(stream: string, number: number): boolean {
    return this.#frames.has(eventId(stream, number));
  }

  /** Those of a stream from the one after `number` to `last`, as far as they are still there. */
  after(stream: string, number: number, last: number): readonly Buffer[] {
    const frames: Buffer[] = [];
    for (let next = number + 1; next <= last; next++) {
      const frame = this.#frames.get(eventId(stream, next));
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  forget(stream: string, last: number): void {
    for (let number = 1; number <= last; number++) {
      const id = eventId(stream, number);
      this.#bytes -= this.#frames.get(id)?.length ?? 0;
      this.#frames.delete(id);
    }
  }
}

export function eventId(stream: string, number: number): string {
  return `${stream}-${number}`;
}

export function readEventId(id: string): { readonly stream: string; readonly number: number } | undefined {
  const [, stream, number] = /^([gp]\d{1,12})-(\d{1,12})$/.exec(id) ?? [];
  return stream === undefined ? undefined : { stream, number: Number(number) };
}
