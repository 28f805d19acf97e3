/** A request in the words of the HTTP contract: what its asker may know, and what people see. Never the arguments in the first. */
import type { Finding, Requirement } from "@countersign/sdk";
import type { AskedRequest } from "@countersign/sdk/wire";
import { assuranceFor } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import type { ApprovalRequest, RequestState, Vote } from "../../store/entity/approval-request.ts";
import { admitApproval } from "./admit-vote.ts";
import type { BoundText } from "./bound-text.ts";
import { editOf } from "./edit-facts.ts";
import { countVotes } from "./eligibility.ts";
import type { Directory } from "./eligibility.ts";
import { NOT_CLAIMED, stateAt, TIME_IS_UP } from "./move.ts";
import type { RequestRow } from "./move.ts";
import type { RequestDetail, RequestSummary } from "./requests.ts";

export function askedOf({ rev, data: request }: RequestRow, now: number, urlOf: (id: string) => string): AskedRequest {
  const { id, requestDigest, createdAt, expiresAt, supersededBy, requirements, call } = request;
  const state = stateAt(request, now);
  return { id, rev, state, requestDigest, callDigest: call.digest, createdAt, expiresAt, now, decision: decisionOf(request), endReason: endReasonOf(request, state), supersededBy, editOf: editOf(request)?.of ?? null, requirements: wireRequirements(requirements), url: urlOf(id) };
}

/** Where nobody has written the end yet, what will be written. */
function endReasonOf(request: ApprovalRequest, state: RequestState): string | null {
  if (state === request.state) return request.endReason;
  return request.state === "approved" ? NOT_CLAIMED : TIME_IS_UP;
}

function decisionOf(request: ApprovalRequest): AskedRequest["decision"] {
  const { votes, grantId, approvedAt } = request;
  const denial = votes.find(({ choice }) => choice === "deny");
  if (denial !== undefined) return { approver: denial.name, channel: denial.channel, human: true, reason: denial.reason, at: denial.at, grantId: null, selfApproved: false };
  if (approvedAt === null) return null;
  if (grantId !== null) return { approver: `grant:${grantId}`, channel: "grant", human: false, reason: "", at: approvedAt, grantId, selfApproved: false };
  const approvals = votes.filter(({ choice }) => choice === "approve");
  const reasons = approvals.map(({ reason }) => reason).filter((reason) => reason !== "");
  return {
    approver: approvals.map(({ name }) => name).join(", "),
    channel: approvals.at(-1)?.channel ?? "",
    human: true,
    reason: reasons.join("; "),
    at: approvedAt,
    grantId: null,
    selfApproved: approvals.some(({ selfApproved }) => selfApproved),
  };
}

export function summaryOf({ id, rev, data: request }: RequestRow, view: Directory, viewer: Identity): RequestSummary {
  const { createdAt, expiresAt, endedAt, requestDigest, caller, call, reason, policies, requirements } = request;
  const progress = requirements.map((requirement) => ({
    policy: requirement.policy,
    // What has ended stands as it was when it ended, whatever became of the people since.
    have: request.state === "pending" ? countVotes(view, request, requirements, requirement, true).size : recordedVotes(request, requirement),
    need: requirement.quorum,
  }));
  return {
    id,
    rev,
    state: stateAt(request, view.now),
    createdAt,
    expiresAt,
    endedAt,
    requestDigest,
    callDigest: call.digest,
    principal: caller.principal,
    agent: caller.agent.name,
    user: caller.user.id,
    session: caller.session.id,
    server: call.server.name,
    tool: call.tool,
    policyId: call.policyId,
    reason,
    policies: [...policies],
    progress,
    findings: [...new Set(call.findings.map(({ type }) => type))],
    edited: editOf(request) !== null,
    mayVote: mayVote(request, view, viewer),
  };
}

function recordedVotes({ votes }: ApprovalRequest, { policy }: Requirement): number {
  return new Set(votes.filter(({ choice, countsFor }) => choice === "approve" && countsFor.includes(policy)).map(({ personId, onBehalfOf }) => onBehalfOf ?? personId)).size;
}

function mayVote(request: ApprovalRequest, view: Directory, viewer: Identity): RequestSummary["mayVote"] {
  if (viewer.kind !== "person") return { allowed: false, why: "Only people decide.", code: "forbidden" };
  if (stateAt(request, view.now) !== "pending") return { allowed: false, why: "It is decided.", code: "ended" };
  if (request.votes.some(({ personId }) => personId === viewer.personId)) return { allowed: false, why: "You have voted.", code: "conflict" };
  const admitted = admitApproval(view, request, viewer.personId, assuranceFor(viewer, request.requestDigest));
  return admitted.ok ? { allowed: true, why: "", code: null } : { allowed: false, why: admitted.detail, code: admitted.code };
}

export function detailOf(row: RequestRow, view: Directory, viewer: Identity, bound: BoundText | undefined): RequestDetail {
  const { call, caller, requirements, votes, outcome, annotation, endReason, supersededBy, grantId, narration, traceparent, extra } = row.data;
  return {
    ...summaryOf(row, view, viewer),
    argumentsText: bound?.argumentsText ?? null,
    contextText: bound?.contextText ?? null,
    serverIdentity: call.server.identity,
    transport: call.server.transport,
    definition: call.definition,
    keyId: caller.keyId,
    ownerId: caller.ownerId,
    requirements: wireRequirements(requirements),
    findingsFull: call.findings.map(wireFinding),
    votes: votes.map(wireVote),
    outcome,
    annotation,
    endReason,
    supersededBy,
    edit: wireEdit(row.data),
    grantId,
    heldBy: extra["heldBy"] === "document" ? "document" : "caller",
    callerReason: typeof extra["callerReason"] === "string" ? extra["callerReason"] : null,
    // The same JSON; the schema's type is merely not readonly.
    narration: narration as RequestDetail["narration"],
    traceparent,
  };
}

function wireEdit(request: ApprovalRequest): RequestDetail["edit"] {
  const edit = editOf(request);
  return edit === null ? null : { of: edit.of, personId: edit.personId, changed: [...edit.changed] };
}

function wireRequirements(requirements: readonly Requirement[]): AskedRequest["requirements"] {
  return requirements.map(({ assurance, selfApproval, approvers, grants, escalate, ...rest }) => ({
    ...rest,
    approvers: [...approvers],
    ...(assurance === undefined ? {} : { assurance }),
    ...(selfApproval === undefined ? {} : { selfApproval }),
    grants: [...grants],
    escalate: escalate.map(({ afterMs, to }) => ({ afterMs, to: [...to] })),
  }));
}

function wireFinding({ type, group, direction, where, count }: Finding): RequestDetail["findingsFull"][number] {
  return { type, group, direction, where, ...(count === undefined ? {} : { count }) };
}

function wireVote({ personId, name, choice, at, channel, assurance, reason, selfApproved, countsFor, onBehalfOf }: Vote): RequestDetail["votes"][number] {
  return { personId, name, choice, at, channel, assurance, reason, selfApproved, countsFor: [...countsFor], onBehalfOf };
}
