/**
 * Approving by the clock: inside the hours a rule says yes, outside someone is asked.
 * Hours are wall-clock hours of one IANA zone, so they follow daylight saving time; the machine's own zone plays no part.
 */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalHandler } from "../approval/decision.ts";
import { handlerTimeoutMs, stampTimeout } from "../approval/handler-timeout.ts";
import { assertHandler } from "./ask-one.ts";

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const DAY_MINUTES = 24 * 60;

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
  const { zone, from, to, otherwise, now = Date.now } = options;
  const wallClock = readZone(zone);
  const days = readDays(options.days);
  const start = readMinute("from", from);
  const end = readMinute("to", to);
  if (start === end || start === DAY_MINUTES) throw new TypeError('businessHours: from must be before to; the whole day is "00:00" to "24:00"');
  if (otherwise !== undefined) assertHandler("businessHours: otherwise", otherwise);
  if (typeof now !== "function") throw new TypeError("businessHours: now must be a function");
  const told = `${[...days].map((day) => WEEKDAYS[day]).join(",")} ${from}-${to} ${zone}`;

  const handler: ApprovalHandler = (error, context) => {
    if (isInside(readWallClock(wallClock, now()), days, start, end)) {
      return new ApprovalDecision({ approved: true, approver: "business_hours_auto", human: false });
    }
    if (otherwise !== undefined) return otherwise(error, context);
    return new ApprovalDecision({ approved: false, approver: "business_hours_auto", human: false, reason: `outside business hours (${told})` });
  };
  return stampTimeout(handler, otherwise === undefined ? undefined : handlerTimeoutMs(otherwise));
}

interface WallClock {
  /** 0 is Monday. */
  readonly day: number;
  readonly minute: number;
}

function isInside({ day, minute }: WallClock, days: ReadonlySet<number>, start: number, end: number): boolean {
  if (start < end) return days.has(day) && minute >= start && minute < end;
  // Over midnight the window belongs to the day on which it began.
  return minute >= start ? days.has(day) : minute < end && days.has((day + 6) % 7);
}

/** Throws RangeError where `now` gave no time, which denies. */
function readWallClock(format: Intl.DateTimeFormat, now: Date | number): WallClock {
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const day = weekdayIndex(parts.get("weekday"));
  const minute = Number(parts.get("hour")) * 60 + Number(parts.get("minute"));
  if (day === -1 || !Number.isInteger(minute)) throw new RangeError("businessHours: this runtime cannot tell the time in the zone");
  return { day, minute };
}

function readZone(zone: unknown): Intl.DateTimeFormat {
  const message = 'businessHours: zone must be an IANA time zone such as "Europe/Berlin"';
  if (typeof zone !== "string" || !/^[A-Za-z]/u.test(zone)) throw new TypeError(message);
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  } catch (cause) {
    throw new TypeError(message, { cause });
  }
}

function readDays(days: unknown): ReadonlySet<number> {
  const items: readonly unknown[] = typeof days === "string" ? days.split(",") : Array.isArray(days) ? days : [];
  if (items.length === 0) throw badDays();
  return new Set(items.flatMap(readRange).toSorted((one, other) => one - other));
}

/** "Wed", or "Fri-Mon", which runs over the week's end. */
function readRange(item: unknown): readonly number[] {
  if (typeof item !== "string") throw badDays();
  const ends = item.trim().split("-").map((name) => weekdayIndex(name.trim()));
  const [first = -1, last = first] = ends;
  if (ends.length > 2 || first === -1 || last === -1) throw badDays();
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, step) => (first + step) % 7);
}

function badDays(): TypeError {
  return new TypeError(`businessHours: days must be a text such as "Mon-Fri" or a list of ${WEEKDAYS.join(", ")}`);
}

function weekdayIndex(name: string | undefined): number {
  return WEEKDAYS.findIndex((weekday) => weekday === name);
}

function readMinute(label: string, text: unknown): number {
  const parts = typeof text === "string" ? /^([01]\d|2[0-3]):([0-5]\d)$/u.exec(text) : null;
  if (parts !== null) return Number(parts[1]) * 60 + Number(parts[2]);
  if (label === "to" && text === "24:00") return DAY_MINUTES;
  throw new TypeError(`businessHours: ${label} must be "HH:MM" in 24 hours, such as "09:00"`);
}
