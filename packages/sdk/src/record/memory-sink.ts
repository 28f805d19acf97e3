import type { RecordSink } from "./record-sink.ts";

const DEFAULT_LIMIT = 64 * 1024 * 1024;

/** A record that ends with its process. Above `limit` characters (default 64 Mi) the oldest text goes, and `dropped` counts it. */
export class MemorySink implements RecordSink {
  readonly #limit: number;
  #chunks: string[] = [];
  #settled = 0;
  #length = 0;
  #dropped = 0;
  #closed = false;

  constructor(options: { readonly limit?: number } = {}) {
    this.#limit = options.limit ?? DEFAULT_LIMIT;
  }

  /** Everything that is still held. */
  text(): string {
    return this.#chunks.join("");
  }

  /** Characters that had to go. Above 0, `text()` no longer begins with the first row. */
  get dropped(): number {
    return this.#dropped;
  }

  async write(text: string): Promise<void> {
    if (this.#closed) throw new Error("The memory record is closed.");
    const settled = this.#put(text);
    await Promise.resolve();
    this.#settled = Math.max(this.#settled, settled);
    this.#trim();
  }

  writeSync(text: string): void {
    if (this.#closed) throw new Error("The memory record is closed.");
    this.#settled = this.#put(text);
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Puts text where the last write that ended left off. */
  #put(text: string): number {
    for (const unsettled of this.#chunks.splice(this.#settled)) this.#length -= unsettled.length;
    this.#chunks.push(text);
    this.#length += text.length;
    return this.#chunks.length;
  }

  #trim(): void {
    while (this.#length > this.#limit && this.#settled > 1) {
      const oldest = this.#chunks.shift()?.length ?? 0;
      this.#settled -= 1;
      this.#length -= oldest;
      this.#dropped += oldest;
    }
  }
}
