/** A rule in code that answers the clear cases, such as "anything below /tmp". */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalHandler } from "../approval/decision.ts";
import { handlerTimeoutMs, stampTimeout } from "../approval/handler-timeout.ts";
import { stampAmong } from "../approval/inbox.ts";
import type { Call } from "../call/call.ts";
import type { PolicyViolationError } from "../errors.ts";
import { assertHandler } from "./ask-one.ts";

/** Says whether a call may run without asking. Only exactly `true` says so. */
export type ApprovalPredicate = (call: Call, error: PolicyViolationError) => boolean | Promise<boolean>;

export interface ApproveWhenOptions {
  /** Who the record names as approver. Default "rule". */
  readonly approver?: string;
  /** Asked where the predicate does not answer `true`. Default: denied. */
  readonly otherwise?: ApprovalHandler;
}

/** Approves where the predicate answers exactly `true`. A predicate that throws denies, and `otherwise` is not asked. */
export function approveWhen(predicate: ApprovalPredicate, options: ApproveWhenOptions = {}): ApprovalHandler {
  if (typeof predicate !== "function") throw new TypeError("approveWhen: the predicate must be a function");
  const { approver = "rule", otherwise } = options;
  if (typeof approver !== "string") throw new TypeError("approveWhen: approver must be a string");
  if (otherwise !== undefined) assertHandler("approveWhen: otherwise", otherwise);
  const handler: ApprovalHandler = async (error, context) => {
    const matched: unknown = await predicate(context.call, error);
    // The predicate may have taken long; nobody is asked about a call that is gone.
    context.signal.throwIfAborted();
    if (matched === true) return new ApprovalDecision({ approved: true, approver, human: false });
    if (otherwise !== undefined) return otherwise(error, context);
    return new ApprovalDecision({ approved: false, approver, human: false });
  };
  if (otherwise === undefined) return handler;
  return stampAmong(stampTimeout(handler, handlerTimeoutMs(otherwise)), [otherwise]);
}
