/**
 * The record: the append-only, hash-chained account of every call. This file holds what the flow says to it.
 * guard.ts calls `RecordPort`; it must never learn how rows are stored, and rows never hold arguments in the clear.
 */
import type { ApprovalStatus } from "../approval/decision.ts";
import type { RefusalCode } from "../errors.ts";
import type { ConditionFault } from "../policy/condition-fault.ts";
import type { Action } from "../policy/result.ts";

/** A finding as recorded: where and what, never the value. */
export interface RecordedFinding {
  readonly type: string;
  /** The group of the document's `inspection` section; rows written before it was kept have none. */
  readonly group: string;
  readonly direction: "input" | "output";
  readonly where: string;
  readonly count: number;
}

/** What an entry may say beside itself where it came from another process. */
interface Reported {
  /** Id of the agent key whose process reported it; absent where the keeper of the record says it itself. */
  readonly reportedBy?: string;
}

/** A condition that had no answer, whatever came of it. */
export interface RecordedFault extends Omit<ConditionFault["place"], "path"> {
  readonly policy: string;
  /** The path that was missing or of the wrong kind, such as `args.amount`. */
  readonly field?: string;
  /** Never quotes an argument. */
  readonly message: string;
}

/** What was decided about a call, before anything else happens to it. */
export interface DecisionEntry extends Reported {
  readonly type: "decision";
  readonly callId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly policyId: string;
  readonly server: string | null;
  readonly tool: string;
  readonly principal: string;
  readonly agent: string;
  readonly user: string;
  readonly session: string;
  /** Call digest, hex; null where the call could not be read. */
  readonly digest: string | null;
  readonly definition: string | null;
  readonly action: Action;
  readonly reason: string;
  readonly policies: readonly string[];
  readonly decisive: readonly string[];
  readonly findings: readonly RecordedFinding[];
  /** The first of them; absent where every condition had an answer. */
  readonly faults?: readonly RecordedFault[];
  /** Observe mode: what would have happened, where it differs. */
  readonly wouldAction?: Action;
  readonly wouldPolicies?: readonly string[];
  /** Set where the call ends here. */
  readonly code?: RefusalCode;
  readonly retryAfterMs?: number;
  /** RFC 8785 text of the arguments. The recorder encrypts it or leaves it out; it is never written as it stands. */
  readonly argumentsText?: string;
}

/** How an approval ended. */
export interface ApprovalEntry extends Reported {
  readonly type: "approval";
  readonly callId: string;
  readonly at: number;
  readonly requestId: string;
  readonly requestDigest: string;
  readonly digest: string;
  readonly status: Exclude<ApprovalStatus, "not_required"> | "superseded";
  readonly approver: string;
  readonly elapsedMs: number;
  readonly channel?: string;
  readonly human?: boolean;
  readonly reason?: string;
  /** Why it was denied where no one said no: "cancelled", the class of what the handler threw, what came back. */
  readonly error?: string;
}

/** A held call is about to be sent. Durable before the first byte, or nothing runs. */
export interface IntentEntry extends Reported {
  readonly type: "intent";
  readonly callId: string;
  readonly at: number;
  readonly digest: string;
  readonly requestId: string;
  readonly approver: string;
}

export const OUTCOMES = ["completed", "failed", "withheld", "outcome_unknown"] as const;
/** `failed`: the server answered with an error. `outcome_unknown`: it was sent and no answer came. */
export type ExecutionOutcome = (typeof OUTCOMES)[number];

export interface OutcomeEntry extends Reported {
  readonly type: "outcome";
  readonly callId: string;
  readonly at: number;
  readonly outcome: ExecutionOutcome;
  readonly elapsedMs: number;
  /** `isError` of the tool's result. */
  readonly isError?: boolean;
  readonly findings?: readonly RecordedFinding[];
  /** Of a held call, where the control plane writes it. */
  readonly requestId?: string;
}

export const EVENTS = [
  "policy_activated",
  "policy_refused",
  "gap",
  "record_opened",
  "record_closed",
  "record_linked",
  "intent_withdrawn",
  "call_continued", // its server had asked for something, and was answered
  // Of the control plane:
  "request_created",
  "request_edited", // an approver changed the arguments: which, and which request took its place
  "vote_cast",
  "claim_released",
  "outcome_lapsed",
  "outcome_annotated",
  "late_report",
  "grant_made",
  "grant_used",
  "grant_ended",
  "person_added",
  "person_changed",
  "group_changed",
  "key_added",
  "key_revoked",
  "delegation_made",
  "delegation_ended",
  "signed_in",
  "sign_in_refused",
  "signed_out",
  "link_made",
  "policy_saved",
  "policy_reported", // a document came into force in an agent's process
  "mode_changed",
  "arguments_erased",
  "data_key_made",
  "checkpoint_key_made",
  "installation_key_set",
  "batch_taken",
  "restored",
] as const;

/** What happens beside calls: a document came into force or was refused, tools changed, and so on. */
export interface EventEntry {
  readonly type: "event";
  readonly at: number;
  /** `record_linked`: names the head of an earlier file. `intent_withdrawn`: an intent whose commit was refused; nothing was sent. */
  readonly event: (typeof EVENTS)[number];
  readonly detail: { readonly [key: string]: string | number | boolean | null | readonly string[] };
}

export type RecordEntry = DecisionEntry | ApprovalEntry | IntentEntry | OutcomeEntry | EventEntry;

/** An entry that was accepted; names it to `complete`. */
export interface Queued {
  readonly entry: RecordEntry;
}

/**
 * The record as guard.ts sees it.
 * A full queue makes `append` wait and then reject; a broken disk makes it reject at once, unless `record.required` is false.
 */
export interface RecordPort {
  /** Queues an entry: flushed within 50 ms or 256 rows. A promise only where it must wait. Rejects with RecordUnavailableError. */
  append(entry: RecordEntry): Queued | Promise<Queued>;
  /** Writes an entry and all before it durably (fdatasync). Rejects with RecordUnavailableError, also where the record is not required. */
  commit(entry: RecordEntry): Promise<void>;
  /** Adds the outcome to a queued decision: in its row while that is not flushed, else in a row of its own. Never throws. */
  complete(queued: Queued, outcome: OutcomeEntry): void;
}

/** The record cannot take what it must take. */
export class RecordUnavailableError extends Error {
  override readonly name: string = "RecordUnavailableError";
  readonly code = "record_unavailable";
}
