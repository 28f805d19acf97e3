/** The answer to one approval request, and the kinds of functions that may give it. */
import type { PolicyViolationError } from "../errors.ts";
import type { Call } from "../call/call.ts";

export const APPROVAL_STATUSES = ["approved", "denied", "timeout", "not_required"] as const;
/** `waxell.mcp.approval_status`. */
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

const BRAND: unique symbol = Symbol.for("countersign.ApprovalDecision");

export interface ApprovalDecisionFields {
  readonly approved: boolean;
  /** Who answered: an e-mail address, a user name, the name of a rule. A claim unless a channel proved it. Default "". */
  readonly approver?: string;
  /** The window ended. A time-out even where `approved` is true. Default false. */
  readonly timedOut?: boolean;
  /** Seconds from block to answer as the handler measured them. Spans and records carry our own measure. */
  readonly elapsedSeconds?: number;
  /** Why; needed to approve where a policy says `requireReason`. Reaches the agent with a denial. */
  readonly reason?: string;
  /** The channel a person answered through, such as "terminal". */
  readonly channel?: string;
  /** True where a person answered, false where a rule did, undefined where nobody says. */
  readonly human?: boolean;
}

/** What an approval handler returns. Immutable; throws TypeError on fields of the wrong type. */
export class ApprovalDecision implements ApprovalDecisionFields {
  readonly approved: boolean;
  readonly approver: string;
  readonly timedOut: boolean;
  declare readonly elapsedSeconds?: number;
  declare readonly reason?: string;
  declare readonly channel?: string;
  declare readonly human?: boolean;

  constructor(fields: ApprovalDecisionFields) {
    check(fields, "approved", "boolean", true);
    for (const key of ["approver", "reason", "channel"] as const) check(fields, key, "string", false);
    for (const key of ["timedOut", "human"] as const) check(fields, key, "boolean", false);
    check(fields, "elapsedSeconds", "number", false);
    this.approved = fields.approved;
    this.approver = fields.approver ?? "";
    this.timedOut = fields.timedOut ?? false;
    if (fields.elapsedSeconds !== undefined) this.elapsedSeconds = fields.elapsedSeconds;
    if (fields.reason !== undefined) this.reason = fields.reason;
    if (fields.channel !== undefined) this.channel = fields.channel;
    if (fields.human !== undefined) this.human = fields.human;
    Object.freeze(this);
  }

  get [BRAND](): true {
    return true;
  }

  /** True for instances of this class, also from another copy of the SDK in the same process. */
  static isDecision(value: object): boolean {
    return value instanceof ApprovalDecision || Reflect.get(Object.getPrototypeOf(value) ?? {}, BRAND) === true;
  }
}

function check(fields: ApprovalDecisionFields, key: keyof ApprovalDecisionFields, type: string, required: boolean): void {
  const value = fields[key];
  if (value === undefined && !required) return;
  if (typeof value !== type) throw new TypeError(`ApprovalDecision.${key} must be a ${type}, not ${typeof value}`);
}

/** What a handler is told beside the error. Frozen; `call.arguments` is a copy that nothing else uses. */
export interface ApprovalContext {
  readonly call: Call;
  /** The call digest, hex: what a yes is bound to. */
  readonly digest: string;
  /** When the window ends. The wrapper enforces it, whatever the handler does. */
  readonly deadline: Date;
  /** Aborted at the deadline, when the caller goes away, and when the question is superseded. */
  readonly signal: AbortSignal;
}

/** What a handler may return. Anything else denies. */
export type ApprovalAnswer = ApprovalDecision | ApprovalDecisionFields | boolean;

/** Decides on one blocked call. May be sync or async; throwing denies. */
export type ApprovalHandler = (error: PolicyViolationError, context: ApprovalContext) => ApprovalAnswer | Promise<ApprovalAnswer>;
