/** CEL's functions on timestamps and durations. Without a zone they are in UTC; with one, on the wall clock there. */
import { Fault } from "./fault.ts";
import { plainForm, readOrFault, TEXT, type Apply, type Form } from "./form.ts";
import { OVER } from "./run.ts";
import { Duration, Timestamp, type Kind, type Value } from "./value.ts";
import { localTime, readZone } from "./zone-hours.ts";

const TIME: readonly Kind[] = ["timestamp"];
/** Telling the time in a zone takes several microseconds. */
const ZONE_VISITS = 60;

/** Where CEL counts from 0, so do these. */
const FIELDS: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: dayOfYear,
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
};

/** A whole duration in hours, minutes or seconds. */
const SPANS: Readonly<Record<string, number>> = { getHours: 3_600_000, getMinutes: 60_000, getSeconds: 1_000 };

function dayOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return Math.round((date.getTime() - start.getTime()) / 86_400_000);
}

export const TIME_FORMS: readonly Form[] = Object.entries(FIELDS).flatMap(([name, field]) => {
  const unit = SPANS[name];
  const inUtc: Apply = (_run, value = null) => (value instanceof Duration ? Math.trunc(value.ms / (unit ?? 1)) + 0 : field(dateOf(value)));
  return [plainForm(name, true, [unit === undefined ? TIME : ["timestamp", "duration"]], "number", inUtc), zoned(name, field)];
});

function zoned(name: string, field: (date: Date) => number): Form {
  return {
    name,
    method: true,
    params: [TIME, TEXT],
    returns: "number",
    literals: [1],
    bind([, zone]) {
      const format = readOrFault(() => readZone(zone, name));
      if (format instanceof Fault) return format;
      return (run, value = null) => (run.spend(ZONE_VISITS) ? field(localTime(format, dateOf(value))) : OVER);
    },
  };
}

function dateOf(value: Value): Date {
  return new Date(value instanceof Timestamp ? value.ms : Number.NaN);
}
