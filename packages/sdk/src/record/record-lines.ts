import { open } from "node:fs/promises";

const LINE_FEED = 0x0a;
const READ_BYTES = 256 * 1024;

/** Lines as bytes, without their line feeds; `rest` is what follows the last line feed. Never decodes: the verifier hashes bytes. */
export interface Lines {
  readonly lines: readonly Buffer[];
  /** Only with the last batch, and only where the text does not end in a line feed. */
  readonly rest?: Buffer;
}

/** All lines of a text that is in memory. */
export function splitLines(bytes: Buffer): Lines {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return start === bytes.length ? { lines } : { lines, rest: bytes.subarray(start) };
}

/** The lines of a file in batches, so that a record of any size is read in little memory and the event loop breathes in between. */
export async function* readLines(path: string, signal?: AbortSignal): AsyncGenerator<Lines, void, undefined> {
  const file = await open(path, "r");
  try {
    const carried: Buffer[] = [];
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      // A long line is joined once, when its end has come.
      if (!piece.includes(LINE_FEED)) {
        carried.push(piece);
        continue;
      }
      const { lines, rest } = splitLines(carried.length === 0 ? piece : Buffer.concat([...carried.splice(0), piece]));
      if (rest !== undefined) carried.push(rest);
      yield { lines };
    }
    if (carried.length > 0) yield { lines: [], rest: Buffer.concat(carried) };
  } finally {
    await file.close();
  }
}

/** The last bytes of a file. */
export async function readTail(path: string, length: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, size - length));
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
