/**
 * Tries a document in a thread of its own, where no request waits for it: reading a draft, compiling it and judging a month of calls take
 * seconds. Started by control/trial/run-trial.ts, which ends it when nobody waits for the answer any more.
 */
import { parentPort, workerData } from "node:worker_threads";
import { PolicyDocumentError, type JsonObject, type PolicyProblem } from "@countersign/sdk";
import { parseJson } from "@countersign/sdk/call";
import { readPolicyText, type PolicyDocument } from "@countersign/sdk/policy";
import { openArguments, type ArgumentKey, type RowArguments, type SealedArguments } from "@countersign/sdk/record";
import type { trial } from "@countersign/sdk/wire";
import { checkText, type PolicyCheck } from "./check-text.ts";
import { explainTried } from "./explanation-view.ts";
import { numberOf, readDecision, textOf, type TriedCall } from "./recorded-call.ts";
import { createTally, type Tallied, type Tally } from "./tally.ts";

// What a thread is asked to try, and what it answers: data alone, which is copied from one thread to the other.
export type TrialJob =
  | { readonly kind: "check"; readonly text: string; readonly approvers: readonly string[] }
  | { readonly kind: "explain"; readonly draft: string; readonly inForce: string | null; readonly call: TriedCall }
  /** `keys`: those that open arguments; rows sealed under others count as without. `from`: earlier rows are left out. */
  | { readonly kind: "replay"; readonly draft: string; readonly against: string | null; readonly from: number; readonly keys: readonly ArgumentKey[] };

/** To a thread that replays: rows in order, then null. */
export type Rows = readonly string[] | null;

export type TrialReply =
  | { readonly kind: "more" }
  | { readonly kind: "checked"; readonly check: PolicyCheck }
  | { readonly kind: "explained"; readonly draft: trial.Explanation; readonly inForce: trial.Explanation | null }
  | { readonly kind: "replayed"; readonly tallied: Tallied }
  | { readonly kind: "problems"; readonly problems: readonly PolicyProblem[] };

const job = workerData as TrialJob; // run-trial.ts gives it

function reply(said: TrialReply): void {
  parentPort?.postMessage(said);
}

function read(text: string, source: string): PolicyDocument {
  return readPolicyText(text, source);
}

function start(one: TrialJob): void {
  try {
    if (one.kind === "check") return reply({ kind: "checked", check: checkText(one.text, one.approvers) });
    const draft = read(one.draft, "draft");
    if (one.kind === "replay") return replay(one, createTally(draft, one.against === null ? undefined : read(one.against, "in force")));
    const inForce = one.inForce === null ? null : explainTried(read(one.inForce, "in force"), one.call);
    reply({ kind: "explained", draft: explainTried(draft, one.call), inForce });
  } catch (error) {
    if (!(error instanceof PolicyDocumentError)) throw error;
    reply({ kind: "problems", problems: error.problems });
  }
}

function replay({ from, keys }: Extract<TrialJob, { kind: "replay" }>, tally: Tally): void {
  const reader = createReader(keys);
  parentPort?.on("message", (rows: Rows) => {
    if (rows === null) {
      reply({ kind: "replayed", tallied: tally.report() });
      parentPort?.close();
      return;
    }
    for (const line of rows) add(reader.read(line), from, tally, reader);
    reply({ kind: "more" });
  });
  reply({ kind: "more" });
}

function add(row: JsonObject, from: number, tally: Tally, reader: Reader): void {
  const type = row["type"];
  if (type === "approval") tally.answer(textOf(row, "callId"), textOf(row, "status"), textOf(row, "requestId"));
  else if (type === "decision" && numberOf(row, "at") >= from) tally.add(readDecision(row, "", reader.argumentsOf(row)));
}

interface Reader {
  read(line: string): JsonObject;
  /** Opens what is sealed when it is asked for: most calls are judged by their names alone. */
  argumentsOf(row: JsonObject): () => JsonObject | undefined;
}

/** Arguments of a batch stand together in one row before the rows that they belong to. */
function createReader(keys: readonly ArgumentKey[]): Reader {
  const byId = new Map(keys.map((key) => [key.id, key]));
  let last: { readonly seq: number; readonly sealed: SealedArguments; opened?: ReadonlyMap<number, RowArguments> } | undefined;
  return {
    read(line) {
      const row = parseJson(line) as JsonObject; // a row of the record
      if (row["type"] === "arguments") last = { seq: numberOf(row, "seq"), sealed: row["sealed"] as unknown as SealedArguments }; // in this form where its type is this
      return row;
    },
    argumentsOf(row) {
      const batch = row["arguments"] === last?.seq ? last : undefined;
      return () => {
        const key = batch === undefined ? undefined : byId.get(batch.sealed.key);
        if (batch === undefined || key === undefined) return undefined;
        batch.opened ??= open(batch.sealed, batch.seq, key);
        const found = batch.opened.get(numberOf(row, "seq"));
        return found === undefined || found.digest !== row["digest"] ? undefined : (parseJson(found.text) as JsonObject); // canonical text of an object
      };
    },
  };
}

/** What was changed after it was written counts as not there; the record's verifier says which row that is. */
function open(sealed: SealedArguments, seq: number, key: ArgumentKey): ReadonlyMap<number, RowArguments> {
  try {
    return openArguments(sealed, seq, key);
  } catch {
    return new Map();
  }
}

start(job);
