/** What it means for a call that the control plane did not answer as it should. The reason is for the agent: no address, no key, no free text of others. */
import { Refusal, type RefusalCode } from "../errors.ts";
import type { WireFailure } from "../wire/wire-exchange.ts";

/** Why a question could not be asked, or an approval not be spent. */
export function refusalOfFailure(failure: WireFailure, doing: string): Refusal {
  const { code, state } = failure;
  if (code === "in_progress") return inProgress();
  if (code === "policy_block") return new Refusal("policy_block", failure.detail ?? "the control plane's policy blocks it", failure);
  if (code === "policy_unavailable") return new Refusal("policy_unavailable", "the control plane has no policy document in force", failure);
  const ended = state === undefined ? undefined : codeOfState(state);
  if (ended === "in_progress") return inProgress();
  if (ended !== undefined) return new Refusal(ended, `the approval request ended as ${state}`, failure);
  const advice = code === "unauthenticated" ? " (its API key is not accepted)" : ` (${code})`;
  return new Refusal("control_plane_unavailable", `${doing}: the control plane could not be asked${advice}`, failure);
}

/** The same call, sent twice, is asked about once and runs once. */
export function inProgress(): Refusal {
  return new Refusal("in_progress", "the same call was approved once and is being executed, or has just been");
}

function codeOfState(state: string): RefusalCode | undefined {
  switch (state) {
    case "denied":
      return "approval_denied";
    case "expired":
      return "approval_timeout";
    case "cancelled":
      return "cancelled";
    case "executing":
    case "completed":
    case "failed":
    case "outcome_unknown":
      return "in_progress";
    default:
      return undefined; // text of another process: what we do not know, we do not interpret
  }
}
