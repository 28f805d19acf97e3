/**
 * What a candidate document would have made of recorded calls: who would have been asked, what would have run.
 * Pure: recorded calls in, numbers and examples out. Examples never hold arguments. Called by policy-replay.ts.
 */
import type { PolicyDocument, Verdict } from "@countersign/sdk/policy";
import { createJudge } from "../trial/judge-recorded.ts";
import type { RecordedCall } from "./read-decisions.ts";
import { freedomOf, type Freedom } from "../trial/verdict-words.ts";

export interface ReplayExample {
  readonly policyId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly agent: string;
  readonly before: string;
  readonly after: string;
  /** Policies that decide now, or the reason where none does. */
  readonly because: string;
  /** How a person answered then. */
  readonly answer: RecordedCall["answer"];
}

export interface ReplayReport {
  readonly recorded: number;
  readonly judged: number;
  /** A condition asks for arguments that the record does not have. */
  readonly unjudged: number;
  /** Calls that ended before any policy was asked. */
  readonly undecided: number;
  /** From the first call to the last, at least 1. */
  readonly days: number;
  readonly newlyBlocked: readonly ReplayExample[];
  readonly newlyAllowed: readonly ReplayExample[];
  readonly approvalsMore: readonly ReplayExample[];
  readonly approvalsFewer: readonly ReplayExample[];
  readonly approvalsBefore: number;
  readonly approvalsAfter: number;
  /** Minutes; undefined where the record holds no answered request and somebody would be asked. */
  readonly approverMinutesPerDayBefore: number | undefined;
  readonly approverMinutesPerDayAfter: number | undefined;
}

const DAY_MS = 86_400_000;

/** Without a baseline, "before" is what was recorded. */
export function replay(calls: readonly RecordedCall[], candidate: PolicyDocument, baseline?: PolicyDocument, undecided = 0): ReplayReport {
  const judge = createJudge(candidate);
  const earlier = baseline === undefined ? undefined : createJudge(baseline);
  const judged: Judged[] = [];
  for (const call of calls) {
    const after = judge.judge(call);
    const first = earlier?.judge(call);
    if (after === undefined || (earlier !== undefined && first === undefined)) continue;
    judged.push({ call, from: first === undefined ? recordedFreedom(call, after) : freedomOf(first), to: freedomOf(after), before: first?.action ?? call.action, after });
  }
  const examples = (keep: (one: Judged) => boolean): readonly ReplayExample[] => judged.filter(keep).map(exampleOf);
  const times = judged.map(({ call }) => call.at);
  const days = times.length === 0 ? 1 : Math.max(1, (times.reduce((a, b) => Math.max(a, b)) - times.reduce((a, b) => Math.min(a, b))) / DAY_MS);
  const median = medianOf(judged.map(({ call }) => call.elapsedMs).filter((ms) => ms !== undefined));
  const [asked, asks] = [judged.filter(({ from }) => from === "asks"), judged.filter(({ to }) => to === "asks")];
  return {
    recorded: calls.length,
    judged: judged.length,
    unjudged: calls.length - judged.length,
    undecided,
    days,
    newlyBlocked: examples(({ from, to }) => from === "runs" && to !== "runs"),
    newlyAllowed: examples(({ from, to }) => from !== "runs" && to === "runs"),
    approvalsMore: examples(({ from, to }) => from !== "asks" && to === "asks"),
    approvalsFewer: examples(({ from, to }) => from === "asks" && to !== "asks"),
    approvalsBefore: asked.length,
    approvalsAfter: asks.length,
    approverMinutesPerDayBefore: minutesPerDay(asked, median, days),
    approverMinutesPerDayAfter: minutesPerDay(asks, median, days),
  };
}

interface Judged {
  readonly call: RecordedCall;
  readonly from: Freedom;
  readonly to: Freedom;
  readonly before: string;
  readonly after: Verdict;
}

/**
 * A block that ended at once may have had nobody to ask, which is the program's doing and not the document's: where the same
 * policies decide, nothing changes.
 */
function recordedFreedom(call: RecordedCall, after: Verdict): Freedom {
  const sameBlock = call.action === "block" && after.action === "block" && call.decisive.join("\n") === after.decisive.join("\n");
  return call.freedom === "stops" && sameBlock ? freedomOf(after) : call.freedom;
}

function exampleOf({ after, before, call }: Judged): ReplayExample {
  const because = after.decisive.length > 0 ? after.decisive.join(", ") : after.reason === "" ? "no policy holds it" : after.reason;
  return { policyId: call.policyId, at: call.at, agent: call.agent, before, after: after.action, because, answer: call.answer };
}

/** Where a request has no recorded time of its own, it counts as the median. */
function minutesPerDay(asked: readonly Judged[], median: number | undefined, days: number): number | undefined {
  if (asked.length === 0) return 0;
  let ms = 0;
  for (const { call } of asked) {
    const own = call.elapsedMs ?? median;
    if (own === undefined) return undefined;
    ms += own;
  }
  return ms / 60_000 / days;
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return undefined;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
