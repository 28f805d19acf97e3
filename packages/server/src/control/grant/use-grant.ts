/** Looks for a standing grant that covers a call, and ends those whose ground has gone: another definition, server, requirement, or granter. Pure. */
import type { Call } from "@countersign/sdk/call";
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";
import type { StandingGrant } from "../../store/entity/directory.ts";
import type { Change, Stored } from "../../store/store.ts";
import type { LedgerEntry, View } from "../ledger.ts";
import { isSelf, maySelf, standingsOf } from "../request/eligibility.ts";
import type { Directory } from "../request/eligibility.ts";
import { requirementsDigest } from "../request/requirements.ts";
import { isCovered } from "./scope.ts";

type GrantRow = Stored<StandingGrant>;
type Asking = Pick<ApprovalRequest, "id" | "caller" | "call" | "requirements">;

export interface Used {
  readonly grant: GrantRow | undefined;
  readonly changes: readonly Change[];
  readonly entries: readonly LedgerEntry[];
}

export function useGrant(view: View, request: Asking, call: Call): Used {
  const changes: Change[] = [];
  const entries: LedgerEntry[] = [];
  for (const row of view.all("standing_grant")) {
    if (!isLive(row.data, view.now) || !isAbout(row.data, request)) continue;
    const gone = groundGone(view, row.data, request, call);
    if (gone === undefined) {
      if (isCovered(row.data.scope, call, call.digest)) return { grant: row, changes, entries: [...entries, usedEntry(row, request, view.now)] };
    } else {
      const end = endGrant(row, view.now, gone);
      changes.push(end.change);
      entries.push(end.entry);
    }
  }
  return { grant: undefined, changes, entries };
}

export function isLive({ revokedAt, expiresAt }: StandingGrant, now: number): boolean {
  return revokedAt === null && now < expiresAt;
}

/** Why a grant does not cover an approved request any more; undefined where it still does. */
export function whyGrantEnded(view: Directory, grant: StandingGrant | undefined, request: Asking): string | undefined {
  if (grant === undefined || !isLive(grant, view.now)) return grant?.endReason ?? "The standing grant has ended.";
  return mayGrant(view, grant, request) ? undefined : GRANTER_GONE;
}

export function endGrant({ id, rev, data }: GrantRow, now: number, reason: string, by?: string): { readonly change: Change; readonly entry: LedgerEntry; readonly grant: StandingGrant } {
  const grant = { ...data, revokedAt: now, endReason: reason };
  const detail = { grantId: id, reason, principal: data.principal, ...(by === undefined ? {} : { person: by }) };
  return { change: { table: "standing_grant", id, rev, data: grant }, entry: { type: "event", event: "grant_ended", at: now, detail }, grant };
}

const GRANTER_GONE = "Whoever gave the grant may not approve such calls any more.";

function isAbout(grant: StandingGrant, { caller, call }: Asking): boolean {
  return (
    grant.principal === caller.principal &&
    grant.agent === caller.agent.name &&
    isOfSubject(grant, caller) &&
    (grant.session === null || grant.session === caller.session.id) &&
    grant.server.name === call.server.name &&
    grant.tool === call.tool
  );
}

/** Several people may ask through one gateway's key: what one was granted is nobody else's. */
export function isOfSubject({ onBehalfOf: granted }: StandingGrant, { onBehalfOf: asking }: ApprovalRequest["caller"]): boolean {
  return granted?.issuer === asking?.issuer && granted?.subject === asking?.subject;
}

function groundGone(view: View, grant: StandingGrant, request: Asking, call: Call): string | undefined {
  if (grant.server.identity !== request.call.server.identity) return "The server is another one now.";
  if (grant.definition !== request.call.definition) return "The tool's definition has changed.";
  // Conditions may ask for other things for other arguments: that is no change of the policy.
  if (!isCovered(grant.scope, call, call.digest)) return undefined;
  if (grant.requirementsDigest !== requirementsDigest(request.requirements)) return "The policy asks for something else now.";
  return mayGrant(view, grant, request) ? undefined : GRANTER_GONE;
}

function mayGrant(view: Directory, { grantedBy }: StandingGrant, { caller, requirements }: Asking): boolean {
  return requirements.every((requirement) =>
    standingsOf(view, requirement, grantedBy).some((as) => !isSelf(view, { caller }, grantedBy, as) || maySelf(view, requirements, requirement)),
  );
}

function usedEntry({ id, data }: GrantRow, request: Asking, now: number): LedgerEntry {
  return { type: "event", event: "grant_used", at: now, detail: { requestId: request.id, grantId: id, person: `person:${data.grantedBy}`, principal: data.principal } };
}
