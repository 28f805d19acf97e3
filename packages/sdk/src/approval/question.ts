/** From a blocking verdict to the question that is put to people, or to why nobody is asked; and from their answer to a refusal. */
import { frozenCopy } from "../call/bind-call.ts";
import type { Call } from "../call/call.ts";
import { PolicyViolationError, type RefusalCode } from "../errors.ts";
import type { Verdict } from "../policy/evaluate.ts";
import type { Answer, AskPort, Question } from "./ask.ts";
import { escapeText } from "./escape.ts";

/** True where the call may not run on the verdict alone. */
export function isHeld(verdict: Verdict): boolean {
  return verdict.action === "block" || verdict.rateLimited;
}

/** The code for a held call that nobody is asked about, or undefined where it can be asked. */
export function whyNotAsked(verdict: Verdict, ask: AskPort | undefined): RefusalCode | undefined {
  if (verdict.action === "throttle") return "policy_throttle";
  if (ask === undefined || !verdict.askable) return verdict.policyResult === undefined ? "inspection_block" : "policy_block";
  return ask.canMeet(verdict.requirements) ? undefined : "approval_needs_control_plane";
}

/** The question about a held call. People and handlers get a frozen copy: what they do to it changes nothing that is judged or sent. */
export function questionOf(held: Call, verdict: Verdict, about: Pick<Question, "callId" | "findings" | "definition" | "traceparent">): Question {
  const call = frozenCopy(held);
  const { reason, policyResult, requirements, policies } = verdict;
  const code = policyResult === undefined ? "inspection_block" : "policy_block";
  return { ...about, call, reason, policyResult, requirements, policies, error: new PolicyViolationError(blockMessage(call.policyId, reason), { code, call, policyResult }) };
}

/** The message of every refusal. It never holds arguments, and nothing in it that a terminal would act on. */
export function blockMessage(policyId: string, reason: string): string {
  return `MCP tool call blocked: ${escapeText(policyId)}: ${escapeText(reason)}`;
}

/** True where a yes to the first verdict is a yes to the second: it runs anyway, or it is held for the very same reasons. */
export function isSameQuestion(asked: Verdict, now: Verdict): boolean {
  if (!isHeld(now)) return true;
  return now.askable && JSON.stringify([now.reason, now.requirements]) === JSON.stringify([asked.reason, asked.requirements]);
}

/** Why an answered request does not run. */
export function codeOfAnswer(answer: Extract<Answer, { kind: "denied" | "timeout" }>): RefusalCode {
  if (answer.kind === "timeout") return "approval_timeout";
  return answer.error === "cancelled" ? "cancelled" : "approval_denied";
}

/** An answer that comes when the caller has already gone is none. */
export function unlessAborted(answer: Answer, signal: AbortSignal | undefined): Answer {
  if (answer.kind !== "approved" || signal?.aborted !== true) return answer;
  return { kind: "denied", decision: answer.decision, elapsedMs: answer.elapsedMs, error: "cancelled" };
}
