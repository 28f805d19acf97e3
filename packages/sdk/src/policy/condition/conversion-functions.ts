/** Functions that turn one kind into another. Texts are read by plain grammars of bounded length; whatever does not fit is a fault that never quotes it. */
import { Fault } from "./fault.ts";
import { plainForm, type Apply, type Form } from "./form.ts";
import { CEL_TYPES, Duration, kindOf, Timestamp, TypeName, type Kind, type Value } from "./value.ts";

const toInt: Apply = (_run, value = null) => {
  if (value instanceof Timestamp) return Math.floor(value.ms / 1_000);
  const number = typeof value === "string" ? (/^[+-]?\d{1,16}$/u.test(value) ? Number(value) : Number.NaN) : Math.trunc(Number(value));
  return Number.isSafeInteger(number) ? number + 0 : new Fault(`int: the ${kindOf(value)} is no integer, or too large for one`);
};

const toDouble: Apply = (_run, value = null) => {
  if (typeof value === "number") return value;
  const isNumber = typeof value === "string" && value.length <= 64 && /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/u.test(value);
  const number = isNumber ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : new Fault("double: the string is no number");
};

const toText: Apply = (_run, value = null) => {
  if (value instanceof Timestamp) return new Date(value.ms).toISOString().replace(".000Z", "Z");
  if (value instanceof Duration) return `${value.ms / 1_000}s`;
  return typeof value === "object" ? new Fault(`string: does not take a ${kindOf(value)}`) : String(value);
};

const BOOLS: ReadonlyMap<Value, boolean> = new Map([
  ...[true, "1", "t", "true", "TRUE", "True"].map((written) => [written, true] as const),
  ...[false, "0", "f", "false", "FALSE", "False"].map((written) => [written, false] as const),
]);

const toBool: Apply = (_run, value = null) => BOOLS.get(value) ?? new Fault('bool: the string is neither "true" nor "false"');

/** Years 1 to 9999, as CEL has them. */
const MIN_TIME = -62_135_596_800_000;
const MAX_TIME = 253_402_300_799_999;

/** RFC 3339. Date.parse alone also takes other forms, in the zone of the machine, and 30 February. */
const toTimestamp: Apply = (_run, value = null) => {
  if (value instanceof Timestamp) return value;
  if (typeof value === "number") return timestampAt(value * 1_000);
  const [, date, time] = typeof value === "string" && value.length <= 40 ? (RFC_3339.exec(value) ?? []) : [];
  if (date === undefined || time === undefined || !isDate(date)) return NO_TIME;
  return timestampAt(Date.parse(`${date}T${time}`));
};

const RFC_3339 = /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))$/u;
const NO_TIME = new Fault('timestamp: must be such as "2026-01-31T09:00:00Z" or seconds since 1970');

function isDate(date: string): boolean {
  const ms = Date.parse(`${date}T00:00:00Z`);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(date);
}

function timestampAt(ms: number): Timestamp | Fault {
  return ms >= MIN_TIME && ms <= MAX_TIME ? new Timestamp(Math.floor(ms)) : NO_TIME;
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, "µs": 1e-3, ns: 1e-6 };

/** As Go writes them: "90s", "1h30m", "-1.5h". The length is bounded, so that the pattern has nothing to back-track in. */
const toDuration: Apply = (_run, value = null) => {
  if (value instanceof Duration) return value;
  const [, sign, parts] = typeof value === "string" && value.length <= 64 ? (/^([+-]?)((?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+)$/u.exec(value) ?? []) : [];
  if (parts === undefined) return new Fault('duration: must be such as "90s" or "1h30m"');
  let ms = 0;
  for (const [, amount, unit = ""] of parts.matchAll(/(\d+(?:\.\d+)?)([a-zµ]+)/gu)) ms += Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  return new Duration(sign === "-" ? -ms : ms);
};

/** What `type(…)` answers. */
const TYPE_NAMES: Readonly<Record<Kind, string>> = { ...CEL_TYPES, null: "null_type" };
/** What a condition may compare `type(…)` with. */
export const TYPE_CONSTANTS: ReadonlySet<string> = new Set(["null_type", "bool", "double", "string", "list", "map", "type"]);

const ANY: readonly Kind[] = ["null", "bool", "number", "string", "list", "map", "timestamp", "duration", "type"];

export const CONVERSION_FORMS: readonly Form[] = [
  plainForm("int", false, [["number", "string", "timestamp"]], "number", toInt),
  plainForm("double", false, [["number", "string"]], "number", toDouble),
  plainForm("string", false, [["string", "number", "bool", "timestamp", "duration"]], "string", toText),
  plainForm("bool", false, [["bool", "string"]], "bool", toBool),
  plainForm("timestamp", false, [["string", "number", "timestamp"]], "timestamp", toTimestamp),
  plainForm("duration", false, [["string", "duration"]], "duration", toDuration),
  plainForm("type", false, [ANY], "type", (_run, value = null) => new TypeName(TYPE_NAMES[kindOf(value)])),
];
