/**
 * Where a policy document comes from, and how a change of it is picked up without a restart. A source only delivers
 * text or objects; whether they are good is decided by policy-store.ts, which keeps the last good one.
 */
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import path from "node:path";
import type { PolicyDocument } from "./document.ts";

/** What a source delivers: a document, or its YAML or JSON text. */
export type PolicyText = { readonly text: string };
export type PolicyContent = PolicyDocument | PolicyText;

/** A place policies come from. Implement it to bring your own. */
export interface PolicySource {
  /** Names the place in messages: a path, a URL. */
  readonly name: string;
  load(): PolicyContent | Promise<PolicyContent>;
  /** Calls `changed` when `load` may deliver something new. Returns a function that ends the watch. */
  watch?(changed: () => void): () => void;
}

const POLL_MS = 500;

/** A YAML or JSON file. Watched by polling its status: that also sees atomic renames and swapped symbolic links (ConfigMaps). */
export function filePolicies(file: string): PolicySource {
  const full = path.resolve(file);
  return {
    name: file,
    load: () => ({ text: readFileSync(full, "utf8") }),
    watch(changed) {
      watchFile(full, { interval: POLL_MS, persistent: false }, changed);
      return () => unwatchFile(full, changed);
    },
  };
}

/** A function that is asked again every `refreshMs` (default 5,000). It may be async; calls wait for its first answer. */
export function functionPolicies(load: () => PolicyContent | Promise<PolicyContent>, refreshMs = 5_000): PolicySource {
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

/** A document object, as it is now. */
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
