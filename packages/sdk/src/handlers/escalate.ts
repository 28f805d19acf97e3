/** Asking more people the longer nobody answers. */
import type { ApprovalHandler } from "../approval/decision.ts";
import { stampAmong } from "../approval/inbox.ts";
import { assertHandler } from "./ask-one.ts";
import { parseDuration } from "./duration.ts";
import { raceHandlers } from "./race.ts";

export interface EscalationLevel {
  /** From the start of the question: milliseconds, or "0", "30s", "2m", "1h". */
  readonly after: number | string;
  readonly handler: ApprovalHandler;
}

/**
 * Starts each handler when its time has come, unless someone has answered by then; those asked earlier stay asked. The
 * first yes or no decides, as in `firstOf`. The window does not grow by itself: policy `timeoutMinutes` or `withTimeout`.
 */
export function escalate(levels: readonly EscalationLevel[]): ApprovalHandler {
  if (!Array.isArray(levels) || levels.length === 0) throw new TypeError("escalate: give a list of at least one { after, handler }");
  const starters = levels.map((level: unknown, index) => readLevel(`escalate: level ${index + 1}`, level));
  const handlers = starters.map(({ handler }) => handler);
  return stampAmong((error, context) => raceHandlers("escalate", starters, error, context), handlers);
}

function readLevel(label: string, level: unknown): { readonly afterMs: number; readonly handler: ApprovalHandler } {
  if (typeof level !== "object" || level === null) throw new TypeError(`${label} must be { after, handler }`);
  const handler: unknown = "handler" in level ? level.handler : undefined;
  assertHandler(`${label}: handler`, handler);
  return { afterMs: parseDuration(`${label}: after`, "after" in level ? level.after : undefined), handler };
}
