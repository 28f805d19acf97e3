/**
 * The door between a handler and the control plane: how `inboxApproval`, which is a plain function, finds the request that it
 * is to ask about, and how combinators tell that the inbox is among those they ask.
 */
import type { PolicyViolationError } from "../errors.ts";
import type { ApprovalContext, ApprovalDecision, ApprovalHandler } from "./decision.ts";

/** Asks the control plane about the question that the error belongs to. */
export type InboxDoor = (context: ApprovalContext) => Promise<ApprovalDecision>;

const doors = new WeakMap<PolicyViolationError, InboxDoor>();

export function openInbox(error: PolicyViolationError, door: InboxDoor): void {
  doors.set(error, door);
}

/** Undefined where no control plane is set up. */
export function inboxOf(error: PolicyViolationError): InboxDoor | undefined {
  return doors.get(error);
}

/** A property, not a WeakSet, so that another copy of the SDK in the same process reads it too. */
const INBOX = Symbol.for("countersign.inbox");

/** `alone`: the handler is the inbox. `among`: one yes of the inbox can be its yes. Undefined: a local handler. */
export type InboxPart = "alone" | "among";

export function inboxPartOf(handler: ApprovalHandler): InboxPart | undefined {
  const stamped: unknown = Object.getOwnPropertyDescriptor(handler, INBOX)?.value;
  return stamped === "alone" || stamped === "among" ? stamped : undefined;
}

export function stampInbox(handler: ApprovalHandler, part: InboxPart): ApprovalHandler {
  Object.defineProperty(handler, INBOX, { value: part });
  return handler;
}

/** Stamps a combinator of which any one handler's yes is the yes. */
export function stampAmong(combined: ApprovalHandler, handlers: readonly ApprovalHandler[]): ApprovalHandler {
  return handlers.some((handler) => inboxPartOf(handler) !== undefined) ? stampInbox(combined, "among") : combined;
}
