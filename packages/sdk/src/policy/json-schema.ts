/** The policy document as JSON Schema (2020-12), for editors. What a schema cannot say, such as unique names, `check` says. */
import { z } from "zod";
import type { JsonObject, JsonValue } from "../call/json.ts";
import { policyDocument } from "./document.ts";

/** Made anew at each call; the caller may change it. */
export function policyJsonSchema(): JsonObject {
  const schema = z.toJSONSchema(policyDocument, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      // What must be absent is nothing, not anything.
      if (zodSchema._zod.def.type === "undefined") jsonSchema.not = {};
    },
  });
  // The generated schema is JSON data, once its undefined members are gone.
  const plain = JSON.parse(JSON.stringify(schema)) as JsonObject;
  return { ...described(plain, []), title: "Countersign policy document" };
}

/** By the path of keys, without list items; the last two keys are enough to tell them apart. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  version: "The version of this format: 1.",
  default: "What happens to calls that no policy is about: allow, block, or { action: block, approval: … }. Only an `allow` policy lifts a blocking default. Left out, it is allow.",
  policies: "The rules. Their order does not matter: the most restrictive of all that match decides.",
  inspection: "Actions on what is found in arguments and results, by group and type, and on tools that change.",
  "policies.name": "A name of its own; errors, traces and the record say it.",
  "policies.match": "Which calls: mcp:{server}:{tool}, or a list. `*` stands for any run of characters within a segment.",
  "policies.except": "Calls that the policy is not about although they match.",
  "policies.when": "A condition (CEL) on the call, such as !within(args.path, \"/tmp\").",
  "policies.action": "allow, warn (runs, and is recorded), throttle (runs while under its rate), or block (waits for a person).",
  "policies.mode": "observe: recorded, not enforced. Left out, it is enforce.",
  "policies.reason": "Why, for the agent and for the person who is asked.",
  "policies.metadata": "A free map, handed on with the policy result. workflowType names the kind of action.",
  "policies.approval": "For block: who is asked and how. `never`: nobody can override it. Left out, any approver may.",
  "policies.rate": "For throttle: so many calls per time.",
  "approval.approvers": "People (e-mail addresses) and groups (group:name). Empty: anyone with the role approver.",
  "approval.quorum": "How many must approve. Left out, 1.",
  "approval.timeoutMinutes": "Minutes to wait for an answer; silence is a no. Left out, 5.",
  "approval.selfApproval": "false: the person behind the request may not approve it.",
  "approval.assurance": "How well it must be known who answers: local < authenticated < passkey.",
  "approval.grants": "What an approver may grant beyond this call: once, session, or a time such as 30m.",
  "approval.edits": "Whether approvers may change the arguments.",
  "approval.escalate": "Whom else to ask after a while.",
  "approval.requireReason": "Whether an approver must say why.",
  "rate.limit": "Calls per `per`.",
  "rate.per": "A duration such as 30s, 1m or 1h.",
  "rate.burst": "Calls at once. Left out, the limit.",
  "rate.key": "What has a counter of its own. Left out, each agent.",
  "tools.onChange": "When a tool's definition is another than the one seen before.",
  "tools.onSuspicious": "When a tool's definition has suspicious text.",
};

const PATTERN = "^mcp:[^:]*:[^\\n]+$";
const DURATION = "^\\d+(?:\\.\\d+)?\\s*(?:ms|s|m|h|d)$";
/** Refinements that JSON Schema can say, by the same paths. */
const TEXT_PATTERNS: Readonly<Record<string, string>> = {
  "policies.match": PATTERN,
  "policies.except": PATTERN,
  "rate.per": DURATION,
  "escalate.after": DURATION,
  "approval.grants": `^(?:once|session|${DURATION.slice(1, -1)})$`,
};

/** The schema with descriptions on its properties and patterns on its texts; `path` holds the keys that lead to it. */
function described(schema: JsonObject, path: readonly string[]): JsonObject {
  const name = path.slice(-2).join(".");
  const result: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "properties" && isObject(value)) result[key] = Object.fromEntries(Object.entries(value).map(([own, inner]) => [own, property(inner, [...path, own])]));
    else if ((key === "items" || key === "additionalProperties") && isObject(value)) result[key] = described(value, path);
    else if (key === "anyOf" && Array.isArray(value)) result[key] = value.map((inner: JsonValue) => (isObject(inner) ? described(inner, path) : inner));
    else result[key] = value;
  }
  const pattern = TEXT_PATTERNS[name];
  if (pattern !== undefined && schema["type"] === "string") result["pattern"] = pattern;
  if (name === "policies" && schema["type"] === "object") result["allOf"] = RULES;
  return result;
}

function property(schema: JsonValue, path: readonly string[]): JsonValue {
  if (!isObject(schema)) return schema;
  const description = DESCRIPTIONS[path.slice(-2).join(".")];
  return { ...described(schema, path), ...(description === undefined ? {} : { description }) };
}

/** What goes with one action only. Written with `else` alone: an object that has `then` can be taken for a promise. */
const IS_THROTTLE: JsonObject = { properties: { action: { const: "throttle" } }, required: ["action"] };
const IS_BLOCK: JsonObject = { properties: { action: { const: "block" } }, required: ["action"] };
const RULES: readonly JsonValue[] = [
  { if: IS_THROTTLE, else: { properties: { rate: false } } },
  { if: { not: IS_THROTTLE }, else: { required: ["rate"] } },
  { if: IS_BLOCK, else: { properties: { approval: false } } },
];

function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
