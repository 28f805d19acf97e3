/** A policy file as a source. Watched by its status, twice a second: that also sees atomic renames and swapped symbolic links. */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import type { PolicySource } from "./policy-source.ts";

const POLL_MS = 500;
/** A file this young may have been written again within one tick of its clock, with nothing of its status changed. */
const RACY_MS = 2_000;

/** A YAML or JSON file in UTF-8. A relative path is taken from the working directory of now. */
export function filePolicies(file: string): PolicySource {
  const full = path.resolve(file);
  return {
    name: file,
    load() {
      const bytes = read(full);
      if (!isUtf8(bytes)) throw new Error("the file is not UTF-8 text. Save it as UTF-8.");
      return { text: bytes.toString("utf8") };
    },
    watch: (changed) => watchFile(full, changed),
  };
}

function read(full: string): Buffer {
  try {
    return readFileSync(full);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") throw new Error(`there is no such file (${full}). Create it, or correct the path.`, { cause });
    if (code === "EACCES") throw new Error(`the file may not be read by this user (${full}). Correct its permissions.`, { cause });
    if (code === "EISDIR") throw new Error(`this is a directory (${full}). Name the file in it.`, { cause });
    throw cause;
  }
}

function watchFile(full: string, changed: () => void): () => void {
  let last: string | undefined;
  let looking = false;

  async function look(): Promise<void> {
    if (looking) return; // a file system that hangs gets one question at a time
    looking = true;
    const found = await stat(full, { bigint: true }).catch(() => undefined);
    looking = false;
    const now = found === undefined ? "absent" : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
    const racy = found !== undefined && Date.now() - Number(found.ctimeMs) < RACY_MS;
    // The first look too: the file may have changed between its load and now.
    if (now !== last || racy) changed();
    last = now;
  }

  const timer = setInterval(() => void look(), POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
