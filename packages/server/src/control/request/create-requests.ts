import type { AskedRequest } from "@countersign/sdk/wire";
import { includesRole } from "../../auth/identity.ts";
import type { Identity, PersonIdentity } from "../../auth/identity.ts";
import { newId } from "../../auth/secret.ts";
import type { Key, Store } from "../../store/store.ts";
import type { Ledger } from "../ledger.ts";
import type { Sealer } from "../seal/sealer.ts";
import { askAbout } from "./ask-about.ts";
import { packBound, unpackBound } from "./bound-text.ts";
import type { BoundText } from "./bound-text.ts";
import { castVote } from "./cast-vote.ts";
import { checkViewed } from "./check-viewed.ts";
import { claimRequest, LEASE_MS, releaseClaim } from "./claim-request.ts";
import { askedOf, detailOf, summaryOf } from "./describe-request.ts";
import { editOf } from "./edit-facts.ts";
import { editRequest } from "./edit-request.ts";
import { endRequest } from "./end-request.ts";
import { listRequests } from "./list-requests.ts";
import { isEnd, refusal } from "./move.ts";
import type { Moved, RequestRow } from "./move.ts";
import { createOpenLimit } from "./open-limit.ts";
import { bindEdit } from "./bind-edit.ts";
import { readQuestion } from "./read-question.ts";
import { renewLeases } from "./renew-leases.ts";
import { annotateOutcome, reportOutcome } from "./report-outcome.ts";
import { createRequestEvents } from "./request-events.ts";
import type { RequestAnswer, RequestRefusal, Requests, WaitFor } from "./requests.ts";
import { reviewPending } from "./review-pending.ts";
import { WaitingCallers } from "./waiting-callers.ts";

export interface RequestsOptions {
  /** Where people look at a request. */
  readonly urlOf: (id: string) => string;
  /** Open requests of one agent key at most. Default 1,000. */
  readonly maxOpen?: number | undefined;
  /** How long a claim is believed to be executed without news from its holder. Default 30,000. */
  readonly leaseMs?: number | undefined;
}

/** Again where an older request had to be ended first, or where the key of the day was erased meanwhile. */
const ASK_ATTEMPTS = 5;
const NOT_FOUND = refusal("not_found", "There is no such request.");
const AGENTS_ONLY = refusal("forbidden", "Only an agent's key may do this.");
const PEOPLE_ONLY = refusal("forbidden", "Only a signed-in person with the right may do this.");

export function createRequests(ledger: Ledger, store: Store, sealer: Sealer, { urlOf, maxOpen = 1_000, leaseMs = LEASE_MS }: RequestsOptions): Requests {
  const { tenant, resident } = ledger;
  const waiting = new WaitingCallers();
  const stopRows = ledger.onRows((rows) => waiting.wake(rows));
  const limit = createOpenLimit(store, tenant, maxOpen);

  async function readNow(id: string): Promise<RequestRow | undefined> {
    const key: Key = { table: "approval", id };
    return (await store.read(tenant, [key])).get("approval", id);
  }
  /** At least as new as the last commit that this instance knows of. */
  const rowOf = async (id: string): Promise<RequestRow | undefined> => ledger.recall(id) ?? (await readNow(id));
  const tell = (row: RequestRow): AskedRequest => askedOf(row, resident.now, urlOf);
  const events = createRequestEvents(rowOf, tell);

  async function openBound({ id, data }: RequestRow): Promise<BoundText | undefined> {
    const text = data.sealed === null ? undefined : await sealer.open(data.sealed, id);
    return text === undefined ? undefined : unpackBound(text);
  }

  /** What the asker may know after a command. */
  async function askersAnswer(id: string, moved: Moved): Promise<RequestAnswer<{ readonly request: AskedRequest }>> {
    if (!moved.ok) return moved;
    const row = await rowOf(id);
    return row === undefined ? NOT_FOUND : { ok: true, request: tell(row) };
  }

  async function peoplesAnswer(id: string, moved: Moved, viewer: Identity) {
    if (!moved.ok) return moved;
    const row = await rowOf(id);
    return row === undefined ? NOT_FOUND : { ok: true as const, request: summaryOf(row, resident, viewer) };
  }

  function maySee(identity: Identity): identity is PersonIdentity {
    const person = identity.kind === "person" ? resident.get("person", identity.personId)?.data : undefined;
    return person?.status === "active" && (includesRole(person.roles, "approver") || includesRole(person.roles, "auditor"));
  }

  async function waitFor(principal: string, id: string, { waitMs = 0, rev, signal }: WaitFor): Promise<RequestAnswer<{ readonly request: AskedRequest }>> {
    const until = performance.now() + waitMs;
    let known = rev;
    for (let isFirst = true; ; isFirst = false) {
      // Before looking, so that a row that comes in between is not missed.
      const waiter = waiting.begin(id, signal);
      try {
        const row = isFirst ? await readNow(id) : await rowOf(id);
        if (row?.data.caller.principal !== principal) return NOT_FOUND;
        const request = tell(row);
        known ??= row.rev;
        const left = until - performance.now();
        if (left <= 0 || known !== row.rev || isEnd(request.state) || signal?.aborted === true || waiting.isClosed) return { ok: true, request };
        const isOpen = request.state === "pending" || request.state === "approved";
        // Time that runs out leaves no row behind that would wake anyone.
        await waiter.moved(isOpen ? Math.min(left, request.expiresAt - request.now + 1) : left);
      } finally {
        waiter.done();
      }
    }
  }

  return {
    async ask(identity, body) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      const question = readQuestion(body, identity.principal);
      if (!question.ok) return question;
      const { call } = question;
      const isFull = !(await limit.admit(identity.keyId));
      for (let attempt = 0; attempt < ASK_ATTEMPTS; attempt++) {
        const id = newId();
        const sealed = await sealer.seal(packBound(call), id);
        const result = await ledger.run(askAbout({ id, nonce: newId(), tenant, identity, body, call, sealed, isFull }));
        if (!result.ok) return result;
        if ("retry" in result) continue;
        const answer = await askersAnswer(result.id, result);
        return answer.ok ? { ...answer, created: result.created } : answer;
      }
      return refusal("conflict", "The request about the same call changes faster than it can be joined.");
    },

    async read(identity, id) {
      if (!maySee(identity)) return PEOPLE_ONLY;
      const row = await readNow(id);
      return row === undefined ? NOT_FOUND : { ok: true, request: detailOf(row, resident, identity, await openBound(row)) };
    },

    async asked(identity, id, wait = {}) {
      return identity.kind === "agent" ? waitFor(identity.principal, id, wait) : AGENTS_ONLY;
    },

    async list(identity, query) {
      if (!maySee(identity)) return PEOPLE_ONLY;
      const page = await listRequests(store, tenant, query, resident.now, (row) => summaryOf(row, resident, identity));
      if (page === undefined) return refusal("bad_request", "No such state, or no such page.");
      const { told: requests, next, total } = page;
      return { ok: true, requests, next, total };
    },

    async vote(identity, id, body, channel) {
      if (identity.kind !== "person") return PEOPLE_ONLY;
      const row = body.choice === "approve" ? await rowOf(id) : undefined;
      const bound = row === undefined ? undefined : await openBound(row);
      // Of a question that is open, and the very one: what is wrong otherwise is said by the vote itself.
      const isAsked = row?.data.state === "pending" && row.data.requestDigest === body.requestDigest;
      const unseen = isAsked ? checkViewed(body, bound) : undefined;
      if (unseen !== undefined) return unseen;
      const ballot = { body, channel, bound, grantId: body.grant === null ? "" : newId() };
      return peoplesAnswer(id, await ledger.run(castVote(id, identity, ballot)), identity);
    },

    async edit(identity, id, body, channel) {
      if (identity.kind !== "person") return PEOPLE_ONLY;
      const row = await rowOf(id);
      if (row === undefined) return NOT_FOUND;
      const read = bindEdit(row.data, await openBound(row), body);
      for (let attempt = 0; attempt < ASK_ATTEMPTS; attempt++) {
        const successor = newId();
        const edited = read.ok ? { ...read, sealed: await sealer.seal(packBound(read.call), successor) } : read;
        const result = await ledger.run(editRequest(id, identity, { id: successor, nonce: newId(), tenant, body, channel, edited }));
        if (!result.ok || !("retry" in result)) return peoplesAnswer(successor, result, identity);
      }
      return refusal("conflict", "The key of the day changes faster than the arguments can be sealed.");
    },

    async readEdit(identity, id) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      const row = await readNow(id);
      if (row?.data.caller.principal !== identity.principal || editOf(row.data) === null) return NOT_FOUND;
      const bound = await openBound(row);
      return bound === undefined ? refusal("ended", "The arguments were erased.", { requestId: id }) : { ok: true, request: tell(row), argumentsText: bound.argumentsText };
    },

    async cancel(identity, id, { reason }) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      return askersAnswer(id, await ledger.run(endRequest(id, identity.principal, "cancelled", reason)));
    },

    async supersede(identity, id, { reason }) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      return askersAnswer(id, await ledger.run(endRequest(id, identity.principal, "superseded", reason)));
    },

    async claim(identity, id, body) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      const row = await rowOf(id);
      if (row?.data.caller.principal !== identity.principal) return NOT_FOUND;
      const claimed = await ledger.run(claimRequest(id, identity, body, { bound: await openBound(row), leaseMs }));
      const answer: RequestAnswer<{ readonly request: AskedRequest }> | RequestRefusal = claimed.ok ? await askersAnswer(id, claimed) : claimed;
      return claimed.ok && answer.ok ? { ok: true, claimed: true, epoch: claimed.epoch, leaseMs, request: answer.request } : (answer as RequestRefusal);
    },

    async release(identity, id, { claimId }) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      return askersAnswer(id, await ledger.run(releaseClaim(id, identity.principal, claimId)));
    },

    async outcome(identity, id, body) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      return askersAnswer(id, await ledger.run(reportOutcome(id, identity.principal, body)));
    },

    async annotate(identity, id, body) {
      if (identity.kind !== "person") return PEOPLE_ONLY;
      return peoplesAnswer(id, await ledger.run(annotateOutcome(id, identity, body)), identity);
    },

    async leases(identity, { claims }) {
      if (identity.kind !== "agent") return AGENTS_ONLY;
      return { ok: true, ...(await renewLeases(store, tenant, identity.principal, claims, leaseMs)) };
    },

    review: (signal) => reviewPending(ledger, store, openBound, signal),
    eventOf: events,
    get waiting() {
      return waiting.count;
    },
    close() {
      stopRows();
      waiting.close();
    },
  };
}
