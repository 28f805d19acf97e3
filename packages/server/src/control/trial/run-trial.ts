/** Runs a trial in a thread of its own, at most so many at once and so long, and ends it when nobody waits for it any more. */
import { Worker } from "node:worker_threads";
import type { Rows, TrialJob, TrialReply } from "../../trial/trial-worker.ts";
import { refuse, type Refusal } from "../refusal.ts";

/** Where the rows of a replay come from, a page at a time; undefined at the end. */
export type NextRows = () => Promise<readonly string[] | undefined>;
export type TrialEnd = Extract<TrialReply, { kind: "checked" | "explained" | "replayed" }>;
export type RunTrial = (job: TrialJob, next: NextRows, signal: AbortSignal) => Promise<{ readonly ok: true; readonly end: TrialEnd } | Refusal>;

export interface TrialLimits {
  readonly atOnce: number;
  readonly longestMs: number;
}
const TRIAL_LIMITS: TrialLimits = Object.freeze({ atOnce: 2, longestMs: 60_000 });

/** A document of the largest size, compiled twice, and a month of calls. */
const HEAP_MB = 768;

export function createRunTrial({ atOnce, longestMs }: TrialLimits = TRIAL_LIMITS): RunTrial {
  let running = 0;
  return async (job, next, signal) => {
    if (running >= atOnce) return refuse("too_many", "other documents are being tried now", 1000);
    running += 1;
    const timeout = AbortSignal.timeout(longestMs);
    try {
      return await inThread(job, next, AbortSignal.any([signal, timeout]));
    } catch (error) {
      if (timeout.aborted) return refuse("too_large", `it took longer than ${longestMs / 1000} s: look at fewer days, or use countersign policy replay`);
      if (signal.aborted) return refuse("bad_request", "whoever asked has gone");
      if (isOutOfMemory(error)) return refuse("too_large", "the document takes more memory than a trial may have");
      throw error;
    } finally {
      running -= 1;
    }
  };
}

async function inThread(job: TrialJob, next: NextRows, signal: AbortSignal): Promise<{ readonly ok: true; readonly end: TrialEnd } | Refusal> {
  const thread = new URL(import.meta.url.endsWith(".ts") ? "../../trial/trial-worker.ts" : "../../trial/trial-worker.js", import.meta.url);
  signal.throwIfAborted();
  const worker = new Worker(thread, { workerData: job, execArgv: [], env: {}, name: "policy trial", resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  const replies = repliesOf(worker, signal);
  try {
    for (;;) {
      const said = await replies();
      if (said.kind === "problems") return { ...refuse("invalid_document", "the document has problems"), problems: [...said.problems] };
      if (said.kind !== "more") return { ok: true, end: said };
      const rows: Rows = (await next()) ?? null;
      worker.postMessage(rows);
    }
  } finally {
    await worker.terminate();
  }
}

/** One reply after the other; rejects where the thread ends first or nobody waits any more. */
function repliesOf(worker: Worker, signal: AbortSignal): () => Promise<TrialReply> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  ended.catch(() => undefined); // whoever awaits a reply hears of it
  worker.once("error", reject);
  worker.once("exit", () => reject(new Error("the thread ended")));
  signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
  const said: TrialReply[] = [];
  let wake: () => void = () => undefined;
  worker.on("message", (one: TrialReply) => {
    said.push(one);
    wake();
  });
  return async () => {
    while (said.length === 0) await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))]);
    const first = said.shift();
    if (first === undefined) throw new Error("no reply");
    return first;
  };
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
