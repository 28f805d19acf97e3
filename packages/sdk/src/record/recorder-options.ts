import type { ArgumentKey } from "./cipher.ts";
import type { Recorder } from "./recorder.ts";
import type { EventEntry } from "./entry.ts";

export interface RecorderOptions {
  readonly arguments: "encrypted" | "none";
  /** Needed with `arguments: "encrypted"`. */
  readonly key?: ArgumentKey | undefined;
  /** False: while the sink is broken, calls that need no approval go on, and what had to be left out is counted. */
  readonly required: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of everything a person should know: the record broke, works again, left rows out. Never holds arguments. */
  readonly onWarning: (message: string) => void;
  /** Goes into the first row. */
  readonly opened?: EventEntry["detail"];
  /** Work beside the calls, such as looking at earlier files. Aborted, then awaited, by `close`. */
  readonly background?: (recorder: Recorder, signal: AbortSignal) => Promise<void>;
  /** A row waits at most this long before it is written. Default 50. */
  readonly flushMs?: number;
  /** As many waiting rows are written at once. Default 256. */
  readonly flushRows?: number;
  /** Default 10,000 entries. */
  readonly maxQueued?: number;
  /** Length of all queued arguments, in UTF-16 code units. Default 64 Mi. */
  readonly maxQueuedLength?: number;
  /** A call waits at most this long for room in the queue. Default 1,000. */
  readonly waitMs?: number;
  /** A write or sync that takes longer counts as broken until it ends. Default 5,000. */
  readonly stallMs?: number;
  /** After this long a failed write is repeated. Default 250. */
  readonly retryMs?: number;
}

export const RECORDER_DEFAULTS = {
  flushMs: 50,
  flushRows: 256,
  maxQueued: 10_000,
  maxQueuedLength: 64 * 1024 * 1024,
  waitMs: 1_000,
  stallMs: 5_000,
  retryMs: 250,
};

/** The options with every default filled in. */
export type RecorderSettings = RecorderOptions & { readonly [Key in keyof typeof RECORDER_DEFAULTS]: number };
