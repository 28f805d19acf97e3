/** An explanation as people's pages get it: one list of policies, nearest first, and the verdict in words. */
import type { JsonObject } from "@countersign/sdk";
import { parseJson } from "@countersign/sdk/call";
import { createTrial, placesOf, readToolClaims, trialCall, type PolicyDocument } from "@countersign/sdk/policy";
import type { trial } from "@countersign/sdk/wire";
import { explainCall, NOT_TRUE, type ConditionReading, type Explanation } from "./explain-call.ts";
import { matchOf, type PolicyMatch } from "./explain-match.ts";
import { findingsFor, readingPolicies } from "./judge-recorded.ts";
import { readDecision, type RecordedDecision, type TriedCall } from "./recorded-call.ts";
import { kindOf } from "./verdict-kind.ts";
import { sayRequirement, sayVerdict } from "./verdict-words.ts";

type Unplaced = Omit<trial.Explanation, "policies"> & { readonly policies: readonly Omit<trial.ExplainedPolicy, "place">[] };

/** Throttles begin full and take no token: a call is explained as if it came alone. */
export function explainTried(document: PolicyDocument, tried: TriedCall): trial.Explanation {
  const { policies, ...rest } = explain(document, tried);
  const ordinals = new Map(document.policies.map(({ name }, ordinal) => [name, ordinal]));
  const places = placesOf(document);
  const placeOf = (name: string): trial.ExplainedPolicy["place"] => places?.at(["policies", ordinals.get(name) ?? 0, "name"]) ?? null;
  return { ...rest, policies: policies.map((policy) => ({ ...policy, place: placeOf(policy.name) })) };
}

function explain(document: PolicyDocument, { row, argumentsText, definition }: TriedCall): Unplaced {
  const call = readDecision(row, "", () => (argumentsText === null ? undefined : (parseJson(argumentsText) as JsonObject))); // canonical text of an object
  if (call.arguments === undefined && isReadBy(document, call)) return withoutArguments(document, call);
  const { principal, server, tool, user, session, agent, at, definition: digest } = call;
  const tried = trialCall({ server, tool, arguments: call.arguments, definition: digest, principal, agent: { name: agent }, user, session });
  const claims = definition === null ? undefined : readToolClaims(definition["annotations"]);
  const findings = findingsFor(call, document);
  return viewOf(explainCall(document, tried, { findings, now: at, at, charge: false, ...(claims === undefined ? {} : { claims }) }));
}

function isReadBy(document: PolicyDocument, { server, tool }: RecordedDecision): boolean {
  const reading = readingPolicies(document);
  return createTrial(document).match(server, tool).policies.some(({ name }) => reading.has(name));
}

function viewOf({ verdict, matched, observed, nearMisses, conditions, others }: Explanation): Unplaced {
  const readings = new Map(conditions.map((reading) => [reading.policy, readingView(reading)]));
  const policy = (match: PolicyMatch, part: trial.ExplainedPolicy["part"]): Unplaced["policies"][number] => ({
    name: match.name,
    action: match.action,
    part,
    patterns: [...match.patterns],
    why: match.lookAlike ? "the tool's name is a look-alike of one that it names" : null,
    condition: readings.get(match.name) ?? null,
  });
  const taking = matched.map((match) => policy(match, verdict.decisive.includes(match.name) ? "decides" : "matched"));
  const near = nearMisses.map(({ name, action, why }): Unplaced["policies"][number] => {
    const condition = readings.get(name) ?? null;
    return { name, action, part: "near", patterns: [], why: why === NOT_TRUE ? "its condition is not true for this call" : why, condition };
  });
  return {
    verdict: {
      kind: kindOf(verdict),
      words: sayVerdict(verdict),
      reason: verdict.reason,
      decisive: [...verdict.decisive],
      needs: verdict.requirements.map((requirement) => ({ policy: requirement.policy, words: sayRequirement(requirement) })),
      wouldAction: verdict.would?.action ?? null,
    },
    policies: [...taking.filter(({ part }) => part === "decides"), ...taking.filter(({ part }) => part !== "decides"), ...observed.map((match) => policy(match, "observed")), ...near].slice(0, MOST_POLICIES),
    others: others + Math.max(0, taking.length + observed.length + near.length - MOST_POLICIES),
  };
}

const MOST_POLICIES = 200;

function readingView({ source, result, why, reads }: ConditionReading): trial.ExplainedPolicy["condition"] {
  return { source, result, why: why ?? null, reads: reads.map(({ path, value }) => ({ path, value: value ?? null })) };
}

/** Which policies are about it by name is known, and nothing more. */
function withoutArguments(document: PolicyDocument, { server, tool }: RecordedDecision): Unplaced {
  const match = createTrial(document).match(server, tool);
  const byName = new Set(match.policies.map(({ name }) => name));
  const about = document.policies.filter(({ name }) => byName.has(name));
  const policies = about.map((policy): Unplaced["policies"][number] => ({
    name: policy.name,
    action: policy.action,
    part: policy.when === undefined ? (policy.mode === "observe" ? "observed" : "matched") : "near",
    patterns: [...matchOf(policy, server, tool, match).patterns],
    why: policy.when === undefined ? null : "it is about this call by name, and its condition needs the arguments",
    condition: policy.when === undefined ? null : { source: policy.when, result: "unknown", why: null, reads: [] },
  }));
  return { verdict: null, policies: policies.slice(0, MOST_POLICIES), others: document.policies.length - Math.min(policies.length, MOST_POLICIES) };
}
