/**
 * A quick yes for what most large documents hold: true only where the schema of document.ts is sure to accept the value, and false
 * wherever that is in doubt, so that the schema itself then judges and explains. What it accepts is what the schema accepts.
 * It needs neither the schema nor its library, which take longer to load than a large document takes to check.
 */
import { isArray } from "../call/canonical-json.ts";
import type { JsonObject, JsonValue } from "../call/json.ts";
import { INSPECTION_ACTIONS } from "../inspection/inspection.ts";
import type { PolicyDocument } from "./document.ts";
import { parseDuration } from "./duration.ts";
import { ACTIONS, ASSURANCES } from "./result.ts";
import { THROTTLE_KEYS } from "./throttle-key.ts";

/** For plain JSON. Conditions take a compiler to check; without one, a document that has some is in doubt. */
export function isPlainDocument(value: JsonValue, isCondition: (source: string) => boolean = () => false): value is JsonValue & PolicyDocument {
  return isObject(value) && hasAll(value, DOCUMENT) && value["version"] !== undefined && isPlainList(value["policies"], isCondition);
}

type Check = (value: JsonValue) => boolean;
/** What each key may hold. Keys that must be there are asked for by name. */
type Checks = ReadonlyMap<string, Check>;

const isText: Check = (value) => typeof value === "string" && value !== "";
const isBoolean: Check = (value) => typeof value === "boolean";
/** Plain JSON holds no infinity, but a number that is one is not accepted here either. */
const isAbove =
  (least: number): Check =>
  (value) =>
    typeof value === "number" && value > least && value < Number.POSITIVE_INFINITY;
const isOneOf = (words: readonly string[]): Check => {
  const known = new Set<JsonValue>(words);
  return (value) => known.has(value);
};
const isListOf =
  (check: Check, least = 0): Check =>
  (value) =>
    isArray(value) && value.length >= least && value.every(check);
const isDuration: Check = (value) => typeof value === "string" && parseDuration(value) !== undefined;
const isGrant: Check = (value) => value === "once" || value === "session" || isDuration(value);
const isMap = (checks: Checks, ...needed: readonly string[]): Check => (value) => isObject(value) && hasAll(value, checks) && needed.every((key) => value[key] !== undefined);
const isRecordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);

const isPattern: Check = (value) => {
  if (typeof value !== "string" || !value.startsWith("mcp:")) return false;
  const colon = value.indexOf(":", 4);
  return colon !== -1 && colon + 1 < value.length;
};
const isMatch: Check = (value) => isPattern(value) || isListOf(isPattern, 1)(value);
const isExcept: Check = (value) => isPattern(value) || isListOf(isPattern)(value);

const ESCALATION: Checks = new Map([["after", isDuration], ["to", isListOf(isText, 1)]]);
const APPROVAL: Checks = new Map([
  ["approvers", isListOf(isText)],
  ["quorum", (value) => Number.isSafeInteger(value) && isAbove(0)(value)],
  ["timeoutMinutes", isAbove(0)],
  ["selfApproval", isBoolean],
  ["assurance", isOneOf(ASSURANCES)],
  ["grants", isListOf(isGrant)],
  ["edits", isBoolean],
  ["escalate", isListOf(isMap(ESCALATION, "after", "to"))],
  ["requireReason", isBoolean],
]);
const isApproval: Check = (value) => value === "never" || isMap(APPROVAL)(value);

const RATE: Checks = new Map<string, Check>([
  ["limit", isAbove(0)],
  ["per", isDuration],
  ["burst", (value) => value === 1 || isAbove(1)(value)],
  ["key", isListOf(isOneOf(THROTTLE_KEYS))],
]);

const POLICY: Checks = new Map<string, Check>([
  ["action", isOneOf(ACTIONS)],
  ["approval", isApproval],
  ["except", isExcept],
  ["match", isMatch],
  ["metadata", isObject],
  ["mode", isOneOf(["enforce", "observe"])],
  ["name", isText],
  ["rate", isMap(RATE, "limit", "per")],
  ["reason", isText],
  ["when", isText],
]);

const FINDINGS: Checks = new Map([["input", isRecordOf(isOneOf(INSPECTION_ACTIONS))], ["output", isRecordOf(isOneOf(INSPECTION_ACTIONS))]]);
const TOOL_ACTIONS: Checks = new Map([["onChange", isOneOf(["allow", "warn", "block"])], ["onSuspicious", isOneOf(["allow", "warn", "block"])]]);
const isInspection: Check = (value) => isObject(value) && Object.entries(value).every(([group, actions]) => isMap(group === "tools" ? TOOL_ACTIONS : FINDINGS)(actions));

const BLOCKING_DEFAULT: Checks = new Map([["action", (value: JsonValue) => value === "block"], ["approval", isApproval]]);
const isDefault: Check = (value) => value === "allow" || value === "block" || isMap(BLOCKING_DEFAULT, "action")(value);

const DOCUMENT: Checks = new Map<string, Check>([
  ["default", isDefault],
  ["inspection", isInspection],
  ["policies", isArray],
  ["version", (value) => value === 1],
]);

function isPlainList(value: JsonValue | undefined, isCondition: (source: string) => boolean): boolean {
  if (value === undefined || !isArray(value)) return false;
  const names = new Set<JsonValue>();
  for (const policy of value) {
    if (!isObject(policy) || !isPlainPolicy(policy)) return false;
    const { when } = policy;
    if (when !== undefined && !(typeof when === "string" && isCondition(when))) return false;
    names.add(policy["name"] ?? "");
  }
  return names.size === value.length;
}

function isPlainPolicy(policy: JsonObject): boolean {
  const { action, approval, match, name, rate } = policy;
  if (name === undefined || match === undefined || action === undefined || !hasAll(policy, POLICY)) return false;
  return (approval === undefined || action === "block") && (rate !== undefined) === (action === "throttle");
}

/** Whether each key is known and holds what it may. */
function hasAll(value: JsonObject, checks: Checks): boolean {
  for (const key in value) {
    const member = value[key];
    if (member === undefined || checks.get(key)?.(member) !== true) return false;
  }
  return true;
}

function isObject(value: JsonValue): value is JsonObject {
  return value !== null && typeof value === "object" && !isArray(value);
}
