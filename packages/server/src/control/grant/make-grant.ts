/** A standing grant beside a yes: only where every requirement allows it and one yes was enough for all of them. Pure. */
import type { people as wire } from "@countersign/sdk/wire";
import { parseDuration } from "@countersign/sdk/policy";
import type { z } from "zod";
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";
import type { StandingGrant } from "../../store/entity/directory.ts";
import type { Change } from "../../store/store.ts";
import type { LedgerEntry } from "../ledger.ts";
import type { BoundText } from "../request/bound-text.ts";
import { editOf } from "../request/edit-facts.ts";
import { requirementsDigest } from "../request/requirements.ts";
import type { Refusal } from "../refusal.ts";
import { refuse } from "../refusal.ts";
import { scopeOf } from "./scope.ts";

export type GrantScope = z.infer<typeof wire.grantScope>;

/** A session's grant ends with the session, which nobody tells us of, and after this at the latest. */
const SESSION_MS = 12 * 3_600_000;

export type MadeGrant = { readonly ok: true; readonly change: Change; readonly entry: LedgerEntry };

export function makeGrant(request: ApprovalRequest, asked: GrantScope, id: string, grantedBy: string, bound: BoundText | undefined, now: number): MadeGrant | Refusal {
  const drawn = draftGrant(request, asked, id, grantedBy, bound, now);
  if ("ok" in drawn) return drawn;
  const { principal, agent, server, tool, expiresAt, session, scope } = drawn;
  const free = scope.kind === "pattern" ? scope.free : [];
  return {
    ok: true,
    change: { table: "standing_grant", id, rev: 0, data: drawn },
    entry: {
      type: "event",
      event: "grant_made",
      at: now,
      detail: { requestId: request.id, grantId: id, person: `person:${grantedBy}`, principal, agent, server: server.name, tool, policyId: request.call.policyId, expiresAt, session, scope: scope.kind, free },
    },
  };
}

/** The grant as it would be, for the preview too. */
export function draftGrant(request: ApprovalRequest, asked: GrantScope, id: string, grantedBy: string, bound: BoundText | undefined, now: number): StandingGrant | Refusal {
  const ms = asked.for === "session" ? SESSION_MS : parseDuration(asked.for);
  if (ms === undefined) return refuse("bad_request", 'A grant is for "session" or a duration such as "30m".');
  const { requirements, caller, call } = request;
  if (editOf(request) !== null) return refuse("forbidden", "Where an approver changed the arguments there are no grants.");
  if (requirements.some(({ quorum }) => quorum !== 1)) return refuse("forbidden", "Where several have to approve there are no grants.");
  if (!requirements.every(({ grants }) => allows(grants, asked.for, ms))) return refuse("forbidden", `The policy allows no grant for ${asked.for}.`);
  if (bound === undefined) return refuse("bad_request", "The arguments were erased.");
  const scope = scopeOf(bound, call.digest, asked.free);
  if (typeof scope === "string") return refuse("bad_request", scope);
  return {
    id,
    requestId: request.id,
    grantedBy,
    createdAt: now,
    expiresAt: now + ms,
    revokedAt: null,
    endReason: null,
    principal: caller.principal,
    agent: caller.agent.name,
    ...(caller.onBehalfOf === undefined ? {} : { onBehalfOf: caller.onBehalfOf }),
    session: asked.for === "session" ? caller.session.id : null,
    server: { name: call.server.name, identity: call.server.identity },
    tool: call.tool,
    definition: call.definition,
    requirementsDigest: requirementsDigest(requirements),
    scope,
  };
}

function allows(grants: readonly string[], asked: string, ms: number): boolean {
  return asked === "session" ? grants.includes("session") : grants.some((grant) => (parseDuration(grant) ?? 0) >= ms);
}
