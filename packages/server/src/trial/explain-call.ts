/** Why a document decides a call as it does: which policies matched, which decide, what their conditions said, and which nearly matched. */
import type { JsonObject } from "@countersign/sdk";
import type { Call } from "@countersign/sdk/call";
import { argumentReads, createTrial, sayFault, type DocumentPolicy, type PolicyDocument, type TrialOptions, type Verdict } from "@countersign/sdk/policy";
import { matchOf, nearMissOf, type NearMiss, type PolicyMatch } from "./explain-match.ts";

/** What a condition said of the call, and the arguments that it reads. */
export interface ConditionReading {
  readonly policy: string;
  readonly source: string;
  readonly result: "true" | "false" | "no answer";
  /** With `no answer`: what was missing or wrong, and where. */
  readonly why: string | undefined;
  /** `value`: JSON text, cut where it is long; undefined where there is no such argument. */
  readonly reads: readonly { readonly path: string; readonly value: string | undefined }[];
}

export interface Explanation {
  readonly policyId: string;
  readonly verdict: Verdict;
  /** Enforced policies that take part in the verdict. */
  readonly matched: readonly PolicyMatch[];
  /** Observe policies that would have taken part. */
  readonly observed: readonly PolicyMatch[];
  readonly nearMisses: readonly NearMiss[];
  /** Conditions of every policy that is about the call by name. */
  readonly conditions: readonly ConditionReading[];
  /** How many policies are about something else. */
  readonly others: number;
}

export const NOT_TRUE = "it is about this call by name, and its condition (`when`) is not true for it";

export function explainCall(document: PolicyDocument, call: Call, options: TrialOptions = {}): Explanation {
  const { server: { name: server }, tool } = call;
  const trial = createTrial(document);
  const verdict = trial.judge(call, options);
  const match = trial.match(server, tool);
  const byName = new Set(match.policies.map(({ name }) => name));
  const [matched, observed, nearMisses]: [PolicyMatch[], PolicyMatch[], NearMiss[]] = [[], [], []];
  for (const policy of document.policies) {
    if (verdict.policies.includes(policy.name)) matched.push(matchOf(policy, server, tool, match));
    else if (verdict.would?.policies.includes(policy.name) === true) observed.push(matchOf(policy, server, tool, match));
    else if (byName.has(policy.name)) nearMisses.push({ name: policy.name, action: policy.action, why: NOT_TRUE });
    else nearMisses.push(...[nearMissOf(policy, server, tool)].filter((miss) => miss !== undefined));
  }
  const others = document.policies.length - matched.length - observed.length - nearMisses.length;
  const conditions = document.policies.filter(({ name, when }) => when !== undefined && byName.has(name)).map((policy) => readingOf(policy, call, verdict));
  return { policyId: call.policyId, verdict, matched, observed, nearMisses, conditions, others };
}

function readingOf({ name, when = "" }: DocumentPolicy, call: Call, verdict: Verdict): ConditionReading {
  const fault = verdict.faults.find(({ policy }) => policy === name);
  const holds = verdict.policies.includes(name) || verdict.would?.policies.includes(name) === true;
  return {
    policy: name,
    source: when,
    result: fault === undefined ? (holds ? "true" : "false") : "no answer",
    why: fault === undefined ? undefined : sayFault(fault),
    reads: argumentReads(when).map((path) => ({ path: ["args", ...path].join("."), value: shortened(valueAt(call.arguments, path)) })),
  };
}

/** What stands at the path; of a list, what stands there in its elements. */
function valueAt(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => valueAt(item, path));
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? valueAt((value as JsonObject)[key], rest) : undefined; // arguments are JSON
}

const LONGEST = 300;

function shortened(value: unknown): string | undefined {
  const text = value === undefined ? undefined : JSON.stringify(value);
  return text === undefined || text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
