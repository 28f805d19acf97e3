/** Logging instead of asking, for a trial period before policies are enforced. */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalHandler } from "../approval/decision.ts";
import { escapeText } from "../approval/escape.ts";
import { extractBlockMetadata } from "../approval/metadata.ts";

/** What is needed of a logger: console, pino and winston have it. `format` uses `%s`. */
export interface WarnLogger {
  warn(format: string, ...values: readonly unknown[]): unknown;
}

/**
 * Logs every blocked call and lets it run, as "audit_bypass". The call's arguments are not logged.
 * A logger that throws denies: a call that nobody will see in the log does not run.
 */
export function auditOnly(logger: WarnLogger): ApprovalHandler {
  if (typeof logger?.warn !== "function") throw new TypeError("auditOnly: give a logger with a warn method, such as console");
  return (error) => {
    const { actionType, reason, approvers } = extractBlockMetadata(error);
    // A tool name can come from the model; a line break in it would forge a line of the log.
    const told = [actionType, reason, approvers.join(", ") || "any"].map((text) => escapeText(text));
    logger.warn("WOULD HAVE BLOCKED: %s (reason: %s, approvers: %s)", ...told);
    return new ApprovalDecision({ approved: true, approver: "audit_bypass", human: false });
  };
}
