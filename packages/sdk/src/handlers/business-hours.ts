/**
 * Approving by the clock: inside the hours a rule says yes, outside someone is asked.
 * Hours are wall-clock hours of one IANA zone, so they follow daylight saving time; the machine's own zone plays no part.
 */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalHandler } from "../approval/decision.ts";
import { handlerTimeoutMs, stampTimeout } from "../approval/handler-timeout.ts";
import { stampAmong } from "../approval/inbox.ts";
import { isInHours, readHours } from "../policy/condition/zone-hours.ts";
import { assertHandler } from "./ask-one.ts";

export interface BusinessHoursOptions {
  /** IANA name such as "Europe/Berlin" or "UTC"; offsets such as "+02:00" are refused, they know no daylight saving time. */
  readonly zone: string;
  /** "Mon-Fri", "Sat,Mon-Wed", or a list of "Mon" … "Sun". */
  readonly days: string | readonly string[];
  /** "HH:MM", 24 hours; inside from this minute on. */
  readonly from: string;
  /** "HH:MM", 24 hours, or "24:00"; outside from this minute on. Before `from`: the window ends on the day after the named one. */
  readonly to: string;
  /** Asked outside the hours. Default: denied. */
  readonly otherwise?: ApprovalHandler;
  /** The clock. Default: the system's. */
  readonly now?: () => Date | number;
}

/** Approves inside the hours, as "business_hours_auto"; outside asks `otherwise`, or denies and says when the hours are. */
export function businessHours(options: BusinessHoursOptions): ApprovalHandler {
  const { otherwise, now = Date.now } = options;
  const hours = readHours(options);
  if (otherwise !== undefined) assertHandler("businessHours: otherwise", otherwise);
  if (typeof now !== "function") throw new TypeError("businessHours: now must be a function");

  const handler: ApprovalHandler = (error, context) => {
    // Throws where the clock gave no time, which denies.
    if (isInHours(hours, now())) {
      return new ApprovalDecision({ approved: true, approver: "business_hours_auto", human: false });
    }
    if (otherwise !== undefined) return otherwise(error, context);
    return new ApprovalDecision({ approved: false, approver: "business_hours_auto", human: false, reason: `outside business hours (${hours.told})` });
  };
  if (otherwise === undefined) return handler;
  return stampAmong(stampTimeout(handler, handlerTimeoutMs(otherwise)), [otherwise]);
}
