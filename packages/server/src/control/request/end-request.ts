/** Ends that nobody voted for: the caller is gone, the question is another now, or time has run out. Pure. */
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";
import type { Command, LedgerEntry } from "../ledger.ts";
import { callersOf, supersede } from "./claim-request.ts";
import { callOf } from "./bound-text.ts";
import type { BoundText } from "./bound-text.ts";
import { judgeCall } from "./judge-call.ts";
import { approvalEntry, change, ended, expirePlan, onRequest, refuseState, stateAt } from "./move.ts";
import type { Moved } from "./move.ts";
import { mergeRequirements, requirementsDigest } from "./requirements.ts";

/** By the asking side. A call that is being executed is not taken back by this: whoever asks learns that it was claimed first. */
export function endRequest(id: string, principal: string, to: "cancelled" | "superseded", reason: string): Command<Moved> {
  return onRequest(id, ({ caller }) => caller.principal === principal, (row, { now }) => {
    const { data: request } = row;
    const state = stateAt(request, now);
    if (state === to) return { answer: { ok: true } };
    if (state === "expired" && request.state !== "expired") return expirePlan(row, now, refuseState(request, state));
    if (state !== "pending" && state !== "approved") return { answer: refuseState(request, state) };
    const words = reason === "" ? (to === "cancelled" ? "The caller took it back." : "The question is another now.") : reason;
    return { ...change<Moved>(row, ended(request, to, now, words), [endEntry(request, to, now, words)], { ok: true }), before: request.expiresAt };
  });
}

function endEntry(request: ApprovalRequest, to: "cancelled" | "superseded", now: number, reason: string): LedgerEntry {
  return to === "cancelled" ? approvalEntry(request, "denied", now, { approver: "", error: "cancelled", reason }) : approvalEntry(request, "superseded", now, { approver: "", reason });
}

/** By the sweeper, which only writes down what is so already. Answers whether it did. */
export function expireRequest(id: string): Command<boolean> {
  return {
    needs: [{ table: "approval", id }],
    apply(view) {
      const row = view.get("approval", id);
      if (row === undefined || row.data.state === "expired" || stateAt(row.data, view.now) !== "expired") return { answer: false };
      return expirePlan(row, view.now, true);
    },
  };
}

/** After a document came into force: a pending request of which it asks something else is superseded. `bound` undefined: erased. */
export function reviewRequest(id: string, bound: BoundText | undefined): Command<Moved> {
  return onRequest<Moved>(id, () => true, (row, view) => {
    const { data: request } = row;
    if (stateAt(request, view.now) !== "pending") return { answer: { ok: true } };
    if (bound === undefined) return supersede(row, view, "The arguments were erased.");
    const verdict = judgeCall(view, callOf(request, bound), request.call.findings, request.narration.definition);
    if (verdict === undefined) return { answer: { ok: true } };
    if (verdict.action === "block" && !verdict.askable) return supersede(row, view, `The policy in force forbids it: ${verdict.reason}`);
    const asked = mergeRequirements(verdict.requirements, callersOf(request));
    // A looser document releases nothing that is pending; whoever asks again is asked under it.
    const isSame = verdict.action !== "block" || requirementsDigest(asked) === requirementsDigest(request.requirements);
    return isSame ? { answer: { ok: true } } : supersede(row, view, "The policy in force asks for something else.");
  });
}

