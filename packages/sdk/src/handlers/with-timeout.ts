/** A handler's own window, for where the policy does not name one. */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalContext, ApprovalHandler } from "../approval/decision.ts";
import { stampTimeout } from "../approval/handler-timeout.ts";
import { stampAmong } from "../approval/inbox.ts";
import { extractBlockMetadata } from "../approval/metadata.ts";
import { setLongTimeout } from "../approval/timer.ts";
import type { PolicyViolationError } from "../errors.ts";
import { askOne, assertHandler, isAskedAmongOthers } from "./ask-one.ts";

export type HandlerWindow = { readonly minutes: number } | { readonly ms: number };

/**
 * Gives the handler a window. Alone, it counts where the policy writes no `timeoutMinutes`; as one of several (in
 * `firstOf`, `allOf`, `escalate`) it always counts for this handler. When it ends, the answer is a time-out.
 */
export function withTimeout(handler: ApprovalHandler, window: HandlerWindow): ApprovalHandler {
  assertHandler("withTimeout: handler", handler);
  const windowMs = readWindow(window);
  const within: ApprovalHandler = (error, context) => {
    // The policy's window comes before the handler's own, and guard.ts enforces that one.
    const policyRules = extractBlockMetadata(error).timeoutMinutes !== null && !isAskedAmongOthers(context);
    return policyRules ? handler(error, context) : askWithin(windowMs, handler, error, context);
  };
  return stampAmong(stampTimeout(within, windowMs), [handler]);
}

async function askWithin(
  windowMs: number,
  handler: ApprovalHandler,
  error: PolicyViolationError,
  context: ApprovalContext,
): Promise<ApprovalDecision> {
  context.signal.throwIfAborted();
  const asking = askOne(handler, error, context, {
    label: "withTimeout: the handler",
    deadlineAt: Date.now() + windowMs,
    amongOthers: false,
  });
  const late = new DOMException("the handler's window ended", "TimeoutError");
  const timer = setLongTimeout(() => asking.abort(late), windowMs);
  try {
    const asked = await asking.ended;
    if (asked.kind === "decision") return asked.decision;
    if (asked.kind === "failed") throw asked.cause;
    if (asked.reason === late) return new ApprovalDecision({ approved: false, timedOut: true });
    throw asked.reason;
  } finally {
    timer.clear();
  }
}

function readWindow(window: unknown): number {
  const given = typeof window === "object" && window !== null ? window : {};
  const minutes: unknown = "minutes" in given ? given.minutes : undefined;
  const ms: unknown = "ms" in given ? given.ms : undefined;
  const windowMs = typeof minutes === "number" ? minutes * 60_000 : ms;
  const both = minutes !== undefined && ms !== undefined;
  if (both || typeof windowMs !== "number" || !Number.isFinite(windowMs) || windowMs <= 0) {
    throw new TypeError("withTimeout: the window must be { minutes } or { ms }, a number above 0");
  }
  return windowMs;
}
