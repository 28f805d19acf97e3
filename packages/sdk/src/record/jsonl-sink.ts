/**
 * The record as a file: one per process, `record/<start>-<pid>.jsonl` (0600) in the state directory (0700).
 * Writes name their position, so a write that failed half-way, or that process exit overtook, is repeated without a trace.
 * It must never touch another process's file. Called by the recorder only.
 */
import { close, closeSync, fdatasync, fsync, open, openSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { recordFileName } from "./record-file-name.ts";
import type { RecordSink } from "./record-sink.ts";
import { ensurePrivateDirectory } from "./state-directory.ts";

const datasync = promisify(fdatasync);
const closeFile = promisify(close);

export interface JsonlSinkOptions {
  /** The state directory. */
  readonly directory: string;
  /** Milliseconds since the epoch at which the record begins. */
  readonly startedAt: number;
}

/** Throws where directory or file cannot be made, or others may write there. */
export class JsonlSink implements RecordSink {
  /** File name without its ending; also the id of its argument key. */
  readonly name: string;
  readonly path: string;
  readonly #directory: string;
  readonly #file: number;
  #position = 0;
  #durablePosition = 0;
  #directorySynced = false;
  #underWay: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: JsonlSinkOptions) {
    ensurePrivateDirectory(options.directory);
    this.#directory = join(options.directory, "record");
    ensurePrivateDirectory(this.#directory);
    const opened = openNew(this.#directory, options.startedAt);
    this.name = opened.name;
    this.path = opened.path;
    this.#file = opened.file;
  }

  write(text: string): Promise<void> {
    return this.#track(async () => {
      const start = this.#position;
      const end = await this.#writeAll(Buffer.from(text, "utf8"), start);
      // A writeSync that overtook this write has gone further.
      this.#position = Math.max(this.#position, end);
    });
  }

  sync(): Promise<void> {
    return this.#track(async () => {
      const written = this.#position;
      try {
        await datasync(this.#file);
        if (!this.#directorySynced) await syncDirectory(this.#directory);
        this.#directorySynced = true;
      } catch (cause) {
        // Linux reports a lost page once and then calls it clean, so what was not synced is written anew.
        this.#position = this.#durablePosition;
        throw cause;
      }
      this.#durablePosition = written;
    });
  }

  writeSync(text: string): void {
    if (this.#closing !== undefined) throw new Error(`The record file ${this.path} is closed.`);
    const bytes = Buffer.from(text, "utf8");
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#file, bytes, done, bytes.length - done, this.#position + done);
    }
    this.#position += bytes.length;
  }

  close(): Promise<void> {
    // After what is under way: a descriptor closed under a write may by then be another file's.
    this.#closing ??= this.#underWay.then(() => closeFile(this.#file));
    return this.#closing;
  }

  #track(work: () => Promise<void>): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new Error(`The record file ${this.path} is closed.`));
    const done = work();
    this.#underWay = done.catch(() => {});
    return done;
  }

  async #writeAll(bytes: Buffer, start: number): Promise<number> {
    let done = 0;
    while (done < bytes.length) done += await writeSome(this.#file, bytes, done, start + done);
    return start + done;
  }
}

function writeSome(file: number, bytes: Buffer, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(file, bytes, from, bytes.length - from, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

function openNew(directory: string, startedAt: number): { readonly name: string; readonly path: string; readonly file: number } {
  // Two recorders of one process may begin in the same millisecond; each has a file of its own.
  for (let at = startedAt; ; at += 1) {
    const name = recordFileName(at, process.pid);
    const path = join(directory, `${name}.jsonl`);
    try {
      return { name, path, file: openSync(path, "wx", 0o600) };
    } catch (cause) {
      const taken = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
      if (!taken || at - startedAt > 1_000) throw cause;
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // directories cannot be opened there
  const directory = await promisify(open)(path, "r");
  try {
    await promisify(fsync)(directory);
  } finally {
    closeSync(directory);
  }
}
