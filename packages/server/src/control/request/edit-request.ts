/**
 * A yes to the same call with other arguments: a new request takes the place of the old one, asked and judged afresh, and its first vote
 * is the editor's. Where one vote is enough it is approved at once; else others are asked about the new digest. One commit. Pure.
 */
import { requestDigest } from "@countersign/sdk/call";
import type { Call } from "@countersign/sdk/call";
import { assuranceFor } from "../../auth/identity.ts";
import type { PersonIdentity } from "../../auth/identity.ts";
import type { ApprovalRequest, Sealed, Vote } from "../../store/entity/approval-request.ts";
import type { Command, LedgerEntry, Plan, View } from "../ledger.ts";
import { actor, isRefusal, mayApprove } from "../people/rights.ts";
import { admitApproval } from "./admit-vote.ts";
import { createdEntry } from "./ask-about.ts";
import { approveWith, voteEntry } from "./cast-vote.ts";
import { callersOf } from "./claim-request.ts";
import { allowsEdits } from "./edit-facts.ts";
import { approverOf } from "./eligibility.ts";
import { judgeCall } from "./judge-call.ts";
import { approvalEntry, ended, expirePlan, onRequest, personName, refusal, refuseState, stateAt } from "./move.ts";
import type { RequestRow } from "./move.ts";
import type { EditBody, RequestRefusal } from "./requests.ts";
import { mergeRequirements, plainRequirements, windowOf } from "./requirements.ts";

/** What is written instead: read, checked against the tool's definition, bound and sealed. */
export interface EditedCall {
  readonly ok: true;
  readonly call: Call;
  readonly sealed: Sealed;
  /** Where it differs. */
  readonly changed: readonly string[];
}

export interface EditTerms {
  readonly id: string;
  readonly nonce: string;
  readonly tenant: string;
  readonly body: EditBody;
  readonly channel: string;
  /** Or why it cannot run: said where nothing else is to be said first. */
  readonly edited: EditedCall | RequestRefusal;
}

/** `erased`: seal anew. */
export type EditResult = { readonly ok: true; readonly id: string } | { readonly ok: true; readonly retry: "erased" } | RequestRefusal;

const EDITED = "An approver changed the arguments.";
const ALLOWED_NOW = "An approver changed the arguments; the policy itself would let this call run.";

export function editRequest(id: string, editor: PersonIdentity, terms: EditTerms): Command<EditResult> {
  return onRequest<EditResult>(id, () => true, (row, view) => decide(row, view, editor, terms));
}

function decide(row: RequestRow, view: View, editor: PersonIdentity, terms: EditTerms): Plan<EditResult> {
  const { data: request } = row;
  const { body, edited } = terms;
  const person = actor(view, editor, []);
  if (isRefusal(person)) return { answer: person };
  if (!mayApprove(person.data)) return { answer: refusal("not_eligible", "You may not decide requests.") };
  const state = stateAt(request, view.now);
  if (state !== "pending") return state === request.state ? { answer: refuseState(request, state) } : expirePlan<EditResult>(row, view.now, refuseState(request, state));
  if (body.requestDigest !== request.requestDigest) return { answer: refusal("stale_digest", "The edit is of another question.", { state }) };
  if (!allowsEdits(request)) return { answer: refusal("forbidden", "The policy does not let approvers change the arguments.", { state }) };
  const no = whyNotDecide(view, request, editor, body);
  if (no !== undefined) return { answer: no };
  if (!edited.ok) return { answer: edited };
  if (view.get("data_key", edited.sealed.key)?.data.wrapped === null) return { answer: { ok: true, retry: "erased" } };

  const verdict = judgeCall(view, edited.call, request.call.findings, request.narration.definition);
  if (verdict?.action === "block" && !verdict.askable) return { answer: refusal("policy_block", `The policy forbids the changed call: ${verdict.reason}`, { state }) };
  const successor = successorOf(view, request, terms, edited, verdict?.action === "block" ? verdict : undefined, editor);
  const admitted = admitApproval(view, successor, editor.personId, assuranceFor(editor, body.viewedDigest));
  if (!admitted.ok) return { answer: admitted };
  if (successor.requirements.some(({ requireReason }) => requireReason) && body.reason.trim() === "") return { answer: refusal("bad_request", "A reason is asked for.") };
  const vote: Vote = {
    personId: editor.personId,
    name: person.data.email ?? editor.name,
    choice: "approve",
    at: view.now,
    channel: terms.channel,
    assurance: assuranceFor(editor, body.viewedDigest),
    requestDigest: successor.requestDigest,
    viewedDigest: body.viewedDigest,
    reason: body.reason,
    selfApproved: admitted.selfApproved,
    countsFor: admitted.countsFor,
    onBehalfOf: admitted.onBehalfOf,
  };
  return replace(row, view, successor, vote, edited);
}

/** The question as it stands must be theirs to decide as well: nobody takes it out of the hands of those who are asked. */
function whyNotDecide(view: View, request: ApprovalRequest, editor: PersonIdentity, { viewedDigest }: EditBody): RequestRefusal | undefined {
  const has = request.votes.some(({ personId }) => personId === editor.personId);
  if (has) return approverOf(view, editor.personId) === undefined ? refusal("not_eligible", "You may not approve requests.") : undefined;
  const admitted = admitApproval(view, request, editor.personId, assuranceFor(editor, viewedDigest));
  return admitted.ok ? undefined : admitted;
}

/** The new question: the old one's caller, server, tool and definition; arguments, digests, requirements and window of its own. */
function successorOf(view: View, request: ApprovalRequest, { id, nonce, tenant }: EditTerms, { call, sealed, changed }: EditedCall, block: ReturnType<typeof judgeCall>, editor: PersonIdentity): ApprovalRequest {
  const own = block?.requirements ?? [];
  const callers = callersOf(request);
  const requirements = mergeRequirements(own, callers);
  const { caller } = request;
  const expiresAt = view.now + windowOf(requirements, request.expiresAt - request.createdAt);
  const facts = { id, nonce, tenant, callDigest: call.digest, principal: caller.principal, agent: caller.agent.name, requirement: plainRequirements(requirements), expiresAt };
  return {
    ...request,
    id,
    state: "pending",
    createdAt: view.now,
    expiresAt,
    nonce,
    requestDigest: requestDigest(facts),
    // Whoever sends the same call again is to come to what people made of it: so it keeps the old one's key.
    dedupeKey: request.dedupeKey,
    call: { ...request.call, digest: call.digest },
    sealed,
    reason: block?.reason ?? (callers.length > 0 ? request.reason : ALLOWED_NOW),
    policies: block === undefined ? request.policies : [...block.decisive],
    policyDigest: view.policy?.digest ?? request.policyDigest,
    requirements,
    votes: [],
    extra: {
      callers: requirements.filter((it) => !own.includes(it)).map(({ policy }) => policy),
      heldBy: block === undefined && callers.length > 0 ? (request.extra["heldBy"] ?? "caller") : "document",
      callerReason: request.extra["callerReason"] ?? null,
      edit: { of: request.id, personId: editor.personId, changed },
    },
  };
}

/** Everything at once: the old question's end, the new one, its first vote, and where that is enough, the approval. */
function replace(row: RequestRow, view: View, successor: ApprovalRequest, vote: Vote, { call, changed }: EditedCall): Plan<EditResult> {
  const { data: request } = row;
  const { now } = view;
  const person = personName(vote.personId);
  const voted: ApprovalRequest = { ...successor, votes: [vote] };
  const { request: data, entries } = approveWith(voted, view, vote);
  const edited: LedgerEntry = {
    type: "event",
    event: "request_edited",
    at: now,
    detail: { requestId: row.id, requestDigest: request.requestDigest, digest: request.call.digest, successor: successor.id, successorDigest: successor.call.digest, person, changed: [...changed], viewedDigest: vote.viewedDigest },
  };
  return {
    answer: { ok: true, id: successor.id },
    changes: [
      { table: "approval", id: row.id, rev: row.rev, data: { ...ended(request, "superseded", now, EDITED), supersededBy: successor.id } },
      { table: "approval", id: successor.id, rev: 0, data },
    ],
    entries: [edited, approvalEntry(request, "superseded", now, { approver: "", reason: EDITED }), createdEntry(successor, call), voteEntry(voted, vote), ...entries],
    before: request.expiresAt,
  };
}
