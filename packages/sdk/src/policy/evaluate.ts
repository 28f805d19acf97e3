/**
 * The policy step: every matching policy, the default and the inspection actions, combined into one verdict.
 * Order-independent: the verdict is the most restrictive of all, and only an enforced `allow` lifts a blocking default.
 * It never waits and never throws; called by guard.ts before a person is asked and again at the claim.
 */
import type { Call } from "../call/call.ts";
import type { JsonValue } from "../call/json.ts";
import type { Finding } from "../inspection/inspection.ts";
import { requirementOf, type CompiledDocument, type CompiledPolicy } from "./compile.ts";
import type { Action, PolicyMetadata, PolicyResult, Requirement } from "./result.ts";
import type { TokenBuckets } from "./token-buckets.ts";

export interface Verdict {
  readonly action: Action;
  readonly reason: string;
  /** False where no human can override the block. */
  readonly askable: boolean;
  /** Undefined where nothing but an inspection decided. */
  readonly policyResult: PolicyResult | undefined;
  readonly requirements: readonly Requirement[];
  readonly policies: readonly string[];
  readonly decisive: readonly string[];
  readonly rateLimited: boolean;
  readonly retryAfterMs: number;
  /** The name was taken as matching only after folding look-alikes. */
  readonly confusable: boolean;
  /** With matching observe policies: their names, and the action had they been enforced. */
  readonly would: { readonly action: Action; readonly policies: readonly string[] } | undefined;
}

export interface EvaluateOptions {
  /** Whether throttles count: true once per call; false for the re-check at the claim, which takes no token and meets no rate. */
  readonly charge: boolean;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** Throttle counters; observed ones are kept apart so that observing takes no part in any verdict. */
export interface Counters {
  readonly enforced: TokenBuckets;
  readonly observed: TokenBuckets;
}

export function evaluate(call: Call, findings: readonly Finding[], document: CompiledDocument, counters: Counters, options: EvaluateOptions): Verdict {
  const { policies, confusable } = document.match(call.server.name, call.tool);
  if (policies.length === 0 && findings.length === 0 && document.defaultRequirement === undefined) return UNTOUCHED;
  const enforced = policies.filter(({ observe }) => !observe);
  const verdict = combine(call, enforced, inspectionOf(findings, document), document, counters.enforced, options);
  const observed = policies.length === enforced.length ? undefined : policies.filter(({ observe }) => observe);
  const would = observed === undefined ? undefined : wouldHave(call, verdict, observed, counters.observed, options);
  return { ...verdict, confusable, would };
}

/** What the document says of the findings of a call's input: its own block, or a warning, or nothing. */
function inspectionOf(findings: readonly Finding[], document: CompiledDocument): { readonly action: "allow" | "warn" | "block"; readonly reason: string } {
  const types = { block: new Set<string>(), warn: new Set<string>() };
  for (const { group, type, direction } of findings) {
    const action = direction === "input" ? document.findingAction(group, type, direction) : "allow";
    if (action === "block") types.block.add(type);
    if (action === "warn" || action === "redact") types.warn.add(type);
  }
  if (types.block.size > 0) return { action: "block", reason: `The arguments contain ${[...types.block].join(", ")}` };
  return { action: types.warn.size > 0 ? "warn" : "allow", reason: `The arguments contain ${[...types.warn].join(", ")}` };
}

/** The verdict where nothing in the document is about the call. */
const UNTOUCHED: Verdict = {
  action: "allow",
  reason: "",
  askable: false,
  policyResult: undefined,
  requirements: [],
  policies: [],
  decisive: [],
  rateLimited: false,
  retryAfterMs: 0,
  confusable: false,
  would: undefined,
};

const NO_NAMES: readonly string[] = [];
const NO_REQUIREMENTS: readonly Requirement[] = [];

function combine(
  call: Call,
  enforced: readonly CompiledPolicy[],
  inspection: ReturnType<typeof inspectionOf>,
  document: CompiledDocument,
  buckets: TokenBuckets,
  { charge, now }: EvaluateOptions,
): Omit<Verdict, "confusable" | "would"> {
  const blocks = enforced.filter(({ action }) => action === "block");
  const throttles = enforced.filter(({ action }) => action === "throttle");
  const warns = enforced.filter(({ action }) => action === "warn");
  const allows = enforced.filter(({ action }) => action === "allow");
  const defaultBlock = allows.length === 0 ? document.defaultRequirement : undefined;
  const rate = throttles.length === 0 || !charge ? FREE : buckets.charge(throttles, call.caller, call.server, call.tool, now);

  const asked = [...blocks.map(({ requirement }) => requirement), defaultBlock].filter((one) => one !== undefined);
  const never = asked.includes("never");
  const requirements = asked.filter((one) => one !== "never");
  if (inspection.action === "block") requirements.push(inspectionRequirement);

  const blocked = asked.length > 0 || inspection.action === "block";
  const throttled = throttles.length > 0 && !never && (rate.limited || !blocked);
  const action: Action = throttled ? "throttle" : blocked ? "block" : warns.length > 0 || inspection.action === "warn" ? "warn" : "allow";
  const decisive = throttled ? throttles : action === "block" ? blocks : action === "warn" ? warns : allows;
  const outcome = {
    action,
    askable: action === "block" && !never,
    requirements: action === "block" && !never ? requirements : NO_REQUIREMENTS,
    policies: names(enforced),
    decisive: action === "block" && defaultBlock !== undefined ? [...names(decisive), "default"] : names(decisive),
    rateLimited: rate.limited,
    retryAfterMs: rate.retryAfterMs,
  };
  const reason = reasonOf(call, action, decisive, defaultBlock !== undefined, inspection.action === action ? inspection.reason : undefined, rate.limited ? blocks : []);
  const fromPolicies = action === "throttle" || (action === "block" && asked.length > 0);
  return { ...outcome, reason, policyResult: fromPolicies ? policyResultOf(call, { ...outcome, reason }, enforced, requirements) : undefined };
}

const FREE = { limited: false, retryAfterMs: 0 } as const;
// Never "never": no terms were given.
const inspectionRequirement = requirementOf("inspection", undefined) as Requirement;

function names(policies: readonly CompiledPolicy[]): readonly string[] {
  return policies.length === 0 ? NO_NAMES : policies.map(({ name }) => name);
}

/** The reasons of the policies that decide, each once, in document order. */
function reasonOf(
  call: Call,
  action: Action,
  decisive: readonly CompiledPolicy[],
  byDefault: boolean,
  inspected: string | undefined,
  alsoBlocking: readonly CompiledPolicy[],
): string {
  if (action === "allow") return decisive.length === 0 ? "" : [...new Set(decisive.flatMap(({ reason }) => reason ?? []))].join("; ");
  const reasons = decisive.map(({ name, reason, rate }) => reason ?? (rate === undefined ? `Policy ${name}` : `Policy ${name} allows ${rate.text}`));
  if (action === "throttle" && alsoBlocking.length > 0) reasons.push(`also blocked by ${names(alsoBlocking).join(", ")}`);
  if (action === "block" && byDefault) reasons.push("No policy allows this call");
  if (inspected !== undefined) reasons.push(inspected);
  if (call.server.name === undefined && (action === "block" || action === "throttle")) {
    reasons.push("the server has no name, so every policy that may be about it applies: call configureSession({ serverName })");
  }
  return [...new Set(reasons)].join("; ");
}

function policyResultOf(
  call: Call,
  outcome: Omit<Verdict, "confusable" | "would" | "policyResult">,
  enforced: readonly CompiledPolicy[],
  requirements: readonly Requirement[],
): PolicyResult {
  const decisive = enforced.filter(({ action }) => action === outcome.action);
  const result = {
    action: outcome.action,
    reason: outcome.reason,
    policies: outcome.policies,
    decisive: outcome.decisive,
    requirements: outcome.requirements,
    metadata: metadataOf(call, decisive, requirements),
  };
  if (outcome.action !== "throttle") return result;
  return { ...result, rateLimited: outcome.rateLimited, ...(outcome.rateLimited ? { retryAfterMs: outcome.retryAfterMs } : {}) };
}

/** Free maps of the decisive policies, the first to name a key winning, under the four keys that are ours. */
function metadataOf(call: Call, decisive: readonly CompiledPolicy[], requirements: readonly Requirement[]): PolicyMetadata {
  const free: Record<string, JsonValue> = Object.assign({}, ...decisive.map(({ metadata }) => metadata).toReversed());
  const { workflowType, ...rest } = free;
  const written = requirements.flatMap(({ timeoutMinutes }) => timeoutMinutes ?? []);
  return {
    ...rest,
    ...(typeof workflowType === "string" ? { workflowType } : {}),
    workflowName: call.policyId,
    approvers: [...new Set(requirements.flatMap(({ approvers }) => approvers))],
    timeoutMinutes: written.length === 0 ? null : Math.min(...written),
  };
}

const RANK = { allow: 0, warn: 1, throttle: 2, block: 3 } as const;

/** The action had the observe policies been enforced: a stricter one, or the blocking default lifted. */
function wouldHave(
  call: Call,
  verdict: Omit<Verdict, "confusable" | "would">,
  observed: readonly CompiledPolicy[],
  buckets: TokenBuckets,
  { charge, now }: EvaluateOptions,
): Verdict["would"] {
  const throttles = observed.filter(({ action }) => action === "throttle");
  if (charge && throttles.length > 0) buckets.charge(throttles, call.caller, call.server, call.tool, now);
  const strictest = observed.reduce<Action>((worst, { action }) => (RANK[action] > RANK[worst] ? action : worst), "allow");
  const lifts = verdict.action === "block" && verdict.decisive.length === 1 && verdict.decisive[0] === "default" && observed.some(({ action }) => action === "allow");
  const action: Action = lifts || RANK[strictest] > RANK[verdict.action] ? strictest : verdict.action;
  return { action, policies: names(observed) };
}
