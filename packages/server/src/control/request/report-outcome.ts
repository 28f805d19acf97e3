/** What became of a claimed call: the holder's report, nobody's (the lease lapsed), and what a person says where nobody knows. Pure. */
import type { OutcomeBody } from "@countersign/sdk/wire";
import type { PersonIdentity } from "../../auth/identity.ts";
import type { ApprovalRequest, Annotation, RequestOutcome } from "../../store/entity/approval-request.ts";
import type { Command, LedgerEntry, Plan, View } from "../ledger.ts";
import { hashClaim, leaseId } from "./claim-request.ts";
import { approverOf } from "./eligibility.ts";
import { change, ended, onRequest, personName, refusal, refuseState } from "./move.ts";
import type { EndState, Moved, RequestRow } from "./move.ts";
import type { AnnotateBody } from "./requests.ts";

const END_OF: { readonly [outcome in OutcomeBody["outcome"]]: EndState } = { completed: "completed", failed: "failed", withheld: "completed", outcome_unknown: "outcome_unknown" };

export function reportOutcome(id: string, principal: string, body: OutcomeBody): Command<Moved> {
  return onRequest(id, ({ caller }) => caller.principal === principal, (row, { now }) => {
    const { data: request } = row;
    const { state, claim, outcome } = request;
    if (claim === null || claim.claimHash !== hashClaim(body.claimId)) return { answer: refusal("conflict", "This claim does not hold it.", { state }) };
    if (state === "executing") return report(row, body, now);
    if (outcome?.outcome === body.outcome) return { answer: { ok: true } };
    if (state === "outcome_unknown") return reportLate(row, body, now);
    return { answer: refuseState(request, state) };
  });
}

function report(row: RequestRow, body: OutcomeBody, now: number): Plan<Moved> {
  const { data: request } = row;
  const { outcome, isError, elapsedMs } = body;
  const end = END_OF[outcome];
  const told: RequestOutcome = { outcome, isError, elapsedMs, at: now, reason: outcome === "outcome_unknown" ? "Whoever ran it does not know." : "" };
  return change<Moved>(row, { ...ended(request, end, now, WORDS[outcome]), outcome: told }, [outcomeEntry(request, told)], { ok: true });
}

const WORDS: { readonly [outcome in OutcomeBody["outcome"]]: string } = {
  completed: "It ran.",
  failed: "It ran, and the server answered with an error.",
  withheld: "It ran, and its result was withheld.",
  outcome_unknown: "It may have run: no answer came.",
};

/** The state has been read as unknown by people already and stays; what came late is a row, once. */
function reportLate(row: RequestRow, body: OutcomeBody, now: number): Plan<Moved> {
  const { data: request } = row;
  if (request.extra["lateReport"] === body.outcome) return { answer: { ok: true } };
  const { outcome, isError, elapsedMs } = body;
  const entry: LedgerEntry = { type: "event", event: "late_report", at: now, detail: { requestId: row.id, epoch: request.epoch, outcome, isError, elapsedMs } };
  return change<Moved>(row, { ...request, extra: { ...request.extra, lateReport: outcome } }, [entry], { ok: true });
}

function outcomeEntry({ id, call }: ApprovalRequest, { at, outcome, elapsedMs, isError }: RequestOutcome): LedgerEntry {
  return { type: "outcome", callId: call.callId, at, outcome, elapsedMs, requestId: id, ...(isError ? { isError } : {}) };
}

/** By the sweeper, where the holder of a claim has been silent for a lease. Answers whether it was so. */
export function lapseClaim(id: string, epoch: number): Command<boolean> {
  const lease = leaseId(id, epoch);
  return {
    needs: [{ table: "approval", id }, { table: "execution_lease", id: lease }],
    apply(view) {
      const row = view.get("approval", id);
      const held = view.get("execution_lease", lease);
      if (row === undefined || held === undefined || row.data.state !== "executing" || row.data.epoch !== epoch || view.now < held.data.until) return { answer: false };
      const { data: request } = row;
      const told: RequestOutcome = { outcome: "outcome_unknown", isError: false, elapsedMs: view.now - (request.claim?.claimedAt ?? view.now), at: view.now, reason: "Nothing was heard from whoever ran it." };
      const lapsed: LedgerEntry = { type: "event", event: "outcome_lapsed", at: view.now, detail: { requestId: id, epoch } };
      const plan = change(row, { ...ended(request, "outcome_unknown", view.now, WORDS.outcome_unknown), outcome: told }, [lapsed, outcomeEntry(request, told)], true);
      // Taken away in the same commit: a renewal that comes in between makes this conflict.
      return { ...plan, changes: [...(plan.changes ?? []), { table: "execution_lease", id: lease, rev: held.rev, data: null }] };
    },
  };
}

/** Each person once; the last to speak is shown, and the record has them all. */
export function annotateOutcome(id: string, person: PersonIdentity, { happened, note }: AnnotateBody): Command<Moved> {
  return onRequest(id, () => true, (row, view) => {
    const { data: request } = row;
    if (approverOf(view, person.personId) === undefined) return { answer: refusal("forbidden", "You may not decide requests.") };
    if (request.state !== "outcome_unknown") return { answer: refusal("conflict", "Only an unknown outcome can be annotated.", { state: request.state }) };
    return annotate(row, view, { personId: person.personId, happened, note, at: view.now });
  });
}

function annotate(row: RequestRow, { now }: View, said: Annotation): Plan<Moved> {
  const { data: request } = row;
  const { annotation } = request;
  const before = Array.isArray(request.extra["annotators"]) ? request.extra["annotators"] : [];
  if (annotation?.personId === said.personId && annotation.happened === said.happened && annotation.note === said.note) return { answer: { ok: true } };
  if (before.includes(said.personId)) return { answer: refusal("conflict", "You have said what happened already.", { state: request.state }) };
  const entry: LedgerEntry = { type: "event", event: "outcome_annotated", at: now, detail: { requestId: row.id, person: personName(said.personId), happened: said.happened, note: said.note } };
  return change<Moved>(row, { ...request, annotation: said, extra: { ...request.extra, annotators: [...before, said.personId] } }, [entry], { ok: true });
}
