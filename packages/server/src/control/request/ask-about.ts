/** The question about one held call: joins the request that is open about the same call, or makes one. */
import { hash } from "node:crypto";
import type { Finding, Requirement } from "@countersign/sdk";
import { canonicalJson, requestDigest } from "@countersign/sdk/call";
import type { Call } from "@countersign/sdk/call";
import type { Verdict } from "@countersign/sdk/policy";
import type { AskBody } from "@countersign/sdk/wire";
import type { AgentIdentity } from "../../auth/identity.ts";
import type { ApprovalRequest, Sealed } from "../../store/entity/approval-request.ts";
import { whyKeyIsDead } from "../key/live-key.ts";
import { useGrant } from "../grant/use-grant.ts";
import type { Command, LedgerEntry, Plan, View } from "../ledger.ts";
import { judgeCall } from "./judge-call.ts";
import { approvalEntry, expirePlan, refusal, stateAt } from "./move.ts";
import type { RequestRow } from "./move.ts";
import type { RequestRefusal } from "./requests.ts";
import { mergeRequirements, plainRequirements, readRequirements, windowOf } from "./requirements.ts";

/** A question that was read, sealed and given its ids: all that is random or slow is done. */
export interface Asked {
  readonly id: string;
  readonly nonce: string;
  readonly tenant: string;
  readonly identity: AgentIdentity;
  readonly body: AskBody;
  readonly call: Call;
  readonly sealed: Sealed;
  /** The key has as many open requests as it may have: it can join, and no more. */
  readonly isFull: boolean;
}

/** `again`: a request that had run out of time was ended first; ask once more. `erased`: seal anew. */
export type AskResult = { readonly ok: true; readonly id: string; readonly created: boolean } | { readonly ok: true; readonly retry: "again" | "erased" } | RequestRefusal;

const RETRY_MS = 5_000;

/**
 * The same question about the same call: same principal, same agent, same call digest; for the same subject, and under the same requirements
 * of the caller's own document. The document in force here is looked at with the claim, and the caller's is not: a yes to less is none.
 * Who would join another's question could say yes to it, and it would be to their own call.
 */
function dedupeKeyOf({ principal }: AgentIdentity, { agent, onBehalfOf }: AskBody["caller"], digest: string, callers: readonly Requirement[]): string {
  const same = [principal, agent.name, digest];
  const more = onBehalfOf === undefined && callers.length === 0 ? [] : [onBehalfOf ?? null, plainRequirements(callers)];
  return hash("sha256", `countersign/same-call/v1\0${canonicalJson([...same, ...more])}`, "hex");
}

export function askAbout(asked: Asked): Command<AskResult> {
  const { identity, body, call } = asked;
  const dedupeKey = dedupeKeyOf(identity, body.caller, call.digest, readRequirements(body.requirements));
  return {
    needs: [],
    likelyFree: [{ table: "approval", column: "dedupe_key", value: dedupeKey }],
    apply(view) {
      const no = refuseKey(view, identity);
      if (no !== undefined) return { answer: no };
      const open = view.find("approval", "dedupe_key", dedupeKey);
      return open === undefined ? create(view, asked, dedupeKey) : join(view, open);
    },
  };
}

/** A key may have been revoked since the credential was looked at. */
export function refuseKey(view: Pick<View, "get" | "now">, { keyId }: AgentIdentity): RequestRefusal | undefined {
  const key = view.get("agent_key", keyId)?.data;
  return key !== undefined && whyKeyIsDead(key, view) === undefined ? undefined : refusal("unauthenticated", "This key is not valid any more.");
}

function join({ now }: View, row: RequestRow): Plan<AskResult> {
  const state = stateAt(row.data, now);
  if (state === "expired") return expirePlan<AskResult>(row, now, { ok: true, retry: "again" });
  if (state === "executing") return { answer: refusal("in_progress", "The same call is being executed.", { state, requestId: row.id }) };
  return { answer: { ok: true, id: row.id, created: false } };
}

function create(view: View, asked: Asked, dedupeKey: string): Plan<AskResult> {
  const { id, body, call, sealed } = asked;
  if (asked.isFull) return { answer: { ...refusal("too_many", "This key has too many open requests."), retryAfterMs: RETRY_MS } };
  if (view.get("data_key", sealed.key)?.data.wrapped === null) return { answer: { ok: true, retry: "erased" } };
  const findings = readFindings(body);
  const verdict = judgeCall(view, call, findings, body.narration.definition);
  if (verdict?.action === "block" && !verdict.askable) return { answer: refusal("policy_block", verdict.reason) };
  const callers = readRequirements(body.requirements);
  if (verdict === undefined && callers.length === 0) return { answer: refusal("policy_unavailable", "No policy document is in force.") };
  const own = verdict?.requirements ?? [];
  const requirements = mergeRequirements(own, callers);
  const request = requestOf(view, asked, dedupeKey, requirements, own, verdict, findings);
  const entries: LedgerEntry[] = [createdEntry(request, call)];
  const plain: Plan<AskResult> = { answer: { ok: true, id, created: true }, changes: [{ table: "approval", id, rev: 0, data: request }], entries };
  const { grant, changes, entries: told } = useGrant(view, request, call);
  if (grant === undefined) return { ...plain, changes: [...(plain.changes ?? []), ...changes], entries: [...entries, ...told] };
  const approved: ApprovalRequest = { ...request, state: "approved", approvedAt: view.now, grantId: grant.id };
  const approval = approvalEntry(approved, "approved", view.now, { approver: `grant:${grant.id}`, channel: "grant", human: false });
  return { ...plain, changes: [{ table: "approval", id, rev: 0, data: approved }, ...changes], entries: [...entries, ...told, approval] };
}

function readFindings({ findings }: AskBody): readonly Finding[] {
  return findings.map(({ type, group, direction, where, count }) => ({ type, group, direction, where, ...(count === undefined ? {} : { count }) }));
}

function requestOf(view: View, asked: Asked, dedupeKey: string, requirements: readonly Requirement[], own: readonly Requirement[], verdict: Verdict | undefined, findings: readonly Finding[]): ApprovalRequest {
  const { id, nonce, tenant, identity, body, call, sealed } = asked;
  const { agent, user, session, onBehalfOf } = body.caller;
  const createdAt = view.now;
  const expiresAt = createdAt + windowOf(requirements, body.timeoutMs);
  const { principal, keyId, ownerId } = identity;
  // What people read as the reason is the document's own words wherever it holds the call; the caller's are a claim.
  const heldBy = verdict?.action === "block" || body.reason === "" ? "document" : "caller";
  const facts = { id, nonce, tenant, callDigest: call.digest, principal, agent: agent.name, requirement: plainRequirements(requirements), expiresAt };
  return {
    id,
    // What changes comes first: see `changing` in 0001-first.ts.
    state: "pending",
    expiresAt,
    endedAt: null,
    dedupeKey,
    votes: [],
    epoch: 0,
    claim: null,
    outcome: null,
    annotation: null,
    endReason: null,
    supersededBy: null,
    grantId: null,
    approvedAt: null,
    extra: {
      // Which requirements are the caller's alone, so that the document's own can be compared with a later document's.
      callers: requirements.filter((it) => !own.includes(it)).map(({ policy }) => policy),
      heldBy,
      callerReason: body.reason === "" || heldBy === "caller" || body.reason === verdict?.reason ? null : body.reason,
    },
    createdAt,
    nonce,
    requestDigest: requestDigest(facts),
    caller: { principal, keyId, ownerId, agent, user, session, ...(onBehalfOf === undefined ? {} : { onBehalfOf }) },
    call: {
      callId: body.call.callId,
      server: { name: body.call.server.name, identity: body.call.server.identity, transport: call.server.transport },
      tool: call.tool,
      definition: call.definition,
      digest: call.digest,
      policyId: call.policyId,
      findings,
    },
    sealed,
    reason: heldBy === "document" ? (verdict?.reason ?? "") : body.reason,
    policies: [...new Set([...(verdict?.decisive ?? []), ...body.policies])],
    policyDigest: view.policy?.digest ?? body.policyDigest,
    requirements,
    narration: body.narration,
    traceparent: body.traceparent,
  };
}

/** Of a request that has just been made, by whoever, about this call. */
export function createdEntry(request: ApprovalRequest, { argumentsText, contextText }: Pick<Call, "argumentsText" | "contextText">): LedgerEntry {
  const { id, createdAt, requestDigest: digest, caller, call, policies, requirements, expiresAt } = request;
  return {
    type: "event",
    event: "request_created",
    at: createdAt,
    detail: {
      requestId: id,
      requestDigest: digest,
      callId: call.callId,
      digest: call.digest,
      policyId: call.policyId,
      principal: caller.principal,
      ownerId: caller.ownerId,
      agent: caller.agent.name,
      user: caller.user.id,
      session: caller.session.id,
      policies,
      requirements: requirements.map(({ policy, quorum }) => `${policy} ${quorum}`),
      guards: guardsOf(requirements),
      // How much there is to read before a yes.
      length: argumentsText.length + contextText.length,
      expiresAt,
    },
  };
}

/** What the policies ask for beyond one person's yes. */
function guardsOf(requirements: readonly Requirement[]): readonly string[] {
  const guards: readonly (readonly [string, (it: Requirement) => boolean])[] = [
    ["quorum", ({ quorum }) => quorum > 1],
    ["passkey", ({ assurance }) => assurance === "passkey"],
    ["reason", ({ requireReason }) => requireReason],
    ["other_person", ({ selfApproval }) => selfApproval === false],
  ];
  return guards.filter(([, asks]) => requirements.some(asks)).map(([name]) => name);
}
