/** Wall-clock time in a zone and hours of the week in it. They follow daylight saving time; the machine's own zone plays no part. */

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const DAY_MINUTES = 24 * 60;

/** Hours as people write them. */
export interface WrittenHours {
  /** IANA name such as "Europe/Berlin" or "UTC". */
  readonly zone: string;
  /** "Mon-Fri", "Sat,Mon-Wed", or a list of "Mon" … "Sun". */
  readonly days: string | readonly string[];
  /** "HH:MM", 24 hours; inside from this minute on. */
  readonly from: string;
  /** "HH:MM" or "24:00"; outside from this minute on. Before `from`: the window ends on the day after the named one. */
  readonly to: string;
}

export interface ZoneHours {
  readonly format: Intl.DateTimeFormat;
  /** 0 is Monday. */
  readonly days: ReadonlySet<number>;
  readonly start: number;
  readonly end: number;
  /** For people: "Mon,Tue 09:00-17:00 Europe/Berlin". */
  readonly told: string;
}

/** Throws TypeError with a message that begins with "businessHours:" and says what to write. */
export function readHours({ zone, days: writtenDays, from, to }: WrittenHours): ZoneHours {
  const format = readZone(zone, "businessHours");
  const days = readDays(writtenDays);
  const start = readMinute("from", from);
  const end = readMinute("to", to);
  if (start === end || start === DAY_MINUTES) throw new TypeError('businessHours: from must be before to; the whole day is "00:00" to "24:00"');
  return { format, days, start, end, told: `${[...days].map((day) => WEEKDAYS[day]).join(",")} ${from}-${to} ${zone}` };
}

/** Throws RangeError where `now` is no time. */
export function isInHours({ format, days, start, end }: ZoneHours, now: Date | number): boolean {
  const local = localTime(format, now);
  const day = (local.getUTCDay() + 6) % 7;
  const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
  if (start < end) return days.has(day) && minute >= start && minute < end;
  // Over midnight the window belongs to the day on which it began.
  return minute >= start ? days.has(day) : minute < end && days.has((day + 6) % 7);
}

/** For localTime. Offsets such as "+02:00" are refused: they know no daylight saving time. Throws TypeError. */
export function readZone(zone: unknown, name: string): Intl.DateTimeFormat {
  const message = `${name}: zone must be an IANA time zone such as "Europe/Berlin"`;
  if (typeof zone !== "string" || !/^[A-Za-z]/u.test(zone)) throw new TypeError(message);
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone, calendar: "iso8601", hourCycle: "h23", ...PARTS });
  } catch (cause) {
    throw new TypeError(message, { cause });
  }
}

const PARTS = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;

/** What the clock on the wall shows, as the UTC fields of a date. Throws RangeError where `now` is no time. */
export function localTime(format: Intl.DateTimeFormat, now: Date | number): Date {
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, Number(value)]));
  const [year, month, day, hour, minute, second] = [part(parts, "year"), part(parts, "month"), part(parts, "day"), part(parts, "hour"), part(parts, "minute"), part(parts, "second")];
  const local = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  // Not in Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  local.setUTCFullYear(year, month - 1, day);
  return local;
}

function part(parts: ReadonlyMap<string, number>, name: string): number {
  const value = parts.get(name);
  if (value === undefined || !Number.isInteger(value)) throw new RangeError("this runtime cannot tell the time in the zone");
  return value;
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

function weekdayIndex(name: string): number {
  return WEEKDAYS.findIndex((weekday) => weekday === name);
}

function readMinute(label: string, text: unknown): number {
  const parts = typeof text === "string" ? /^([01]\d|2[0-3]):([0-5]\d)$/u.exec(text) : null;
  if (parts !== null) return Number(parts[1]) * 60 + Number(parts[2]);
  if (label === "to" && text === "24:00") return DAY_MINUTES;
  throw new TypeError(`businessHours: ${label} must be "HH:MM" in 24 hours, such as "09:00"`);
}
