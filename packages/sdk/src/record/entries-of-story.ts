/** The rows a story leaves in the record. What may not be kept (values found, results, live errors) stays behind here. */
import { policyIdOf } from "../call/policy-id.ts";
import type { Finding } from "../inspection/inspection.ts";
import type { ConditionFault } from "../policy/condition-fault.ts";
import type { ApprovalEntry, DecisionEntry, IntentEntry, OutcomeEntry, RecordedFault, RecordedFinding } from "./entry.ts";
import type { CallStory } from "./story.ts";

/** What was decided, with the refusal where the call ends here. `at` in milliseconds since the epoch. */
export function decisionEntry(story: CallStory, at: number): DecisionEntry {
  const { proposed, reading, call, verdict, refusal, findings } = story;
  const { server, caller } = proposed;
  const tool = call?.tool ?? (reading.ok ? reading.call.tool : "");
  const entry: DecisionEntry = {
    type: "decision",
    callId: story.callId,
    at,
    policyId: call?.policyId ?? policyIdOf(server.name, tool),
    server: server.name ?? null,
    tool,
    principal: caller.principal,
    agent: caller.agent.name,
    user: caller.user.id,
    session: caller.session.id,
    digest: call?.digest ?? null,
    definition: call?.definition ?? null,
    action: refusal?.action ?? verdict?.action ?? "block",
    reason: refusal?.reason ?? verdict?.reason ?? "",
    policies: verdict?.policies ?? NO_NAMES,
    decisive: verdict?.decisive ?? NO_NAMES,
    findings: findings.length === 0 ? NO_FINDINGS : recordedFindings(findings),
  };
  const more: { -readonly [K in "faults" | "wouldAction" | "wouldPolicies" | "code" | "retryAfterMs" | "argumentsText"]?: DecisionEntry[K] } = entry;
  if (verdict !== undefined && verdict.faults.length > 0) more.faults = recordedFaults(verdict.faults);
  if (verdict?.would !== undefined) {
    more.wouldAction = verdict.would.action;
    more.wouldPolicies = verdict.would.policies;
  }
  if (refusal !== undefined) more.code = refusal.code;
  if (verdict?.rateLimited === true) more.retryAfterMs = verdict.retryAfterMs;
  if (call !== undefined) more.argumentsText = call.argumentsText;
  return entry;
}

/** How asking ended. Call it only once the story has an approval with a request. */
export function approvalEntry(story: CallStory, at: number): ApprovalEntry {
  const { approval, call } = story;
  if (approval?.requestId === undefined || call === undefined || approval.status === "not_required") throw new TypeError("nobody was asked");
  const { status, requestId, requestDigest = "", approver = "", elapsedMs = 0, channel, human, reason, error } = approval;
  return {
    type: "approval",
    callId: story.callId,
    at,
    requestId,
    requestDigest,
    digest: call.digest,
    status,
    approver,
    elapsedMs: Math.round(elapsedMs),
    ...(channel === undefined ? {} : { channel }),
    ...(human === undefined ? {} : { human }),
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : { error }),
  };
}

/** The held call is about to be sent. */
export function intentEntry(story: CallStory, at: number): IntentEntry {
  const { call, approval, callId } = story;
  return { type: "intent", callId, at, digest: call?.digest ?? "", requestId: approval?.requestId ?? "", approver: approval?.approver ?? "" };
}

/** How the execution ended. */
export function outcomeEntry(story: CallStory, at: number): OutcomeEntry {
  const { execution, findings, callId } = story;
  const output = findings.filter(({ direction }) => direction === "output");
  return {
    type: "outcome",
    callId,
    at,
    outcome: execution?.outcome ?? "outcome_unknown",
    elapsedMs: Math.round((execution?.elapsedMs ?? 0) * 1000) / 1000,
    ...(execution?.isError === true ? { isError: true } : {}),
    ...(output.length === 0 ? {} : { findings: recordedFindings(output) }),
  };
}

const NO_NAMES: readonly string[] = [];
const NO_FINDINGS: readonly RecordedFinding[] = [];

/** A document of many policies about one tool must not blow up its rows. */
const MAX_FAULTS = 20;

function recordedFaults(faults: readonly ConditionFault[]): RecordedFault[] {
  return faults.slice(0, MAX_FAULTS).map(({ policy, error: { field, message }, place: { source, line, column } }) => ({
    policy,
    source,
    message,
    ...(field === undefined ? {} : { field }),
    ...(line === undefined || column === undefined ? {} : { line, column }),
  }));
}

function recordedFindings(findings: readonly Finding[]): RecordedFinding[] {
  return findings.map(({ type, group, direction, where, count = 1 }) => ({ type, group, direction, where, count }));
}
