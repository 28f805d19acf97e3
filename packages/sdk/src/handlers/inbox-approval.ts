/** Asking the people of the control plane, as a handler: alone, or inside `firstOf`, `escalate`, `withTimeout` and `allOf`. */
import { inboxOf, stampInbox } from "../approval/inbox.ts";
import type { ApprovalHandler } from "../approval/decision.ts";

/**
 * Puts the call to the control plane's inbox and answers as its people do. Needs `init({ controlPlane })`; with it this is what
 * happens where no handler is named. Where the signal is aborted, it stops waiting; what becomes of the request is decided by
 * who asked: see docs/control-plane-client.md.
 */
export const inboxApproval: ApprovalHandler = stampInbox(async (error, context) => {
  const door = inboxOf(error);
  if (door === undefined) throw new Error("inboxApproval needs a control plane: init({ controlPlane: { url, apiKey } })");
  return door(context);
}, "alone");
