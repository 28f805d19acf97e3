import type { ApprovalHandler } from "./decision.ts";

/** A property, not a WeakMap, so that another copy of the SDK in the same process reads it too. */
const WINDOW = Symbol.for("countersign.handlerTimeoutMs");

/** The handler's own window in milliseconds, or undefined where it has none. It counts where no policy writes one. */
export function handlerTimeoutMs(handler: ApprovalHandler): number | undefined {
  const stamped: unknown = Object.getOwnPropertyDescriptor(handler, WINDOW)?.value;
  return typeof stamped === "number" && Number.isFinite(stamped) && stamped > 0 ? stamped : undefined;
}

/** Gives a handler a window of its own. */
export function stampTimeout(handler: ApprovalHandler, windowMs: number | undefined): ApprovalHandler {
  if (windowMs !== undefined) Object.defineProperty(handler, WINDOW, { value: windowMs });
  return handler;
}
