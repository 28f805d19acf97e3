/**
 * Recorded calls as they come, under a document that is not in force: what became of them, what would have, and which calls lie between.
 * It keeps numbers and a few examples, so a month of calls fits. Called by trial-worker.ts.
 */
import type { PolicyDocument, Verdict } from "@countersign/sdk/policy";
import type { trial } from "@countersign/sdk/wire";
import { createJudge } from "./judge-recorded.ts";
import { isUndecided, type RecordedDecision } from "./recorded-call.ts";
import { kindOf, recordedKind, type VerdictKind } from "./verdict-kind.ts";

export type Counts = Record<VerdictKind, number>;
export type Tallied = Pick<trial.ReplayReport, "calls" | "judged" | "unjudged" | "undecided" | "before" | "after" | "moves">;

export interface Tally {
  /** In recorded order. The first row of a call counts: one whose question changed has several. */
  add(call: RecordedDecision): void;
  /** How asking about a call ended. */
  answer(callId: string, status: string, requestId: string): void;
  report(): Tallied;
}

/** Names come from agents, so there may be any number of them. */
const MAX_GROUPS = 5000;
const SHOWN_GROUPS = 25;
const EXAMPLES = 5;

interface Example {
  readonly callId: string;
  readonly at: number;
  readonly agent: string;
  requestId: string | null;
}
interface Answers {
  approved: number;
  denied: number;
  unanswered: number;
}
interface Group extends Answers {
  readonly policyId: string;
  readonly because: string;
  calls: number;
  readonly examples: Example[];
}
interface Move extends Answers {
  readonly before: VerdictKind;
  readonly after: VerdictKind;
  calls: number;
  readonly groups: Map<string, Group>;
}

/** Without a baseline, "before" is what was recorded. */
export function createTally(candidate: PolicyDocument, baseline?: PolicyDocument): Tally {
  const judge = createJudge(candidate);
  const earlier = baseline === undefined ? undefined : createJudge(baseline);
  const seen = new Set<string>();
  const moved = new Map<string, { readonly move: Move; readonly group: Group }>();
  const moves = new Map<string, Move>();
  const [before, after] = [noCounts(), noCounts()];
  let [calls, judged, undecided, groups] = [0, 0, 0, 0];

  function note(from: VerdictKind, to: VerdictKind, call: RecordedDecision, verdict: Verdict): void {
    const move = entry(moves, `${from} ${to}`, () => ({ before: from, after: to, calls: 0, ...noAnswers(), groups: new Map() }));
    const because = reasonOf(verdict);
    const key = `${call.policyId}\n${because}`;
    const isFull = groups >= MAX_GROUPS && !move.groups.has(key);
    const group = entry(move.groups, isFull ? "" : key, () => {
      groups += 1;
      return { policyId: isFull ? "" : call.policyId, because: isFull ? "" : because, calls: 0, ...noAnswers(), examples: [] };
    });
    move.calls += 1;
    group.calls += 1;
    group.examples.push({ callId: call.callId, at: call.at, agent: call.agent, requestId: null });
    if (group.examples.length > EXAMPLES) group.examples.shift();
    moved.set(call.callId, { move, group });
  }

  return {
    add(call) {
      if (seen.has(call.callId)) return;
      seen.add(call.callId);
      if (isUndecided(call)) {
        undecided += 1;
        return;
      }
      calls += 1;
      // Both are asked whatever the other says: their throttles count every call.
      const [now, then] = [judge.judge(call), earlier?.judge(call)];
      if (now === undefined || (earlier !== undefined && then === undefined)) return;
      judged += 1;
      const [from, to] = [then === undefined ? kindThen(call, now) : kindOf(then), kindOf(now)];
      before[from] += 1;
      after[to] += 1;
      if (from !== to) note(from, to, call, now);
    },

    answer(callId, status, requestId) {
      const found = moved.get(callId);
      if (found === undefined) return;
      const how = status === "approved" || status === "denied" ? status : status === "timeout" ? "unanswered" : undefined;
      if (how !== undefined) {
        found.move[how] += 1;
        found.group[how] += 1;
      }
      const example = found.group.examples.find((one) => one.callId === callId);
      if (example !== undefined) example.requestId = requestId;
    },

    report: () => ({ calls, judged, unjudged: calls - judged, undecided, before, after, moves: [...moves.values()].toSorted((a, b) => b.calls - a.calls).map(shown) }),
  };
}

/**
 * A block that ended at once may have had nobody to ask, which is the program's doing and not the document's: where the same
 * policies decide, nothing changes.
 */
function kindThen(call: RecordedDecision, now: Verdict): VerdictKind {
  const kind = recordedKind(call);
  const isSameBlock = call.action === "block" && now.action === "block" && call.decisive.join("\n") === now.decisive.join("\n");
  return kind === "never" && isSameBlock ? kindOf(now) : kind;
}

function reasonOf({ decisive, reason }: Verdict): string {
  if (decisive.length > 0) return decisive.join(", ");
  return reason === "" ? "no policy is about it" : reason;
}

function shown({ groups, ...move }: Move): trial.ReplayMove {
  const sorted = [...groups.values()].toSorted((a, b) => b.denied - a.denied || b.calls - a.calls);
  return { ...move, groups: sorted.slice(0, SHOWN_GROUPS), moreGroups: Math.max(0, sorted.length - SHOWN_GROUPS) };
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function noCounts(): Counts {
  return { allow: 0, warn: 0, throttle: 0, throttled: 0, block: 0, never: 0 };
}

function noAnswers(): Answers {
  return { approved: 0, denied: 0, unanswered: 0 };
}
