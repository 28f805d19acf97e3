/**
 * The policy step: every matching policy, the default and the inspection actions, combined into one verdict.
 * Order-independent: the verdict is the most restrictive of all, and only an enforced `allow` lifts a blocking default.
 * It never waits and never throws; called by guard.ts before a person is asked and again at the claim.
 */
import type { Call } from "../call/call.ts";
import type { JsonValue } from "../call/json.ts";
import type { Finding } from "../inspection/inspection.ts";
import { activationOf, type ToolClaims } from "./condition/activation.ts";
import { requirementOf, type CompiledPolicy } from "./compile-policy.ts";
import type { CompiledDocument } from "./compile.ts";
import { sayFault, type ConditionFault } from "./condition-fault.ts";
import type { Action, PolicyMetadata, PolicyResult, Requirement } from "./result.ts";
import { FREE, type Charge, type TokenBuckets } from "./token-buckets.ts";

export interface Verdict {
  readonly action: Action;
  readonly reason: string;
  /** False where no human can override the block. */
  readonly askable: boolean;
  /** For errors: set where policies or the default throttle or block, undefined where nothing but an inspection does. */
  readonly policyResult: PolicyResult | undefined;
  readonly requirements: readonly Requirement[];
  readonly policies: readonly string[];
  readonly decisive: readonly string[];
  /** With `throttle`: the call is over its rate and does not run. */
  readonly rateLimited: boolean;
  readonly retryAfterMs: number;
  /** The name was taken as matching only after folding look-alikes. */
  readonly confusable: boolean;
  /** Conditions that had no answer, also of policies that take no part. */
  readonly faults: readonly ConditionFault[];
  /** With matching observe policies: their names, and the action had they been enforced. */
  readonly would: { readonly action: Action; readonly policies: readonly string[] } | undefined;
}

export interface EvaluateOptions {
  /** Whether throttles count: true once per call; false for the re-check at the claim, which takes no token and meets no rate. */
  readonly charge: boolean;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Milliseconds since the epoch: what conditions see as `now`. Default: the system's clock. */
  readonly at?: number | undefined;
  /** What the server claims of the tool: what conditions see as `tool.claims`. Asked only where a condition is evaluated. */
  readonly claims?: (() => ToolClaims) | undefined;
}

/** Throttle counters; observed ones are kept apart so that observing takes no part in any verdict. */
export interface Counters {
  readonly enforced: TokenBuckets;
  readonly observed: TokenBuckets;
}

export function evaluate(call: Call, findings: readonly Finding[], document: CompiledDocument, counters: Counters, options: EvaluateOptions): Verdict {
  const { policies: named, alike } = document.match(call.server.name, call.tool);
  if (named.length === 0 && findings.length === 0 && document.defaultRequirement === undefined) return UNTOUCHED;
  const { policies, faults } = named.some(({ condition }) => condition !== undefined) ? applyConditions(named, call, findings, document, options) : { policies: named, faults: NO_FAULTS };
  const inspected = findings.length === 0 ? CLEAN : inspectionOf(findings, document);
  const enforced = policies.every(isEnforced) ? policies : policies.filter(isEnforced);
  const rate = rateOf(enforced, call, counters.enforced, options);
  const ruling = rule(enforced, inspected, rate, document);
  const confusable = alike.some((policy) => enforced.includes(policy));
  if (enforced === policies) return verdictOf(call, ruling, confusable, faults, undefined);
  const observed = policies.filter(({ observe }) => observe);
  const observedRate = rateOf(observed, call, counters.observed, options);
  const would = rule(policies, inspected, observedRate.limited ? observedRate : rate, document).action;
  return verdictOf(call, ruling, confusable, faults, { action: would, policies: names(observed) });
}

const NO_NAMES: readonly string[] = Object.freeze([]);
const NO_FAULTS: readonly ConditionFault[] = Object.freeze([]);
const NO_REQUIREMENTS: readonly Requirement[] = Object.freeze([]);

/**
 * The policies whose conditions hold. One that has no answer counts as whatever is stricter for its policy: block, throttle and
 * warn match, allow does not, and observe only records.
 */
function applyConditions(named: readonly CompiledPolicy[], call: Call, findings: readonly Finding[], document: CompiledDocument, options: EvaluateOptions): { readonly policies: readonly CompiledPolicy[]; readonly faults: readonly ConditionFault[] } {
  const activation = activationOf(call, findings, new Date(options.at ?? Date.now()), options.claims?.());
  const faults: ConditionFault[] = [];
  const policies = named.filter(({ ordinal, name, action, observe, condition }) => {
    if (condition === undefined) return true;
    const result = condition.evaluate(activation);
    if ("value" in result) return result.value;
    faults.push({ policy: name, error: result.error, place: document.conditionPlace(ordinal, result.error.offset) });
    return action !== "allow" && !observe;
  });
  return { policies, faults };
}

/** The verdict where nothing in the document is about the call. */
const UNTOUCHED: Verdict = Object.freeze({
  action: "allow",
  reason: "",
  askable: false,
  policyResult: undefined,
  requirements: NO_REQUIREMENTS,
  policies: NO_NAMES,
  decisive: NO_NAMES,
  rateLimited: false,
  retryAfterMs: 0,
  confusable: false,
  faults: NO_FAULTS,
  would: undefined,
});

function isEnforced({ observe }: CompiledPolicy): boolean {
  return !observe;
}

function rateOf(policies: readonly CompiledPolicy[], call: Call, buckets: TokenBuckets, { charge, now }: EvaluateOptions): Charge {
  return charge && policies.some(({ rate }) => rate !== undefined) ? buckets.charge(policies, call, now) : FREE;
}

interface Inspected {
  readonly action: "allow" | "warn" | "block";
  readonly reason: string;
}

const CLEAN: Inspected = { action: "allow", reason: "" };

/** What the document says of the findings of a call's input: its own block, or a warning, or nothing. */
function inspectionOf(findings: readonly Finding[], document: CompiledDocument): Inspected {
  const seen = { block: [] as Finding[], warn: [] as Finding[] };
  for (const finding of findings) {
    const action = finding.direction === "input" ? document.findingAction(finding.group, finding.type, "input") : "allow";
    if (action === "block") seen.block.push(finding);
    if (action === "warn" || action === "redact") seen.warn.push(finding);
  }
  if (seen.block.length > 0) return { action: "block", reason: reasonOfFindings(seen.block) };
  return seen.warn.length > 0 ? { action: "warn", reason: reasonOfFindings(seen.warn) } : CLEAN;
}

/** What was found, by type; never what it was. */
function reasonOfFindings(findings: readonly Finding[]): string {
  const about = (isTool: boolean): string => [...new Set(findings.filter(({ group }) => (group === "tools") === isTool).map(({ type }) => type))].join(", ");
  const [inArguments, ofTool] = [about(false), about(true)];
  const reasons = [inArguments === "" ? [] : `The arguments contain ${inArguments}`, ofTool === "" ? [] : `The tool's definition is ${ofTool}`];
  return reasons.flat().join("; ");
}

/** How policies, default and inspection combine: what the verdict says, before it is put into words. */
interface Ruling {
  readonly action: Action;
  /** The policies of the winning action. */
  readonly decisive: readonly CompiledPolicy[];
  /** Every policy that took part. */
  readonly policies: readonly CompiledPolicy[];
  /** What the blocks ask for. They count where the action is `block` and no human is shut out. */
  readonly requirements: readonly Requirement[];
  readonly never: boolean;
  /** Names of what blocks, the default and the inspection too. */
  readonly blocking: readonly string[];
  readonly defaultBlocks: boolean;
  readonly inspected: Inspected;
  readonly rate: Charge;
}

function rule(policies: readonly CompiledPolicy[], inspected: Inspected, rate: Charge, document: CompiledDocument): Ruling {
  const requirements: Requirement[] = [];
  const blocking: string[] = [];
  let never = false;
  const ask = (name: string, requirement: CompiledPolicy["requirement"]): void => {
    blocking.push(name);
    if (requirement === "never") never = true;
    else if (requirement !== undefined) requirements.push(requirement);
  };
  for (const { action, name, requirement } of policies) if (action === "block") ask(name, requirement);
  const defaultBlocks = document.defaultRequirement !== undefined && !policies.some(({ action }) => action === "allow");
  if (defaultBlocks) ask("default", document.defaultRequirement);
  if (inspected.action === "block") ask("inspection", INSPECTION_REQUIREMENT);

  const throttled = !never && (rate.limited || blocking.length === 0) && policies.some(({ action }) => action === "throttle");
  const warned = inspected.action === "warn" || policies.some(({ action }) => action === "warn");
  const action: Action = throttled ? "throttle" : blocking.length > 0 ? "block" : warned ? "warn" : "allow";
  const decisive = policies.every((policy) => policy.action === action) ? policies : policies.filter((policy) => policy.action === action);
  return { action, decisive, policies, requirements, never, blocking, defaultBlocks, inspected, rate };
}

const INSPECTION_REQUIREMENT = requirementOf("inspection", undefined);

function verdictOf(call: Call, ruling: Ruling, confusable: boolean, faults: readonly ConditionFault[], would: Verdict["would"]): Verdict {
  const { action, decisive, policies, never, blocking, defaultBlocks, rate } = ruling;
  const askable = action === "block" && !never;
  const limited = action === "throttle" && rate.limited;
  const outcome = {
    action,
    reason: reasonOf(call, ruling, confusable, faults),
    policies: names(policies),
    decisive: action === "block" && defaultBlocks ? [...names(decisive), "default"] : names(decisive),
    requirements: askable ? ruling.requirements : NO_REQUIREMENTS,
  };
  const byPolicies = action === "throttle" || (action === "block" && blocking.some((name) => name !== "inspection"));
  return {
    action,
    reason: outcome.reason,
    askable,
    policyResult: byPolicies ? policyResultOf(call, outcome, ruling) : undefined,
    requirements: outcome.requirements,
    policies: outcome.policies,
    decisive: outcome.decisive,
    rateLimited: limited,
    retryAfterMs: limited ? rate.retryAfterMs : 0,
    confusable,
    faults,
    would,
  };
}

function names(policies: readonly CompiledPolicy[]): readonly string[] {
  return policies.length === 0 ? NO_NAMES : policies.map(({ name }) => name);
}

/** The reasons of the policies that decide, each once, in document order. */
function reasonOf({ server }: Call, { action, decisive, defaultBlocks, blocking, inspected, rate }: Ruling, confusable: boolean, faults: readonly ConditionFault[]): string {
  const reasons = decisive.map(({ action: own, name, reason, rate: allowed }) => {
    if (reason !== undefined || own === "allow") return reason ?? "";
    return allowed === undefined ? `Policy ${name}` : `Policy ${name} allows ${allowed.text}`;
  });
  if (action === "throttle" && rate.limited && blocking.length > 0) reasons.push(`also blocked by ${blocking.join(", ")}`);
  if (action === "block" && defaultBlocks) reasons.push("No policy allows this call");
  if (action !== "allow" && inspected.action === action) reasons.push(inspected.reason);
  for (const fault of faults) {
    if (decisive.some(({ name }) => name === fault.policy)) reasons.push(`the condition of ${sayFault(fault)}, which counts as the stricter side`);
  }
  if (confusable && action !== "allow") reasons.push(CONFUSABLE);
  if (server.name === undefined && (action === "block" || action === "throttle")) reasons.push(NAMELESS);
  return reasons.length === 1 ? (reasons[0] ?? "") : [...new Set(reasons)].filter((reason) => reason !== "").join("; ");
}

const CONFUSABLE = "the tool's name is a look-alike of one that a policy names";
const NAMELESS = "the server has no name, so every policy that may be about it applies: call configureSession({ serverName })";

type Outcome = Pick<PolicyResult, "action" | "reason" | "policies" | "decisive" | "requirements">;

function policyResultOf(call: Call, outcome: Outcome, { decisive, rate }: Ruling): PolicyResult {
  const result = { ...outcome, metadata: metadataOf(call, decisive, outcome.requirements) };
  if (outcome.action !== "throttle") return result;
  return { ...result, rateLimited: rate.limited, ...(rate.limited ? { retryAfterMs: rate.retryAfterMs } : {}) };
}

/** Free maps of the decisive policies, the first to name a key winning, under the four keys that are ours. */
function metadataOf(call: Call, decisive: readonly CompiledPolicy[], requirements: readonly Requirement[]): PolicyMetadata {
  const approvers = new Set<string>();
  let timeoutMinutes: number | null = null;
  for (const requirement of requirements) {
    for (const approver of requirement.approvers) approvers.add(approver);
    if (requirement.timeoutMinutes !== null) timeoutMinutes = Math.min(timeoutMinutes ?? requirement.timeoutMinutes, requirement.timeoutMinutes);
  }
  const own = { workflowName: call.policyId, approvers: [...approvers], timeoutMinutes };
  if (decisive.every(({ metadata }) => metadata === undefined)) return own;
  const free: Record<string, JsonValue> = Object.assign({}, ...decisive.map(({ metadata }) => metadata).toReversed());
  const { workflowType, ...rest } = free;
  return { ...rest, ...(typeof workflowType === "string" ? { workflowType } : {}), ...own };
}
