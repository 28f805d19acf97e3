/**
 * The recorded calls of a directory, as commands judge them anew: one per call, with its arguments where their key is there,
 * what was decided then and how asking ended. Rows are verified on the way. Called by policy-replay.ts and policy-diff.ts.
 */
import { basename, dirname, join } from "node:path";
import { readArgumentKey, readRecord, type JsonObject } from "@countersign/sdk";
import { parseJson } from "@countersign/sdk/call";
import type { Action } from "@countersign/sdk/policy";
import { CheckFailure, UsageError, type Ports } from "./ports.ts";
import { isUndecided, numberOf, readDecision, type RecordedDecision } from "../trial/recorded-call.ts";
import type { Freedom } from "../trial/verdict-words.ts";

export interface RecordedCall extends RecordedDecision {
  readonly freedom: Freedom;
  /** How asking ended; undefined where nobody was asked, or nobody has answered yet. */
  readonly answer: "approved" | "denied" | "timeout" | "superseded" | undefined;
  /** Milliseconds from question to answer, where a yes or a no came. */
  readonly elapsedMs: number | undefined;
}

export interface RecordedCalls {
  readonly calls: readonly RecordedCall[];
  readonly files: number;
  /** Calls that ended before any policy was asked: malformed, unknown tools, a broken record. */
  readonly undecided: number;
}

/** `directory` is a state directory (with `record/` in it) or a `record/` itself. `since`: milliseconds since the epoch. */
export async function readDecisions(directory: string, ports: Ports, since = 0): Promise<RecordedCalls> {
  const { keys, names, records } = await find(directory, ports);
  const calls: RecordedCall[] = [];
  let undecided = 0;
  for (const name of names) {
    const stories = await readStories(join(records, name), keys);
    for (const story of stories) {
      if (numberOf(story.decision, "at") < since) continue;
      const call = recordedCall(name, story);
      if (isUndecided(call)) undecided += 1;
      else calls.push(call);
    }
  }
  return { calls, files: names.length, undecided };
}

async function find(directory: string, { readDirectory }: Ports): Promise<{ readonly records: string; readonly keys: string; readonly names: readonly string[] }> {
  const list = async (path: string): Promise<readonly string[] | undefined> => {
    try {
      return (await readDirectory(path)).filter((name) => name.endsWith(".jsonl")).toSorted();
    } catch {
      return undefined;
    }
  };
  const below = await list(join(directory, "record"));
  if (below !== undefined) return { records: join(directory, "record"), keys: directory, names: below };
  const names = await list(directory);
  if (names === undefined) throw new UsageError(`${directory}: cannot be read as a directory. Name the state directory, which has record/ and keys/ in it.`);
  if (names.length === 0) throw new UsageError(`${directory}: there is no record in it. Name the state directory, which has record/ and keys/ in it.`);
  return { records: directory, keys: basename(directory) === "record" ? dirname(directory) : directory, names };
}

interface Story {
  readonly decision: JsonObject;
  readonly argumentsText: string | undefined;
  readonly approvals: JsonObject[];
}

async function readStories(path: string, keys: string): Promise<readonly Story[]> {
  const stories = new Map<string, Story>();
  try {
    for await (const { argumentsText, body } of readRecord(path, { keyOf: (id) => readArgumentKey(keys, id) })) {
      const { callId, type } = body;
      if (typeof callId !== "string") continue;
      const story = stories.get(callId);
      if (type === "approval") story?.approvals.push(body);
      if (type !== "decision") continue;
      // A call whose question changed, or that was refused after asking, has several; the first says what policy said of it.
      if (story === undefined) stories.set(callId, { decision: body, argumentsText, approvals: [] });
    }
  } catch (cause) {
    throw new CheckFailure(`${cause instanceof Error ? cause.message : String(cause)} The record cannot be trusted from there on; verify it first.`, { cause });
  }
  return [...stories.values()];
}

function recordedCall(file: string, { approvals, argumentsText, decision }: Story): RecordedCall {
  const last = approvals.at(-1);
  const answered = approvals.filter((row) => row["status"] === "approved" || row["status"] === "denied");
  const decided = readDecision(decision, file, () => (argumentsText === undefined ? undefined : (parseJson(argumentsText) as JsonObject))); // canonical text of an object
  return Object.assign(decided, {
    freedom: recordedFreedom(decided.action, decided.code, approvals.length > 0),
    // The recorder wrote these rows, and their hashes were checked.
    answer: last === undefined ? undefined : (last["status"] as RecordedCall["answer"]),
    elapsedMs: answered.length === 0 ? undefined : answered.reduce((sum, row) => sum + numberOf(row, "elapsedMs"), 0),
  });
}

/** A block without a code on its first row was put to somebody; with one, the call ended there. */
function recordedFreedom(action: Action, code: string, asked: boolean): Freedom {
  switch (action) {
    case "allow":
    case "warn":
      return "runs";
    case "throttle":
      return code === "policy_throttle" ? "stops" : "runs";
    case "block":
      return asked || code === "" ? "asks" : "stops";
  }
}
