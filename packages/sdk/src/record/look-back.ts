/**
 * Looks at the record files that earlier processes left, and names each ended one, once, in this process's record: a closed one
 * by its last row (`record_linked`), a dead one by a `gap` row that says what a crash may have taken and which calls were sent
 * without an answer. It must never change an earlier file. Called by open-record.ts, in the background.
 */
import { readdir, stat, writeFile } from "node:fs/promises";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import type { EventEntry } from "./entry.ts";
import { parseRecordFileName } from "./record-file-name.ts";
import type { RecordFileName } from "./record-file-name.ts";
import { readTail, splitLines } from "./record-lines.ts";
import type { RecordHead } from "./row.ts";
import { detailOf, isRowProblem, RowChecker } from "./row-check.ts";
import type { CheckedRow } from "./row-check.ts";
import { verifyRecordFile } from "./verify-record.ts";

/** Looking at more would make starting slow; the next start goes on where this one ended. */
const MAX_FILES = 64;
/** A file of another host (a shared volume) counts as ended after this long without a row. */
const OTHER_HOST_IDLE_MS = 24 * 60 * 60 * 1_000;
/** Named in one row; above, their number alone. */
const MAX_CALLS_NAMED = 1_000;
/** A closing row is shorter than this. */
const CLOSING_ROW_BYTES = 1_024;

export interface LookBackOptions {
  /** Directory of the record files. */
  readonly directory: string;
  /** This process's file name. */
  readonly own: string;
  readonly now: () => number;
  /** Makes a row durable. */
  readonly commit: (entry: EventEntry) => Promise<void>;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Rejects where the directory cannot be read or the record not be written. */
export async function lookBack(options: LookBackOptions): Promise<void> {
  const { directory, own, signal } = options;
  const present = new Set(await readdir(directory));
  const unseen = [...present]
    .filter((file) => file !== own && parseRecordFileName(file) !== undefined && !present.has(markerOf(file)))
    .toSorted()
    .slice(-MAX_FILES);
  for (const file of unseen) {
    signal.throwIfAborted();
    const account = await readAccount(file, options);
    if (account === undefined) continue;
    await options.commit(account);
    // After the row, never before it: a crash in between names the file twice, which does no harm.
    await writeFile(join(directory, markerOf(file)), `${own}\n`, { mode: 0o600 });
  }
}

/** Beside a file that some later record names. */
function markerOf(file: string): string {
  return `${file}.named`;
}

/** What to say of an earlier file, or undefined while its process may still write to it. */
async function readAccount(file: string, options: LookBackOptions): Promise<EventEntry | undefined> {
  const path = join(options.directory, file);
  const closing = await readClosingRow(path);
  if (closing !== undefined) return { type: "event", event: "record_linked", at: options.now(), detail: { file, ...closing } };
  let host: unknown;
  const unanswered = new Set<string>();
  // Asked first: a process that ends while its file is read has then written all it will.
  const sameHostEnded = hasEnded(file);
  const { head, problems, torn } = await verifyRecordFile(path, {
    signal: options.signal,
    onRow: (row) => {
      if (row.seq === 1) host = detailOf(row.body)["host"];
      noteCall(row, unanswered);
    },
  });
  const at = options.now();
  const ended = host === undefined || host === hostname() ? sameHostEnded : at - (await stat(path)).mtimeMs > OTHER_HOST_IDLE_MS;
  if (!ended) return undefined;
  const [problem] = problems;
  if (problem !== undefined) options.onWarning(`The record ${path}, line ${problem.line}: ${problem.message}`);
  return {
    type: "event",
    event: "gap",
    at,
    detail: {
      reason: "process_ended",
      file,
      ...head,
      torn: torn !== undefined,
      problem: problem?.code ?? null,
      outcomeUnknown: unanswered.size,
      outcomeUnknownCalls: [...unanswered].slice(0, MAX_CALLS_NAMED),
    },
  };
}

/** The head of a file that ends in its closing row: told from its last bytes alone, however long the file is. */
async function readClosingRow(path: string): Promise<RecordHead | undefined> {
  const { lines, rest } = splitLines(await readTail(path, CLOSING_ROW_BYTES));
  const line = lines.at(-1);
  if (line === undefined || rest !== undefined || !line.includes('"record_closed"')) return undefined;
  const prev = /"prev":"([0-9a-f]{64})","seq":(\d+),/.exec(line.toString("latin1"));
  const checker = new RowChecker({ seq: Number(prev?.[2]) - 1, hash: prev?.[1] ?? "" });
  return isRowProblem(checker.check(line)) || !checker.closed ? undefined : checker.head;
}

/** Keeps the calls whose intent was written and that have neither an outcome nor a withdrawal. */
function noteCall({ body }: CheckedRow, unanswered: Set<string>): void {
  const { callId, type } = body;
  if (type === "intent" && typeof callId === "string") unanswered.add(callId);
  if (type === "outcome" && typeof callId === "string") unanswered.delete(callId);
  const { callId: withdrawn } = detailOf(body);
  if (body["event"] === "intent_withdrawn" && typeof withdrawn === "string") unanswered.delete(withdrawn);
}

/** Whether the process of a file on this host is gone. A process id that was given away again is told by its start. */
function hasEnded(file: string): boolean {
  const name = parseRecordFileName(file);
  if (name === undefined) return false;
  if (name.startedAt < Date.now() - uptime() * 1_000 - CLOCK_SLACK_MS) return true; // before this boot
  // In containers every start has the same process id; another record of this very process is younger than the process. When that began is
  // known from then: its uptime does not count the time that a machine sleeps.
  if (name.pid === process.pid) return name.startedAt < performance.timeOrigin - CLOCK_SLACK_MS;
  return !isRunning(name);
}

const CLOCK_SLACK_MS = 2_000;

function isRunning({ pid }: RecordFileName): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    // EPERM: it runs, as another user.
    return cause instanceof Error && "code" in cause && cause.code === "EPERM";
  }
}
