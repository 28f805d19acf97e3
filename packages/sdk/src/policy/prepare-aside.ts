/**
 * Has a large document prepared by a thread of its own, so that calls go on meanwhile. The text goes there in parts, with room
 * for calls between them, and comes back as buffers that are handed over and not copied. Called by policy-store.ts.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { PolicyDocumentError } from "../errors.ts";
import type { PreparedDocument } from "./prepare-document.ts";
import type { Job, Reply } from "./prepare-worker.ts";

/** Sent in one turn of the event loop: some 50 µs. */
const PART = 64 * 1024;

/** Throws PolicyDocumentError for a broken document, NoThreadError where no thread could do the work, and Error where memory has no room for it. */
export async function prepareAside(text: string, job: Job, signal: AbortSignal): Promise<PreparedDocument> {
  const worker = start(job);
  const reply = replyOf(worker);
  const end = (): void => void worker.terminate();
  signal.addEventListener("abort", end, { once: true });
  try {
    for (let at = 0; at < text.length && !signal.aborted; at += PART) {
      worker.postMessage(text.slice(at, at + PART));
      await nextTurn();
    }
    worker.postMessage(null);
    const said = await reply;
    if ("problems" in said) throw new PolicyDocumentError(job.source, said.problems);
    return said.prepared;
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

/** The work was not done, and nothing is known of the document. */
export class NoThreadError extends Error {}

/** Nearly all that is made here lives until the end: in a small nursery it would be copied over and over. */
const YOUNG_MB = 96;

/** Without what the process was told to load before its own code: it would be loaded once for each document. */
function start(workerData: Job): Worker {
  try {
    // Beside this file, compiled or as it is written. In a bundle it is not there, and that shows here or in the thread.
    const thread = new URL(import.meta.url.endsWith(".ts") ? "./prepare-worker.ts" : "./prepare-worker.js", import.meta.url);
    return new Worker(thread, { workerData, execArgv: [], env: {}, name: "policy document", resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
  } catch (cause) {
    throw new NoThreadError("no thread could be started", { cause });
  }
}

function replyOf(worker: Worker): Promise<Reply> {
  const reply = new Promise<Reply>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (cause) => reject(isOutOfMemory(cause) ? new Error("it takes more memory than there is.") : new NoThreadError("the thread failed", { cause })));
    worker.once("exit", () => reject(new NoThreadError("the thread ended")));
  });
  reply.catch(() => undefined); // it may fail while the text is still being sent; whoever awaits it hears of it
  return reply;
}

/** Then it must not be tried again here, where the process itself would end. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
