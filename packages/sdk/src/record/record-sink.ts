/**
 * Where rows go. The recorder makes the rows and their chain; a sink only keeps text, in order.
 * Implementable by users: `init({ record: sink })`; `recordSinkContract` of `@countersign/sdk/testing` tells whether it is right.
 * The recorder never has two of `write` and `sync` under way at once. A sink must never alter, reorder or drop text.
 */
export interface RecordSink {
  /**
   * Appends text (whole lines, each ending in a line feed). Where it rejects, the next `write` or `writeSync` repeats the same
   * text, perhaps with more after it: it belongs in the same place.
   */
  write(text: string): Promise<void>;
  /** Makes everything written durable. Where it rejects, everything since the last sync that succeeded is written again, in its place. */
  sync(): Promise<void>;
  /**
   * Appends at once, for a process that is about to end. A `write` may still be under way: `text` then begins with what that
   * write was given and takes its place. Without this method, rows of the last 50 ms are lost when the process ends abruptly.
   */
  writeSync?(text: string): void;
  /** Waits for what is under way and lets go. Idempotent. */
  close(): Promise<void>;
}
