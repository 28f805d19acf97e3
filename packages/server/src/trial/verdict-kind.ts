/** Verdicts as the six things that can become of a call: of a verdict of today, and of what a record says was decided. */
import type { Verdict } from "@countersign/sdk/policy";
import type { trial } from "@countersign/sdk/wire";
import type { RecordedDecision } from "./recorded-call.ts";

export type VerdictKind = trial.VerdictKind;

export function kindOf({ action, askable, rateLimited }: Pick<Verdict, "action" | "askable" | "rateLimited">): VerdictKind {
  if (action === "block") return askable ? "block" : "never";
  return action === "throttle" && rateLimited ? "throttled" : action;
}

/** A block without a code on its row was put to somebody; with one, the call ended there. */
export function recordedKind({ action, code }: Pick<RecordedDecision, "action" | "code">): VerdictKind {
  if (action === "block") return code === "" ? "block" : "never";
  return action === "throttle" && code === "policy_throttle" ? "throttled" : action;
}
