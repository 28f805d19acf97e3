/**
 * The two handlers that ask nobody: for tests, dry runs and trial periods.
 * autoApprove must never run unnoticed: it warns, and doctor and health name it. Called by guard.ts like any handler.
 */
import { ApprovalDecision } from "../approval/decision.ts";

let used = false;

/** Approves every call it is asked about, as "auto_approve". Warns on stderr the first time in a process. */
export function autoApprove(): ApprovalDecision {
  if (!used) {
    used = true;
    console.warn(
      "countersign: autoApprove answers approval requests in this process: nobody is asked, and blocked calls run. " +
        "It is meant for tests and dry runs; to ask a person, set onPolicyBlock to promptApproval.",
    );
  }
  return new ApprovalDecision({ approved: true, approver: "auto_approve", human: false });
}

/** Whether autoApprove has approved anything in this process. */
export function autoApproveUsed(): boolean {
  return used;
}

/** Denies every call it is asked about, as "auto_deny". */
export function autoDeny(): ApprovalDecision {
  return new ApprovalDecision({ approved: false, approver: "auto_deny", human: false });
}
