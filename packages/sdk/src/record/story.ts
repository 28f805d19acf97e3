/**
 * The story of one call, as guard.ts writes it while it walks: the only account that both the record and the spans are made
 * from, so that they cannot disagree. It holds live objects; entries-of-story.ts takes out what may be kept.
 */
import type { Question } from "../approval/ask.ts";
import type { ApprovalStatus } from "../approval/decision.ts";
import type { Edit } from "../approval/edit.ts";
import type { Call } from "../call/call.ts";
import type { CallReading, ProposedCall } from "../call/read-call.ts";
import type { RefusalCode } from "../errors.ts";
import type { Finding, InspectionAction } from "../inspection/inspection.ts";
import type { Action } from "../policy/result.ts";
import type { Verdict } from "../policy/evaluate.ts";
import type { ExecutionOutcome, Queued } from "./entry.ts";

/** How asking went, for the record and the span. */
export interface ApprovalStory {
  readonly status: ApprovalStatus | "superseded";
  readonly requestId?: string;
  readonly requestDigest?: string;
  readonly approver?: string;
  readonly elapsedMs?: number;
  readonly channel?: string;
  readonly human?: boolean;
  readonly reason?: string;
  readonly error?: string;
}

/** How sending went. `error` and `result` are live and stay out of the record. */
export interface ExecutionStory {
  readonly outcome: ExecutionOutcome;
  readonly elapsedMs: number;
  readonly isError: boolean;
  readonly requestId: string | number | undefined;
  readonly error: unknown;
  readonly result: unknown;
}

export interface CallStory {
  readonly callId: string;
  readonly proposed: ProposedCall;
  readonly reading: CallReading;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  call: Call | undefined;
  findings: readonly Finding[];
  /** The strictest action the document took on findings, where it took one. */
  findingAction: InspectionAction | undefined;
  verdict: Verdict | undefined;
  /** The decision row, once it is queued. */
  queued: Queued | undefined;
  /** W3C trace context of the call's span, where it is traced. */
  traceparent: string | undefined;
  /** What was put to people last. */
  question: Question | undefined;
  approval: ApprovalStory | undefined;
  /** Where an approver wrote other arguments: the edit, and the names of what differs from what the caller sent. */
  edit: Edit | undefined;
  changed: readonly string[];
  /** An edit whose request was not joined yet: where the call ends before that, nobody will ever use it. */
  unjoinedEdit: Edit | undefined;
  refusal: { readonly code: RefusalCode; readonly reason: string; readonly action: Action } | undefined;
  execution: ExecutionStory | undefined;
}

/** Begins a story. `reading` is the outcome of the strict parse. */
export function openStory(callId: string, startedAt: number, proposed: ProposedCall, reading: CallReading): CallStory {
  return {
    callId,
    proposed,
    reading,
    startedAt,
    call: undefined,
    findings: NONE,
    findingAction: undefined,
    verdict: undefined,
    queued: undefined,
    traceparent: undefined,
    question: undefined,
    approval: undefined,
    edit: undefined,
    changed: NO_NAMES,
    unjoinedEdit: undefined,
    refusal: undefined,
    execution: undefined,
  };
}

const NO_NAMES: readonly string[] = [];
const NONE: readonly Finding[] = [];
