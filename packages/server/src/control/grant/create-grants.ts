import { unpackBound } from "../request/bound-text.ts";
import type { BoundText } from "../request/bound-text.ts";
import { approverOf } from "../request/eligibility.ts";
import { stateAt } from "../request/move.ts";
import { readSlices } from "../request/read-slices.ts";
import type { RequestRow } from "../request/move.ts";
import { includesRole } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import type { StandingGrant } from "../../store/entity/directory.ts";
import type { Store } from "../../store/store.ts";
import type { Command, Ledger } from "../ledger.ts";
import type { Answer } from "../refusal.ts";
import { refuse } from "../refusal.ts";
import type { Sealer } from "../seal/sealer.ts";
import type { Grants, GrantPreview, GrantView } from "./grants.ts";
import { draftGrant } from "./make-grant.ts";
import { isCovered } from "./scope.ts";
import { endGrant, isLive, isOfSubject } from "./use-grant.ts";

const LOOK_BACK_MS = 30 * 86_400_000;
/** More calls of one tool than anybody looks through. */
const MAX_LOOKED_AT = 5_000;
/** Nor are more arguments opened than this, in characters as they are stored. */
const MAX_OPENED = 128 * 1024 * 1024;
const EXAMPLES = 10;

export function createGrants(ledger: Ledger, store: Store, sealer: Sealer): Grants {
  const { tenant, resident } = ledger;

  function hasRole(identity: Identity, roles: readonly ("approver" | "auditor")[]): boolean {
    const person = identity.kind === "person" ? resident.get("person", identity.personId)?.data : undefined;
    return person?.status === "active" && roles.some((role) => includesRole(person.roles, role));
  }

  async function openBound({ id, data: { sealed } }: RequestRow): Promise<BoundText | undefined> {
    const text = sealed === null ? undefined : await sealer.open(sealed, id);
    return text === undefined ? undefined : unpackBound(text);
  }

  /** Requests about the same tool by the same agent, newest first: how many there are, and those that it would have covered. */
  async function lookBack(grant: StandingGrant, now: number): Promise<Omit<GrantPreview, "ok">> {
    const where = { principal: grant.principal, agent: grant.agent, server: grant.server.name, tool: grant.tool };
    const range = { created_at: { from: now - LOOK_BACK_MS } };
    const examples: GrantPreview["examples"] = [];
    let [covered, ofHeld, opened] = [0, 0, 0];
    for await (const rows of readSlices(store, tenant, { where, range, orderBy: "created_at", descending: true, limit: MAX_LOOKED_AT })) {
      for (const held of rows) {
        if (opened >= MAX_OPENED) return { covered, ofHeld, examples };
        ofHeld += 1;
        if (!isAboutTheSame(grant, held)) continue;
        opened += held.data.sealed?.data.length ?? 0;
        const bound = await openBound(held);
        if (bound === undefined || !isCovered(grant.scope, bound, held.data.call.digest)) continue;
        covered += 1;
        if (covered <= EXAMPLES) examples.push({ requestId: held.id, at: held.data.createdAt, state: stateAt(held.data, now) });
      }
    }
    return { covered, ofHeld, examples };
  }

  return {
    async list(identity) {
      if (!hasRole(identity, ["approver", "auditor"])) return refuse("forbidden", "Approvers and auditors see grants.");
      const { now } = resident;
      const grants = resident.all("standing_grant").map(({ data }) => viewOf(data, now));
      return { ok: true, grants: grants.toSorted((a, b) => b.createdAt - a.createdAt) };
    },

    async preview(identity, { requestId, grant: asked }): Promise<Answer<GrantPreview>> {
      if (identity.kind !== "person" || !hasRole(identity, ["approver"])) return refuse("forbidden", "Approvers give grants.");
      const row = (await store.read(tenant, [{ table: "approval", id: requestId }])).get("approval", requestId);
      if (row === undefined) return refuse("not_found", "There is no such request.");
      const { now } = resident;
      const draft = draftGrant(row.data, asked, "", identity.personId, await openBound(row), now);
      if ("ok" in draft) return draft;
      return { ok: true, ...(await lookBack(draft, now)) };
    },

    async revoke(identity, id) {
      if (identity.kind !== "person") return refuse("forbidden", "People end grants.");
      return ledger.run(revokeGrant(id, identity.personId));
    },
  };
}

/** What is told without its arguments. Of these very arguments alone, none others have to be opened. */
function isAboutTheSame(grant: StandingGrant, { data: { caller, call } }: RequestRow): boolean {
  const isAbout = isOfSubject(grant, caller) && (grant.session === null || grant.session === caller.session.id) && grant.server.identity === call.server.identity && grant.definition === call.definition;
  return isAbout && (grant.scope.kind === "pattern" || grant.scope.callDigest === call.digest);
}

function revokeGrant(id: string, personId: string): Command<Answer<{ readonly grant: GrantView }>> {
  return {
    needs: [],
    apply(view) {
      const person = approverOf(view, personId);
      const row = view.get("standing_grant", id);
      if (person === undefined) return { answer: refuse("forbidden", "Approvers end grants.") };
      if (row === undefined) return { answer: refuse("not_found", "There is no such grant.") };
      if (row.data.grantedBy !== personId && !person.roles.includes("owner")) return { answer: refuse("forbidden", "Whoever gave it ends it, or an owner.") };
      if (!isLive(row.data, view.now)) return { answer: { ok: true, grant: viewOf(row.data, view.now) } };
      const { change, entry, grant } = endGrant(row, view.now, "It was revoked.", `person:${personId}`);
      return { answer: { ok: true, grant: viewOf(grant, view.now) }, changes: [change], entries: [entry] };
    },
  };
}

function viewOf(grant: StandingGrant, now: number): GrantView {
  const { id, requestId, grantedBy, createdAt, expiresAt, revokedAt, endReason, principal, agent, session, server, tool, scope } = grant;
  return { id, requestId, grantedBy, createdAt, expiresAt, revokedAt, endReason, live: isLive(grant, now), principal, agent, session, server: server.name, tool, free: scope.kind === "pattern" ? [...scope.free] : [] };
}
