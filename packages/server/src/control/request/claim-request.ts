/**
 * The claim spends an approval: it and the intent are in the record before the first byte goes to the tool. All that the approval
 * rests on is looked at once more in the same commit: time, digests, votes, grant, and the document in force.
 */
import { hash } from "node:crypto";
import type { ClaimBody } from "@countersign/sdk/wire";
import type { AgentIdentity } from "../../auth/identity.ts";
import type { ApprovalRequest, Claim } from "../../store/entity/approval-request.ts";
import { whyGrantEnded } from "../grant/use-grant.ts";
import type { Command, LedgerEntry, Plan, View } from "../ledger.ts";
import { refuseKey } from "./ask-about.ts";
import { callOf } from "./bound-text.ts";
import type { BoundText } from "./bound-text.ts";
import { areMet } from "./eligibility.ts";
import { judgeCall } from "./judge-call.ts";
import { approvalEntry, change, ended, expirePlan, isEnd, onRequest, personName, refusal, refuseState, stateAt } from "./move.ts";
import type { Moved, RequestRow } from "./move.ts";
import type { RequestRefusal } from "./requests.ts";
import { mergeRequirements, requirementsDigest } from "./requirements.ts";

/** How long a claim is believed to be executed without news, where nothing else is set. */
export const LEASE_MS = 30_000;

export type Claimed = { readonly ok: true; readonly epoch: number } | RequestRefusal;

export function hashClaim(claimId: string): string {
  return hash("sha256", claimId, "hex");
}

/** Each claim has a lease of its own, so that making it needs no look at an older one. */
export function leaseId(requestId: string, epoch: number): string {
  return `${requestId}.${epoch}`;
}

export interface ClaimTerms {
  /** The arguments as they were opened; undefined where they were erased. */
  readonly bound: BoundText | undefined;
  readonly leaseMs: number;
}

export function claimRequest(id: string, identity: AgentIdentity, body: ClaimBody, terms: ClaimTerms): Command<Claimed> {
  return onRequest(id, ({ caller }) => caller.principal === identity.principal, (row, view) => decide(row, view, identity, body, terms));
}

function decide(row: RequestRow, view: View, identity: AgentIdentity, body: ClaimBody, { bound, leaseMs }: ClaimTerms): Plan<Claimed> {
  const { data: request } = row;
  const claimHash = hashClaim(body.claimId);
  // The answer to this very claim was lost.
  if (request.state === "executing" && request.claim?.claimHash === claimHash) return { answer: { ok: true, epoch: request.claim.epoch } };
  const no = refuseKey(view, identity);
  if (no !== undefined) return { answer: no };
  const state = stateAt(request, view.now);
  if (state !== "approved") {
    const answer = state === "pending" ? refusal("not_approved", "The request is waiting for people.", { state }) : refuseState(request, state);
    return state === request.state ? { answer } : expirePlan(row, view.now, answer);
  }
  // An attempt that was under way while its claim was given back: whoever made it runs nothing.
  if (request.extra["released"] === claimHash) return { answer: refusal("conflict", "This claim was given back.", { state }) };
  if (body.callDigest !== request.call.digest) return { answer: refusal("digest_mismatch", "This is not the call that was approved.", { state }) };
  const why = whyNotAnyMore(view, request, body, bound);
  if (why !== undefined) return supersede(row, view, why);
  return { ...execute(row, view, claimHash, leaseMs), before: request.expiresAt };
}

function whyNotAnyMore(view: View, request: ApprovalRequest, body: ClaimBody, bound: BoundText | undefined): string | undefined {
  if (body.definition !== request.call.definition) return "The tool's definition has changed.";
  if (body.serverIdentity !== request.call.server.identity) return "The server is another one now.";
  if (bound === undefined) return "The arguments were erased.";
  const byGrant = request.grantId === null ? undefined : view.get("standing_grant", request.grantId)?.data;
  if (request.grantId !== null) {
    const why = whyGrantEnded(view, byGrant, request);
    if (why !== undefined) return why;
  } else if (!areMet(view, request, request.requirements, true)) {
    return "Whoever approved it may not approve it any more.";
  }
  const verdict = judgeCall(view, callOf(request, bound), request.call.findings, request.narration.definition);
  if (verdict?.action !== "block") return undefined;
  if (!verdict.askable) return `The policy in force forbids it: ${verdict.reason}`;
  const isMet = byGrant === undefined ? areMet(view, request, verdict.requirements, false) : byGrant.requirementsDigest === requirementsDigest(mergeRequirements(verdict.requirements, callersOf(request)));
  return isMet ? undefined : "The policy in force asks for something else.";
}

/** The requirements that the caller brought and the document did not have. */
export function callersOf({ requirements, extra }: ApprovalRequest): ApprovalRequest["requirements"] {
  const names = extra["callers"];
  return Array.isArray(names) ? requirements.filter(({ policy }) => names.includes(policy)) : [];
}

export function supersede<T>(row: RequestRow, { now }: Pick<View, "now">, reason: string): Plan<T | RequestRefusal> {
  const answer = refusal("superseded", reason, { state: "superseded", requestId: row.id });
  const plan = change<T | RequestRefusal>(row, ended(row.data, "superseded", now, reason), [approvalEntry(row.data, "superseded", now, { approver: "", reason })], answer);
  return { ...plan, before: row.data.expiresAt };
}

function execute(row: RequestRow, { now }: View, claimHash: string, leaseMs: number): Plan<Claimed> {
  const { data: request } = row;
  const epoch = request.epoch + 1;
  const claim: Claim = { claimHash, claimedAt: now, epoch };
  const intent: LedgerEntry = { type: "intent", callId: request.call.callId, at: now, digest: request.call.digest, requestId: row.id, approver: approverNames(request) };
  const plan = change<Claimed>(row, { ...request, state: "executing", epoch, claim }, [intent], { ok: true, epoch });
  const lease = { requestId: row.id, epoch, until: now + leaseMs };
  return { ...plan, changes: [...(plan.changes ?? []), { table: "execution_lease", id: leaseId(row.id, epoch), rev: 0, data: lease }] };
}

function approverNames({ votes, grantId }: ApprovalRequest): string {
  if (grantId !== null) return `grant:${grantId}`;
  return votes.filter(({ choice }) => choice === "approve").map(({ personId }) => personName(personId)).join(", ");
}

/** Provably nothing was sent: the same approval may be claimed again, until the same deadline. */
export function releaseClaim(id: string, principal: string, claimId: string): Command<Moved> {
  return onRequest(id, ({ caller }) => caller.principal === principal, (row, { now }) => {
    const { data: request } = row;
    const state = stateAt(request, now);
    // The answer to a release may have been lost.
    if (state === "approved" && request.extra["released"] === hashClaim(claimId)) return { answer: { ok: true } };
    if (isEnd(state)) return { answer: refuseState(request, state) };
    if (state !== "executing" || request.claim?.claimHash !== hashClaim(claimId)) return { answer: refusal("conflict", "This claim does not hold it.", { state }) };
    const entry: LedgerEntry = { type: "event", event: "claim_released", at: now, detail: { requestId: id, epoch: request.epoch } };
    return change<Moved>(row, { ...request, state: "approved", claim: null, extra: { ...request.extra, released: hashClaim(claimId) } }, [entry], { ok: true });
  });
}
