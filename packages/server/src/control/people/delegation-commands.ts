/** Commands about delegations: an approver lets another one answer for them, for a time. Nothing is handed on a second time. */
import type { Identity } from "../../auth/identity.ts";
import type { Delegation } from "../../store/entity/directory.ts";
import type { Stored } from "../../store/store.ts";
import type { Command, View } from "../ledger.ts";
import { refuse } from "../refusal.ts";
import type { Answer, Refusal } from "../refusal.ts";
import type { DelegationBody } from "./people.ts";
import { actor, findPerson, isRefusal, mayApprove } from "./rights.ts";

const LONGEST_MS = 90 * 86_400_000;
const MOST = 100;

export function addDelegation(identity: Identity, id: string, body: DelegationBody): Command<Answer<{ readonly delegation: Stored<Delegation> }>> {
  return {
    needs: [],
    apply: (view) => {
      const from = actor(view, identity, ["approver"]);
      if (isRefusal(from)) return { answer: from };
      const fault = faultOf(view, from.id, body);
      if (fault !== undefined) return { answer: fault };
      const data: Delegation = { id, fromId: from.id, toId: body.toId, from: Math.max(body.from, view.now), until: body.until, createdAt: view.now, revokedAt: null };
      return {
        answer: { ok: true, delegation: { id, rev: 1, data } },
        changes: [{ table: "delegation", id, rev: 0, data }],
        entries: [{ type: "event", at: view.now, event: "delegation_made", detail: { delegation: id, from: data.fromId, to: data.toId, start: data.from, until: data.until } }],
      };
    },
  };
}

/** By either side, or an owner. */
export function revokeDelegation(identity: Identity, id: string): Command<Answer<object>> {
  return {
    needs: [],
    apply: (view) => {
      const by = actor(view, identity, ["approver"]);
      if (isRefusal(by)) return { answer: by };
      const found = view.get("delegation", id);
      const isSide = found !== undefined && (found.data.fromId === by.id || found.data.toId === by.id);
      if (found === undefined || (!isSide && !by.data.roles.includes("owner"))) return { answer: refuse("not_found", "There is no such delegation of yours.") };
      if (found.data.revokedAt !== null) return { answer: { ok: true } };
      return {
        answer: { ok: true },
        changes: [{ table: "delegation", id, rev: found.rev, data: { ...found.data, revokedAt: view.now } }],
        entries: [{ type: "event", at: view.now, event: "delegation_ended", detail: { delegation: id, from: found.data.fromId, to: found.data.toId, by: by.id } }],
      };
    },
  };
}

function faultOf(view: View, fromId: string, { toId, from, until }: DelegationBody): Refusal | undefined {
  if (toId === fromId) return refuse("bad_request", "A delegation is to somebody else.");
  const to = findPerson(view, toId);
  if (to === undefined || !mayApprove(to.data)) return refuse("bad_request", "A delegation is to an active approver.");
  const start = Math.max(from, view.now);
  if (until <= start) return refuse("bad_request", "A delegation ends after it begins, and after now.");
  if (until - start > LONGEST_MS) return refuse("bad_request", "A delegation is for at most 90 days.");
  const live = view.all("delegation").filter(({ data }) => data.fromId === fromId && data.revokedAt === null && data.until > view.now);
  return live.length >= MOST ? refuse("too_many", `At most ${MOST} delegations of one person at a time.`) : undefined;
}
