/**
 * Who may decide what: whether a person's vote counts for a requirement, and as whom. Resolved against the directory when the vote
 * is cast and again at the claim, always by immutable ids. Names, addresses and roles as a credential knew them decide nothing.
 */
import type { Assurance, Requirement } from "@countersign/sdk";
import { ASSURANCES } from "@countersign/sdk/policy";
import { includesRole } from "../../auth/identity.ts";
import type { ApprovalRequest, Vote } from "../../store/entity/approval-request.ts";
import type { Group, Person } from "../../store/entity/directory.ts";
import type { View } from "../ledger.ts";
import { isOnePersonMode, sameAddress } from "../people/rights.ts";

export type Directory = Pick<View, "get" | "all" | "now">;

const GROUP = "group:";

/** The person, where they are active and may approve at all. */
export function approverOf(view: Directory, personId: string): Person | undefined {
  const person = view.get("person", personId)?.data;
  return person !== undefined && person.status === "active" && includesRole(person.roles, "approver") ? person : undefined;
}

/** As whom a person's vote may count for a requirement: as themselves first, then for those who let them answer. Empty: not at all. */
export function standingsOf(view: Directory, requirement: Requirement, personId: string): readonly string[] {
  const person = approverOf(view, personId);
  if (person === undefined) return [];
  const standings: string[] = [];
  for (const { data: delegation } of view.all("delegation")) {
    const { fromId, toId, from, until, revokedAt } = delegation;
    if (toId !== personId || revokedAt !== null || view.now < from || view.now >= until) continue;
    const delegator = approverOf(view, fromId);
    if (delegator !== undefined && isNamed(view, requirement, delegator)) standings.push(fromId);
  }
  // In an order that is the same on every instance.
  standings.sort();
  return isNamed(view, requirement, person) ? [personId, ...standings] : standings;
}

function isNamed(view: Directory, { approvers }: Requirement, person: Person): boolean {
  if (approvers.length === 0) return true;
  return approvers.some((entry) => {
    if (entry.startsWith(GROUP)) return isInGroup(view, entry.slice(GROUP.length), person.id);
    return entry === person.id || (person.email !== null && sameAddress(entry, person.email));
  });
}

/** Groups may hold groups, also in a circle. */
function isInGroup(view: Directory, name: string, personId: string): boolean {
  const groups = view.all("person_group");
  const first = groups.find(({ data }) => data.name === name);
  if (first === undefined) return false;
  const byId = new Map<string, Group>(groups.map(({ id, data }) => [id, data]));
  const seen = new Set([first.id]);
  for (const id of seen) {
    const members = byId.get(id)?.members ?? [];
    if (members.includes(personId)) return true;
    for (const member of members) if (byId.has(member)) seen.add(member);
  }
  return false;
}

/**
 * Whether a vote is one's own agent's: the voter, or whom the vote counts as, is the person the credential is bound to, or signs in as the
 * subject that a gateway's key asks for.
 */
export function isSelf(view: Directory, { caller: { ownerId, onBehalfOf } }: Pick<ApprovalRequest, "caller">, personId: string, as: string): boolean {
  if (ownerId !== null && (personId === ownerId || as === ownerId)) return true;
  if (onBehalfOf === undefined) return false;
  const { issuer, subject } = onBehalfOf;
  return [personId, as].some((id) => view.get("person", id)?.data.subjects.some((one) => one.issuer === issuer && one.subject === subject) === true);
}

/** `requirements` are all of the request: one that asks for a second person shuts the owner out of every one. */
export function maySelf(view: Directory, requirements: readonly Requirement[], requirement: Requirement): boolean {
  return requirements.every(({ selfApproval }) => selfApproval !== false) && (isOnePersonMode(view) || requirement.selfApproval === true);
}

/** An unwritten assurance asks for someone who has signed in. */
export function isSure(assurance: Assurance, requirement: Requirement): boolean {
  return ASSURANCES.indexOf(assurance) >= ASSURANCES.indexOf(requirement.assurance ?? "authenticated");
}

type Votes = Pick<ApprovalRequest, "caller" | "requestDigest" | "votes">;

/**
 * The people whose yes counts for a requirement now. `frozen`: one that the request was made with, for which a vote counts only
 * where it was cast for it.
 */
export function countVotes(view: Directory, request: Votes, all: readonly Requirement[], requirement: Requirement, frozen: boolean): ReadonlySet<string> {
  const counted = new Set<string>();
  for (const vote of request.votes) {
    const as = vote.requestDigest === request.requestDigest && vote.choice === "approve" ? countsAs(view, request, all, requirement, vote, frozen) : undefined;
    if (as !== undefined) counted.add(as);
  }
  return counted;
}

function countsAs(view: Directory, request: Votes, all: readonly Requirement[], requirement: Requirement, vote: Vote, frozen: boolean): string | undefined {
  if (frozen && !vote.countsFor.includes(requirement.policy)) return undefined;
  if (!isSure(vote.assurance, requirement) || (requirement.requireReason && vote.reason.trim() === "")) return undefined;
  const standings = standingsOf(view, requirement, vote.personId);
  const as = standings.includes(vote.personId) ? vote.personId : standings.find((id) => id === vote.onBehalfOf);
  if (as === undefined || (isSelf(view, request, vote.personId, as) && !maySelf(view, all, requirement))) return undefined;
  return as;
}

/** Whether the recorded votes meet all of these now. */
export function areMet(view: Directory, request: Votes, requirements: readonly Requirement[], frozen: boolean): boolean {
  return requirements.every((requirement) => countVotes(view, request, requirements, requirement, frozen).size >= requirement.quorum);
}
