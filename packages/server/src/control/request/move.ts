/**
 * The states of a request and what every move has in common. Pure: each command decides on a row and answers with a plan; the
 * ledger commits it or decides again. A state that has ended never changes, and time that has run out has run out, sweeper or not.
 */
import type { ApprovalEntry } from "@countersign/sdk/record";
import { END_STATES } from "../../store/entity/approval-request.ts";
import type { ApprovalRequest, RequestState } from "../../store/entity/approval-request.ts";
import type { Stored } from "../../store/store.ts";
import type { Command, LedgerEntry, Plan, View } from "../ledger.ts";
import type { RequestRefusal } from "./requests.ts";

export type RequestRow = Stored<ApprovalRequest>;
export type EndState = (typeof END_STATES)[number];

/** What a command on one request answers; the row itself is read after the commit. */
export type Moved = { readonly ok: true } | RequestRefusal;

export function isEnd(state: RequestState): state is EndState {
  return END_STATES.some((end) => end === state);
}

/** The state as anyone reads it at this moment of the store's clock. */
export function stateAt({ state, expiresAt }: ApprovalRequest, now: number): RequestState {
  return (state === "pending" || state === "approved") && now >= expiresAt ? "expired" : state;
}

export function refusal(code: RequestRefusal["code"], detail: string, more: Pick<RequestRefusal, "state" | "requestId"> = {}): RequestRefusal {
  return { ok: false, code, detail, ...more };
}

/** A command on one request. Where its time has run out, that is written first and is what `decide` would have to say no to. */
export function onRequest<T>(id: string, isFor: (request: ApprovalRequest) => boolean, decide: (row: RequestRow, view: View) => Plan<T | RequestRefusal>): Command<T | RequestRefusal> {
  return {
    needs: [{ table: "approval", id }],
    apply(view) {
      const row = view.get("approval", id);
      // Whether somebody else's request exists is nobody's business.
      if (row === undefined || !isFor(row.data)) return { answer: refusal("not_found", "There is no such request.") };
      return decide(row, view);
    },
  };
}

export function change<T>(row: RequestRow, data: ApprovalRequest, entries: readonly LedgerEntry[], answer: T): Plan<T> {
  return { answer, changes: [{ table: "approval", id: row.id, rev: row.rev, data }], entries };
}

/** The request as it is when it has ended. Its call may be asked about anew. */
export function ended(request: ApprovalRequest, state: EndState, now: number, endReason: string): ApprovalRequest {
  return { ...request, state, endedAt: now, endReason, dedupeKey: null };
}

export const TIME_IS_UP = "Nobody decided in time.";
export const NOT_CLAIMED = "It was approved, and the approval was not used in time. Nothing ran on it. Ask again.";

/** Writes down that the time has run out. */
export function expirePlan<T>(row: RequestRow, now: number, answer: T): Plan<T> {
  const wasApproved = row.data.state === "approved";
  const reason = wasApproved ? NOT_CLAIMED : TIME_IS_UP;
  const entry = approvalEntry(row.data, "timeout", now, { approver: "", ...(wasApproved ? { error: "not claimed" } : {}) });
  return change(row, ended(row.data, "expired", now, reason), [entry], answer);
}

type Told = Pick<ApprovalEntry, "approver"> & Partial<Pick<ApprovalEntry, "channel" | "human" | "reason" | "error">>;

export function approvalEntry(request: ApprovalRequest, status: ApprovalEntry["status"], now: number, told: Told): ApprovalEntry {
  const { id, requestDigest, createdAt, call } = request;
  return { type: "approval", callId: call.callId, at: now, requestId: id, requestDigest, digest: call.digest, status, elapsedMs: now - createdAt, ...told };
}

/** Says no because of the state it is in, and how it came to that. What time has ended may not be written down yet. */
export function refuseState({ id, endReason, state: stored }: ApprovalRequest, state: RequestState): RequestRefusal {
  const more = { state, requestId: id };
  if (isEnd(state)) return refusal("ended", endReason ?? (state === "expired" ? (stored === "approved" ? NOT_CLAIMED : TIME_IS_UP) : `The request has ended: ${state}.`), more);
  if (state === "executing") return refusal("in_progress", "The call is being executed.", more);
  if (state === "approved") return refusal("conflict", "The request is approved already.", more);
  return refusal("not_approved", "The request is waiting for people.", more);
}

/** Ids of people in the record: rights hang on them, never on names. */
export function personName(personId: string): string {
  return `person:${personId}`;
}
