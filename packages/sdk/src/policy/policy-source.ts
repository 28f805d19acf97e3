/**
 * Where a policy document comes from, and how a change of it is picked up without a restart. A source only delivers
 * text or objects; whether they are good is decided by policy-store.ts, which keeps the last good one.
 */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import type { PolicyDocument } from "./document.ts";

/** What a source delivers: a document, or its YAML or JSON text. */
export type PolicyText = { readonly text: string };
export type PolicyContent = PolicyDocument | PolicyText;

/** A place policies come from. Implement it to bring your own. */
export interface PolicySource {
  /** Names the place in messages: a path, a URL. */
  readonly name: string;
  /** May deliver the same again: only what differs is news. What it throws is told to the operator. */
  load(): PolicyContent | Promise<PolicyContent>;
  /** Calls `changed` when `load` may deliver something new. Returns a function that ends the watch. */
  watch?(changed: () => void): () => void;
}

const POLL_MS = 500;
/** A file this young may have been written again within one tick of its clock, with nothing of its status changed. */
const RACY_MS = 2_000;

/**
 * A YAML or JSON file in UTF-8; a relative path is taken from the working directory of now. Watched by its status, twice a
 * second: that also sees atomic renames and swapped symbolic links (ConfigMaps).
 */
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

/** The longest delay that Node's timers keep; above it they fire all the time. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A function that is asked again every `refreshMs` (default 5,000). It may be async; calls wait for its first answer. */
export function functionPolicies(load: () => PolicyContent | Promise<PolicyContent>, refreshMs = 5_000): PolicySource {
  if (typeof load !== "function") throw new TypeError("functionPolicies needs a function that returns a policy document");
  if (!(refreshMs >= 1 && refreshMs <= MAX_DELAY_MS)) throw new TypeError(`refreshMs must be from 1 to ${MAX_DELAY_MS} milliseconds`);
  return {
    name: load.name === "" ? "the policies function" : `${load.name}()`,
    load,
    watch(changed) {
      const timer = setInterval(changed, refreshMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** A document object, as it is when it is loaded; later changes to the object change nothing. */
export function objectPolicies(document: PolicyDocument): PolicySource {
  return { name: "policies", load: () => document };
}

/** A source from what `init({ policies })` takes. Throws TypeError for anything else. */
export function toPolicySource(given: unknown): PolicySource {
  if (typeof given === "string" && given !== "") return filePolicies(given);
  // Functions, sources and documents are told apart by what they carry; a document is checked when it is loaded.
  if (typeof given === "function") return functionPolicies(given as () => PolicyContent | Promise<PolicyContent>);
  if (given !== null && typeof given === "object") {
    if ("load" in given && typeof given.load === "function") return given as PolicySource;
    return objectPolicies(given as PolicyDocument);
  }
  throw new TypeError("policies must be a path, a document object, a function, or a PolicySource");
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
  let ended = false;

  async function look(): Promise<void> {
    if (looking) return; // a file system that hangs gets one question at a time
    looking = true;
    const found = await stat(full, { bigint: true }).catch(() => undefined);
    looking = false;
    const now = found === undefined ? "absent" : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
    const racy = found !== undefined && Date.now() - Number(found.ctimeMs) < RACY_MS;
    // The first look too: the file may have changed between its load and now.
    if (!ended && (now !== last || racy)) changed();
    last = now;
  }

  const timer = setInterval(() => void look(), POLL_MS);
  timer.unref();
  return () => {
    ended = true;
    clearInterval(timer);
  };
}
