/**
 * Where a policy document comes from, and how a change of it is picked up without a restart. A source only delivers
 * text or objects; whether they are good is decided by policy-store.ts, which keeps the last good one.
 */
import type { PolicyDocument } from "./document.ts";
import { filePolicies } from "./file-policies.ts";

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
