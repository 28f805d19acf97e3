/** Whether a person may vote on a request now, for which requirements the vote counts, and as whom. Pure. */
import type { Assurance, Requirement } from "@countersign/sdk";
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";
import { approverOf, countVotes, isSelf, isSure, maySelf, standingsOf } from "./eligibility.ts";
import type { Directory } from "./eligibility.ts";
import { refusal } from "./move.ts";
import type { RequestRefusal } from "./requests.ts";

export interface Admitted {
  readonly ok: true;
  readonly countsFor: readonly string[];
  readonly onBehalfOf: string | null;
  readonly selfApproved: boolean;
}

/** An approving vote. */
export function admitApproval(view: Directory, request: ApprovalRequest, personId: string, assurance: Assurance): Admitted | RequestRefusal {
  if (approverOf(view, personId) === undefined) return refusal("not_eligible", "You may not approve requests.");
  const { requirements } = request;
  const options = requirements.map((requirement) => ({ requirement, ...standingsLeft(view, request, requirement, personId) }));
  const open = options.filter(({ left }) => left.length > 0);
  if (open.length === 0) {
    if (options.some(({ why }) => why === "self")) return refusal("self_approval", "The agent that asks acts for you: someone else has to approve.");
    if (options.some(({ why }) => why === "taken")) return refusal("not_eligible", "The person you answer for has voted, or someone has for them.");
    return refusal("not_eligible", "You are not among the approvers of this request.");
  }
  const unsure = open.find(({ requirement }) => !isSure(assurance, requirement));
  if (unsure !== undefined) return refusal("assurance", unsure.requirement.assurance === "passkey" ? "A passkey is asked for." : "Sign in to decide this.");

  const direct = open.filter(({ left }) => left.includes(personId));
  const onBehalfOf = mostUseful(open.filter(({ left }) => !left.includes(personId)).map(({ left }) => left));
  const counted = open.filter(({ left }) => left.includes(personId) || (onBehalfOf !== null && left.includes(onBehalfOf)));
  const selfApproved = isSelf(view, request, personId, personId) || (onBehalfOf !== null && isSelf(view, request, personId, onBehalfOf));
  return { ok: true, countsFor: counted.map(({ requirement }) => requirement.policy), onBehalfOf: counted.length === direct.length ? null : onBehalfOf, selfApproved };
}

/** Anyone who could approve may deny, and so may the person the agent acts for. */
export function admitDenial(view: Directory, request: ApprovalRequest, personId: string): Admitted | RequestRefusal {
  const selfApproved = false;
  if (approverOf(view, personId) === undefined) return refusal("not_eligible", "You may not decide requests.");
  if (isSelf(view, request, personId, personId)) return { ok: true, countsFor: [], onBehalfOf: null, selfApproved };
  const standing = request.requirements.map((requirement) => standingsOf(view, requirement, personId)).find((list) => list.length > 0);
  if (standing === undefined) return refusal("not_eligible", "You are not among the approvers of this request.");
  return { ok: true, countsFor: [], onBehalfOf: standing.includes(personId) ? null : (standing[0] ?? null), selfApproved };
}

/** As whom the person may still count for a requirement; where as nobody, why. */
function standingsLeft(view: Directory, request: ApprovalRequest, requirement: Requirement, personId: string): { readonly left: readonly string[]; readonly why: "self" | "taken" | "unnamed" } {
  const standings = standingsOf(view, requirement, personId);
  if (standings.length === 0) return { left: [], why: "unnamed" };
  const allowed = maySelf(view, request.requirements, requirement) ? standings : standings.filter((as) => !isSelf(view, request, personId, as));
  if (allowed.length === 0) return { left: [], why: "self" };
  const taken = countVotes(view, request, request.requirements, requirement, true);
  return { left: allowed.filter((as) => !taken.has(as)), why: "taken" };
}

/** The one who is in most of the lists; of several, the first that was named. */
function mostUseful(lists: readonly (readonly string[])[]): string | null {
  const uses = new Map<string, number>();
  for (const id of lists.flat()) uses.set(id, (uses.get(id) ?? 0) + 1);
  let best: string | null = null;
  for (const [id, count] of uses) if (best === null || count > (uses.get(best) ?? 0)) best = id;
  return best;
}
