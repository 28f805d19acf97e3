/**
 * Reads, checks and indexes one large document in a thread of its own, where no call waits for it. Started by prepare-aside.ts,
 * which sends the text in parts, then null. What it says of a document is what read-document.ts says of it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { parseJson } from "../call/parse-json.ts";
import { parseStrictJson } from "../call/strict-json.ts";
import type { PolicyProblem } from "../errors.ts";
import { isPlainDocument } from "./plain-document.ts";
import { buffersOf, prepareCanonical, prepareDocument, type PreparedDocument } from "./prepare-document.ts";
import { MAX_TEXT } from "./text-limit.ts";

/** What the thread is started with. */
export interface Job {
  readonly source: string;
  /** `object`: the text is that of an object, and places in it mean nothing to its author. */
  readonly form: "text" | "object";
}

export type Reply = { readonly prepared: PreparedDocument } | { readonly problems: readonly PolicyProblem[] };

const job = workerData as Job; // prepare-aside.ts gives it
const parts: string[] = [];
parentPort?.on("message", (part: string | null) => {
  if (part === null) void answer(parts.join(""));
  else parts.push(part);
});

async function answer(text: string): Promise<void> {
  const reply = await read(text);
  parentPort?.postMessage(reply, "prepared" in reply ? buffersOf(reply.prepared) : []);
  parentPort?.close();
}

async function read(text: string): Promise<Reply> {
  const plain = preparePlain(text);
  if (plain !== undefined) return { prepared: plain };
  // Loaded only where they are needed: the schema, the reader of YAML and the compiler of conditions.
  const { readPolicyObject, readPolicyText } = await import("./read-document.ts");
  const { PolicyDocumentError } = await import("../errors.ts");
  try {
    return { prepared: prepareDocument(job.form === "text" ? readPolicyText(text, job.source) : readPolicyObject(parseJson(text), job.source)) };
  } catch (error) {
    if (error instanceof PolicyDocumentError) return { problems: error.problems };
    throw error;
  }
}

function preparePlain(text: string): PreparedDocument | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  const json = parseStrictJson(text, { maxBytes: MAX_TEXT });
  return json.ok && isPlainDocument(json.value) ? prepareCanonical(json.value, json.text) : undefined;
}
