/**
 * Documents tried on recorded calls before they are in force: which calls there are, what a draft would decide about one and why, what it
 * would have decided about all of the last days. Changes nothing and writes nothing. A condition on arguments could tell what they are,
 * so they are used only for those who may read them. Called by control/http.
 */
import type { JsonObject } from "@countersign/sdk";
import { parseJson } from "@countersign/sdk/call";
import type { trial } from "@countersign/sdk/wire";
import { includesRole, type Identity } from "../../auth/identity.ts";
import type { Role } from "../../store/entity/directory.ts";
import type { Store } from "../../store/store.ts";
import { isUndecided, readDecision, type TriedCall } from "../../trial/recorded-call.ts";
import { recordedKind } from "../../trial/verdict-kind.ts";
import type { Ledger } from "../ledger.ts";
import { refuse, type Answer, type Refusal } from "../refusal.ts";
import { unpackBound } from "../request/bound-text.ts";
import type { Sealer } from "../seal/sealer.ts";
import { createRunTrial, type NextRows, type RunTrial } from "./run-trial.ts";
import { rowAtOrAfter, rowsFrom } from "./rows-from.ts";
import { findCall, rowOfRequest, type FoundCall } from "./find-call.ts";

type CallList = { readonly calls: readonly trial.RecordedCall[]; readonly next: number | null };

export interface Trials {
  /** Newest first. */
  calls(identity: Identity, query: { readonly before?: number | undefined; readonly policyId?: string | undefined; readonly limit?: number | undefined }): Promise<Answer<CallList>>;
  /** `signal` ends it: nobody waits any more. */
  explain(identity: Identity, body: trial.ExplainBody, signal: AbortSignal): Promise<Answer<trial.ExplainAnswer>>;
  replay(identity: Identity, body: trial.ReplayBody, signal: AbortSignal): Promise<Answer<trial.ReplayReport>>;
}

export interface TrialsOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly sealer: Pick<Sealer, "open" | "rowKeys">;
  readonly run?: RunTrial;
  /** How many rows of the record one replay reads. Default 400,000. */
  readonly mostRows?: number;
}

const DAY_MS = 86_400_000;
const PAGE = 50;
const MOST_ROWS = 400_000;
const LOOK_BACK = 20_000;
const FORBIDDEN: Refusal = refuse("forbidden", "this credential may not try documents on recorded calls");

export function createTrials({ ledger, store, sealer, run = createRunTrial(), mostRows = MOST_ROWS }: TrialsOptions): Trials {
  const { tenant } = ledger;

  async function textInForce(): Promise<{ readonly version: number; readonly text: string } | undefined> {
    const { policy } = ledger.resident;
    if (policy === undefined) return undefined;
    const { version } = policy;
    const snapshot = await store.read(tenant, [{ table: "policy_version", column: "version", value: version }]);
    const found = snapshot.find("policy_version", "version", version);
    return found === undefined ? undefined : { version, text: found.data.text };
  }

  /** The call with its arguments where they are there and for this person. */
  async function openCall(identity: Identity, { callId, requestId }: trial.ExplainBody): Promise<Answer<{ readonly found: FoundCall }>> {
    if ((callId === undefined) === (requestId === undefined)) return refuse("bad_request", "name the call: either callId or requestId");
    if (requestId === undefined) return findCall({ store, tenant, keys: (from) => sealer.rowKeys(from) }, callId ?? "", has(identity, "auditor"));
    // As for whoever reads the request itself.
    if (!has(identity, "approver") && !has(identity, "auditor")) return FORBIDDEN;
    const snapshot = await store.read(tenant, [{ table: "approval", id: requestId }]);
    const request = snapshot.get("approval", requestId);
    if (request === undefined) return refuse("not_found", "there is no such request");
    const sealed = request.data.sealed === null ? undefined : await sealer.open(request.data.sealed, requestId);
    const argumentsText = sealed === undefined ? null : unpackBound(sealed).argumentsText;
    return { ok: true, found: { row: rowOfRequest(request.data), argumentsText, definition: request.data.narration.definition, arguments: argumentsText === null ? "gone" : "used" } };
  }

  return {
    async calls(identity, { before, policyId, limit = PAGE }) {
      if (!mayTry(identity)) return FORBIDDEN;
      const where = { type: "decision", ...(policyId === undefined ? {} : { policyId }) };
      // Between two calls there may be any number of other rows: no look goes further back than this.
      const after = Math.max(0, Math.min(before ?? Number.MAX_SAFE_INTEGER, ledger.head.seq + 1) - 1 - LOOK_BACK);
      const rows = await store.readRecord({ tenant, after, before, where, descending: true, limit });
      const calls = rows.map(({ line }) => parseJson(line) as JsonObject).filter((row) => !isUndecided(decisionOf(row))); // rows of the record
      return { ok: true, calls: calls.map(viewOf), next: rows.length < limit ? (after === 0 ? null : after + 1) : (rows.at(-1)?.seq ?? null) };
    },

    async explain(identity, body, signal) {
      if (!mayTry(identity)) return FORBIDDEN;
      const opened = await openCall(identity, body);
      if (!opened.ok) return opened;
      const { arguments: known, ...call } = opened.found;
      const active = await textInForce();
      const said = await run({ kind: "explain", draft: body.text, inForce: active?.text ?? null, call: call satisfies TriedCall }, noRows, signal);
      if (!said.ok) return said;
      if (said.end.kind !== "explained") throw new TypeError("the trial answered something else");
      const { draft, inForce } = said.end;
      return { ok: true, call: viewOf(call.row), arguments: known, draft, inForce: inForce === null || active === undefined ? null : { ...inForce, version: active.version } };
    },

    async replay(identity, { text, days, against }, signal) {
      if (!mayTry(identity)) return FORBIDDEN;
      const started = performance.now();
      const active = against === "in_force" ? await textInForce() : undefined;
      if (against === "in_force" && active === undefined) return refuse("policy_unavailable", "no version is in force: compare with what was decided then");
      const { now } = ledger.resident;
      const { head } = ledger;
      const first = Math.max(await rowAtOrAfter({ store, tenant, head: head.seq }, now - days * DAY_MS), head.seq - mostRows + 1, 1);
      const rows = await rowsFrom({ store, tenant, head: head.seq }, first);
      const isCut = first === head.seq - mostRows + 1;
      const mayRead = has(identity, "auditor");
      const from = isCut ? Math.max(now - days * DAY_MS, rows.firstAt) : now - days * DAY_MS;
      const said = await run({ kind: "replay", draft: text, against: active?.text ?? null, from, keys: mayRead ? sealer.rowKeys(from - DAY_MS) : [] }, rows.next, signal);
      if (!said.ok) return said;
      if (said.end.kind !== "replayed") throw new TypeError("the trial answered something else");
      const compared = { kind: against, version: active?.version ?? null };
      return { ok: true, from, until: now, cut: isCut && from > now - days * DAY_MS, ...said.end.tallied, arguments: mayRead ? "used" : "hidden", against: compared, elapsedMs: Math.round(performance.now() - started) };
    },
  };
}

const noRows: NextRows = () => Promise.resolve(undefined);

function has(identity: Identity, role: Role): boolean {
  return identity.kind === "person" && includesRole(identity.roles, role);
}

function mayTry(identity: Identity): boolean {
  return has(identity, "policy_editor") || has(identity, "auditor");
}

function decisionOf(row: JsonObject) {
  return readDecision(row, "", () => undefined);
}

function viewOf(row: JsonObject): trial.RecordedCall {
  const { callId, at, policyId, server = null, tool, agent, reason, decisive, ...decided } = decisionOf(row);
  return { callId, seq: typeof row["seq"] === "number" ? row["seq"] : 0, at, policyId, server, tool, agent, kind: recordedKind(decided), reason, decisive: [...decisive] };
}
