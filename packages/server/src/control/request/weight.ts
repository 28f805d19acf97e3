/** How much memory a request takes, roughly: whoever keeps or reads many of them counts by it, since one may hold megabytes. Pure. */
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";

/** A request without what its asker sent, roughly. */
const PLAIN = 4_096;
/** A finding without its place, a requirement without its approvers. */
const ITEM = 128;
/** By the narration, which is the same object in every state of a request. */
const narrations = new WeakMap<object, number>();

export function weightOf({ sealed, narration, policies, requirements, call, reason, votes }: ApprovalRequest): number {
  let weight = PLAIN + (sealed?.data.length ?? 0) + reason.length + narrationOf(narration);
  for (const policy of policies) weight += policy.length;
  for (const { where, type, group } of call.findings) weight += ITEM + where.length + type.length + group.length;
  for (const requirement of requirements) weight += ITEM + lengthOf([requirement.policy, ...requirement.approvers, ...requirement.grants, ...requirement.escalate.flatMap(({ to }) => to)]);
  for (const vote of votes) weight += ITEM + vote.reason.length;
  return weight;
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

function narrationOf(narration: ApprovalRequest["narration"]): number {
  const known = narrations.get(narration);
  if (known !== undefined) return known;
  const length = narration.description.length + (narration.definition === null ? 0 : JSON.stringify(narration.definition).length);
  narrations.set(narration, length);
  return length;
}
