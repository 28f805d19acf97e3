/** One person's answer. Counts only from somebody who may decide at the moment of the commit, on the very question that was shown. */
import { assuranceFor } from "../../auth/identity.ts";
import type { PersonIdentity } from "../../auth/identity.ts";
import type { ApprovalRequest, Vote } from "../../store/entity/approval-request.ts";
import { makeGrant } from "../grant/make-grant.ts";
import type { Command, LedgerEntry, Plan, View } from "../ledger.ts";
import { admitApproval, admitDenial } from "./admit-vote.ts";
import type { Admitted } from "./admit-vote.ts";
import { areMet } from "./eligibility.ts";
import { approvalEntry, change, ended, expirePlan, onRequest, personName, refusal, refuseState, stateAt } from "./move.ts";
import type { Moved, RequestRow } from "./move.ts";
import type { BoundText } from "./bound-text.ts";
import { actor, isRefusal, mayApprove } from "../people/rights.ts";
import type { RequestRefusal, VoteBody } from "./requests.ts";

/** After an approval there is at least this long to use it. */
const CLAIM_MS = 60_000;

export interface Ballot {
  readonly body: VoteBody;
  readonly channel: string;
  /** What a grant beside the vote is made of; undefined where its arguments were erased. */
  readonly bound: BoundText | undefined;
  /** Of a grant beside the vote; empty where none is asked for. */
  readonly grantId: string;
}

export function castVote(id: string, voter: PersonIdentity, ballot: Ballot): Command<Moved> {
  return onRequest(id, () => true, (row, view) => decide(row, view, voter, ballot));
}

function decide(row: RequestRow, view: View, voter: PersonIdentity, ballot: Ballot): Plan<Moved> {
  const { data: request } = row;
  const { now } = view;
  const { body } = ballot;
  const person = actor(view, voter, []);
  if (isRefusal(person)) return { answer: person };
  if (!mayApprove(person.data)) return { answer: refusal("not_eligible", "You may not decide requests.") };
  const cast = request.votes.find(({ personId }) => personId === voter.personId);
  if (cast !== undefined && cast.choice === body.choice && cast.requestDigest === body.requestDigest) return { answer: { ok: true } };
  const state = stateAt(request, now);
  if (state !== "pending") {
    const answer = refuseState(request, state);
    return state === request.state ? { answer } : expirePlan(row, now, answer);
  }
  if (body.requestDigest !== request.requestDigest) return { answer: refusal("stale_digest", "The vote is about another question.", { state }) };
  if (cast !== undefined) return { answer: refusal("conflict", "You have voted already.", { state }) };
  const admitted = body.choice === "approve" ? admitApproval(view, request, voter.personId, assuranceFor(voter, request.requestDigest)) : admitDenial(view, request, voter.personId);
  if (!admitted.ok) return { answer: admitted };
  if (body.choice === "approve" && request.requirements.some(({ requireReason }) => requireReason) && body.reason.trim() === "") return { answer: refusal("bad_request", "A reason is asked for.") };
  const vote = voteOf(view, voter, ballot, admitted);
  const plan = body.choice === "deny" ? deny(row, view, vote) : approve(row, view, vote, ballot);
  return { ...plan, before: request.expiresAt };
}

function voteOf(view: View, voter: PersonIdentity, { body, channel }: Ballot, { countsFor, onBehalfOf, selfApproved }: Admitted): Vote {
  const { choice, requestDigest, viewedDigest, reason } = body;
  // What the caller and the trace are told: the address where there is one, as people are named in policies.
  const name = view.get("person", voter.personId)?.data.email ?? voter.name;
  return { personId: voter.personId, name, choice, at: view.now, channel, assurance: assuranceFor(voter, requestDigest), requestDigest, viewedDigest, reason, selfApproved, countsFor, onBehalfOf };
}

function deny(row: RequestRow, { now }: View, vote: Vote): Plan<Moved> {
  const request: ApprovalRequest = { ...row.data, votes: [...row.data.votes, vote] };
  const reason = vote.reason === "" ? `${vote.name} said no.` : vote.reason;
  const end = approvalEntry(request, "denied", now, { approver: personName(vote.personId), channel: vote.channel, human: true, ...(vote.reason === "" ? {} : { reason: vote.reason }) });
  return change(row, ended(request, "denied", now, reason), [voteEntry(request, vote), end], { ok: true });
}

function approve(row: RequestRow, view: View, vote: Vote, ballot: Ballot): Plan<Moved> {
  const request: ApprovalRequest = { ...row.data, votes: [...row.data.votes, vote] };
  const { grant } = ballot.body;
  const { request: approved, entries: told } = approveWith(request, view, vote);
  if (approved.state === "pending") {
    if (grant !== null) return { answer: refusal("bad_request", "A grant goes with the vote that approves, where one is enough.") };
    return change(row, request, [voteEntry(request, vote)], { ok: true });
  }
  const entries: LedgerEntry[] = [voteEntry(request, vote), ...told];
  const plan = change<Moved>(row, approved, entries, { ok: true });
  if (grant === null) return plan;
  const made = makeGrant(approved, grant, ballot.grantId, vote.personId, ballot.bound, view.now);
  if (!made.ok) return { answer: made satisfies RequestRefusal };
  return { ...plan, changes: [...(plan.changes ?? []), made.change], entries: [...entries, made.entry] };
}

/** The request with its last vote: approved, where all that is asked for is met. */
export function approveWith(request: ApprovalRequest, view: View, vote: Vote): { readonly request: ApprovalRequest; readonly entries: readonly LedgerEntry[] } {
  if (!areMet(view, request, request.requirements, true)) return { request, entries: [] };
  const approved: ApprovalRequest = { ...request, state: "approved", approvedAt: view.now, expiresAt: Math.max(request.expiresAt, view.now + CLAIM_MS) };
  return { request: approved, entries: [approvalEntry(request, "approved", view.now, toldOf(request, vote))] };
}

function toldOf({ votes }: ApprovalRequest, { channel, reason }: Vote) {
  const approver = votes.map(({ personId }) => personName(personId)).join(", ");
  return { approver, channel, human: true, ...(reason === "" ? {} : { reason }) };
}

export function voteEntry({ id, requestDigest }: ApprovalRequest, vote: Vote): LedgerEntry {
  const { personId, choice, channel, assurance, viewedDigest, selfApproved, countsFor, onBehalfOf, reason } = vote;
  return {
    type: "event",
    event: "vote_cast",
    at: vote.at,
    detail: { requestId: id, requestDigest, person: personName(personId), choice, channel, assurance, viewedDigest, selfApproved, countsFor, onBehalfOf: onBehalfOf === null ? null : personName(onBehalfOf), reason },
  };
}
