/**
 * Asking people about one held call: the port between guard.ts and whoever answers, a handler in this process or the
 * control plane. A request is joined before anyone is told, waited for, claimed once, and its outcome reported.
 * Nothing here runs a tool; an approved request only lets guard.ts mint a permit.
 */
import type { Call } from "../call/call.ts";
import type { PolicyViolationError } from "../errors.ts";
import type { JsonObject } from "../call/json.ts";
import type { Finding } from "../inspection/inspection.ts";
import type { ExecutionOutcome } from "../record/entry.ts";
import type { PolicyResult, Requirement } from "../policy/result.ts";
import type { ApprovalDecision } from "./decision.ts";
import type { Edit } from "./edit.ts";

/** What is asked. `call` is a frozen copy of what will run; `error` is the block as the caller will see it if nobody approves. */
export interface Question {
  /** Names the call in the record. */
  readonly callId: string;
  readonly call: Call;
  readonly reason: string;
  readonly policyResult: PolicyResult | undefined;
  readonly requirements: readonly Requirement[];
  readonly error: PolicyViolationError;
  /** Names of the policies that took part. */
  readonly policies: readonly string[];
  readonly findings: readonly Finding[];
  /** What the server claims of the tool: shown apart, decides nothing. Null where it never listed it. */
  readonly definition: JsonObject | null;
  /** W3C trace context of the call, where it is traced. */
  readonly traceparent: string | undefined;
}

/** A request under way. */
export interface JoinedRequest {
  readonly id: string;
  /** Request digest, hex. */
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly question: Question;
  /** Where people look at it, where there is such a place. */
  readonly url?: string | undefined;
}

/** How waiting ended. `elapsedMs` is measured by us, on a monotonic clock. */
export type Answer =
  | { readonly kind: "approved"; readonly decision: ApprovalDecision; readonly elapsedMs: number }
  | {
      readonly kind: "denied" | "timeout";
      readonly decision: ApprovalDecision;
      readonly elapsedMs: number;
      /** Why, where nobody said no: "cancelled", or what failed. */
      readonly error?: string;
      readonly cause?: unknown;
    }
  /** It no longer asks the right question: what the call is now is asked anew. */
  | { readonly kind: "superseded"; readonly decision: ApprovalDecision; readonly elapsedMs: number }
  /** An approver wrote other arguments: people were asked about those in another request. */
  | { readonly kind: "edited"; readonly edit: Edit; readonly decision: ApprovalDecision; readonly elapsedMs: number }
  | { readonly kind: "pending"; readonly until: number };

/** How an execution ended, for whoever answered. */
export interface ReportedExecution {
  readonly outcome: ExecutionOutcome;
  /** `isError` of the tool's result. */
  readonly isError: boolean;
  readonly elapsedMs: number;
}

export interface WaitOptions {
  /** The caller's own signal: aborting cancels the request. */
  readonly signal: AbortSignal | undefined;
  /** Answer `pending` after this many milliseconds; undefined waits to the end. */
  readonly waitMs: number | undefined;
  /** The caller hears no answer any more, and takes nothing back: aborting answers `pending`. A port whose requests die with the caller ignores it. */
  readonly leave?: AbortSignal | undefined;
}

export interface AskPort {
  /** Whether an answer through this port can satisfy all of them. */
  canMeet(requirements: readonly Requirement[]): boolean;
  /** `edit`: the question is about what an approver made of the call, and there is a request about that already. */
  join(question: Question, edit?: Edit): JoinedRequest | Promise<JoinedRequest>;
  /** The request that an earlier wait ended with, however it stands by now; undefined where it is not about this call. */
  rejoin?(requestId: string, question: Question): Promise<JoinedRequest | undefined>;
  wait(request: JoinedRequest, options: WaitOptions): Promise<Answer>;
  /** Spends the approval: true exactly once per request, and only after an approval that still holds. */
  claim(request: JoinedRequest): boolean | Promise<boolean>;
  /** Takes back a request that no longer asks the right question. */
  supersede(request: JoinedRequest): void | Promise<void>;
  /** The caller's side refuses what an approver made of the call, and never joins the request about that. Neither throws nor waits. */
  dropEdit?(edit: Edit, reason: string): void;
  /** Gives an approval back that was not used: provably nothing was sent. `gone`: the caller is, so nobody is to use it any more. */
  release?(request: JoinedRequest, gone: boolean): void | Promise<void>;
  report(request: JoinedRequest, execution: ReportedExecution): void | Promise<void>;
}
