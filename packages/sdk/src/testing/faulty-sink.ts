import type { RecordSink } from "../record/record-sink.ts";

/** A record in memory that fails or hangs on demand and keeps a log of what it was asked to do. */
export class FaultySink implements RecordSink {
  readonly log: ("write" | "written" | "sync" | "synced" | "close")[] = [];
  /** What the next writes throw; undefined: they succeed. */
  writeFault: Error | undefined;
  syncFault: Error | undefined;
  /** Each write waits for this first. */
  hang: Promise<void> | undefined;
  syncHang: Promise<void> | undefined;
  /** Text that was there at the last sync that succeeded: all that a power cut leaves. */
  durableText = "";
  #written: string[] = [];
  #syncedChunks = 0;

  text(): string {
    return this.#written.join("");
  }

  async write(text: string): Promise<void> {
    this.log.push("write");
    await this.hang;
    if (this.writeFault !== undefined) throw this.writeFault;
    this.#written.push(text);
    this.log.push("written");
  }

  async sync(): Promise<void> {
    this.log.push("sync");
    const chunks = this.#written.length;
    await this.syncHang;
    if (this.syncFault !== undefined) {
      // As after a failed fdatasync: what was not durable is lost.
      this.#written.length = this.#syncedChunks;
      throw this.syncFault;
    }
    this.#syncedChunks = chunks;
    this.durableText = this.#written.slice(0, chunks).join("");
    this.log.push("synced");
  }

  async close(): Promise<void> {
    this.log.push("close");
  }
}

/** An error as Node throws it for a full or broken disk: `diskError("ENOSPC")`. */
export function diskError(code: "ENOSPC" | "EIO" | "EROFS"): Error {
  const texts = { ENOSPC: "no space left on device", EIO: "i/o error", EROFS: "read-only file system" };
  return Object.assign(new Error(`${code}: ${texts[code]}, write`), { code });
}
