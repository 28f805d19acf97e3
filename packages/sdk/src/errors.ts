/**
 * Every error class and code of the SDK. Codes are stable API; messages are for people.
 * No message, property or inspection of these errors may hold a call's arguments: they end up in logs.
 */
import { inspect } from "node:util";
import type { ApprovalDecision } from "./approval/decision.ts";
import type { Call } from "./call/call.ts";
import type { PolicyResult } from "./policy/result.ts";

export const REFUSAL_CODES = [
  "policy_block", // a policy blocks and nobody could be asked, or `approval: never`
  "policy_throttle", // over its rate; see retryAfterMs
  "inspection_block", // an inspection (PII, secret, security) blocks
  "approval_denied",
  "approval_timeout",
  "approval_needs_control_plane", // an in-process answer cannot satisfy the requirement
  "cancelled", // the caller aborted or went away while waiting
  "control_plane_unavailable", // the control plane could not be asked, so nobody was
  "in_progress", // the same call was approved once and is being executed, by whoever claimed it first
  "superseded", // the question changed again and again while people answered
  "malformed_call", // refused by the strict parse
  "unknown_tool", // the server's own list does not have it
  "result_withheld", // it ran; its result was blocked by inspection
  "record_unavailable", // the record cannot be written, so nothing runs
  "policy_unavailable", // no policy document is in force
  "internal_error", // something of ours failed; the call did not run
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface PolicyViolationOptions {
  readonly code?: RefusalCode;
  readonly policyResult?: PolicyResult | undefined;
  readonly call?: Call | undefined;
  readonly approval?: ApprovalDecision | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * Thrown where a tool call was refused. `policyResult` is undefined where an inspection or the strict parse refused.
 * `call` and `approval` are non-enumerable and appear neither in `util.inspect` nor in `toJSON`.
 */
export class PolicyViolationError extends Error {
  override readonly name: string = "PolicyViolationError";
  #code: RefusalCode;
  readonly policyResult: PolicyResult | undefined;
  /** Milliseconds after which the same call has a chance again; set with code `policy_throttle`. */
  readonly retryAfterMs: number | undefined;
  declare readonly call: Call | undefined;
  declare readonly approval: ApprovalDecision | undefined;

  constructor(message: string, options: PolicyViolationOptions = {}) {
    super(message);
    this.#code = options.code ?? "policy_block";
    this.policyResult = options.policyResult;
    this.retryAfterMs = options.retryAfterMs;
    hide(this, "cause", options.cause);
    hide(this, "call", options.call);
    hide(this, "approval", options.approval);
  }

  get code(): RefusalCode {
    return this.#code;
  }

  /**
   * Says how asking ended. The handler and the caller see one and the same error; only guard's answer to the block is added, and the message
   * where it was not people who ended it.
   * @internal
   */
  static settle(error: PolicyViolationError, end: { readonly message: string; readonly code: RefusalCode; readonly approval?: ApprovalDecision | undefined; readonly cause?: unknown }): void {
    error.#code = end.code;
    if (end.message !== error.message) {
      if (error.stack !== undefined) error.stack = error.stack.replace(error.message, () => end.message);
      error.message = end.message;
    }
    hide(error, "approval", end.approval);
    hide(error, "cause", end.cause);
  }

  toJSON(): Record<string, unknown> {
    return {
      name: this.name,
      message: this.message,
      code: this.code,
      policyResult: this.policyResult,
      retryAfterMs: this.retryAfterMs,
    };
  }

  [inspect.custom](): string {
    const facts = { code: this.code, policyResult: this.policyResult, retryAfterMs: this.retryAfterMs };
    return `${this.stack ?? `${this.name}: ${this.message}`} ${inspect(facts, { depth: 5 })}`;
  }
}

function hide(target: object, key: string, value: unknown): void {
  if (value === undefined) return;
  Object.defineProperty(target, key, { value, enumerable: false, configurable: true, writable: false });
}

/**
 * A refusal on its way through guard.ts, which turns it into an outcome. It never leaves the SDK.
 * @internal
 */
export class Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
  readonly cause: unknown;
  /** The answer, where somebody was asked. */
  readonly approval: ApprovalDecision | undefined;

  constructor(code: RefusalCode, reason: string, cause?: unknown, approval?: ApprovalDecision) {
    this.code = code;
    this.reason = reason;
    this.cause = cause;
    this.approval = approval;
  }
}

/** The refusal that a failure amounts to. Whatever is not one of ours is an internal error, with its cause kept. */
export function refusalOf(failure: unknown): Refusal {
  if (failure instanceof Refusal) return failure;
  const code = failure instanceof Error && "code" in failure && failure.code === "record_unavailable" ? "record_unavailable" : "internal_error";
  const reason = code === "record_unavailable" ? "the record cannot be written, so nothing runs" : "something failed while the call was being decided, so it does not run";
  return new Refusal(code, reason, failure);
}

/** A policy document that cannot be loaded. Nothing runs under it; the last good one stays in force. */
export class PolicyDocumentError extends Error {
  override readonly name: string = "PolicyDocumentError";
  readonly code = "policy_document_invalid";
  readonly problems: readonly PolicyProblem[];

  constructor(source: string, problems: readonly PolicyProblem[]) {
    super(
      problems
        .map(({ line, column, message, mend }) => `${source}:${line}:${column}: ${message}${mend === undefined ? "" : ` ${mend}`}`)
        .join("\n"),
    );
    this.problems = problems;
  }
}

/** One problem of a policy document. `line` and `column` count from 1. */
export interface PolicyProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to write instead. */
  readonly mend?: string;
}
