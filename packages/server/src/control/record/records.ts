/**
 * The record as a resource: rows of agents' processes come in, and auditors read, export and, by erasing arguments, forget.
 * Rows are never written anew and never removed. Called by control/http and by `countersign audit`.
 */
import type { RecordHead } from "@countersign/sdk/record";
import type { people as wire, RecordAnswer, RecordBody } from "@countersign/sdk/wire";
import type { z } from "zod";
import { includesRole, type Identity } from "../../auth/identity.ts";
import type { Change, RecordLine, RecordQuery, Store } from "../../store/store.ts";
import type { Ledger, LedgerEntry, Plan, View } from "../ledger.ts";
import { refuse, type Answer, type Refusal } from "../refusal.ts";
import type { Sealer } from "../seal/sealer.ts";
import type { CheckpointKey } from "./checkpoint.ts";
import { checkpointLineOf, headerLine } from "./export-lines.ts";
import { lengthOf, readRowSlices } from "./row-slices.ts";
import { readShipped } from "./shipped-entry.ts";

type Of<K extends keyof typeof wire> = (typeof wire)[K] extends z.ZodType ? z.infer<(typeof wire)[K]> : never;

export interface Records {
  /** Rows of an agent's process, in order. A batch that was taken already is answered and not taken again. */
  take(identity: Identity, body: RecordBody): Promise<Answer<RecordAnswer>>;
  query(identity: Identity, query: Of<"recordQuery">): Promise<Answer<Of<"recordPage">>>;
  /** The lines of an export, each without its line feed. What comes into the record meanwhile is not in it. */
  export(identity: Identity, range: { readonly after: number }): Promise<Answer<{ readonly lines: AsyncIterable<string> }>>;
  checkpoints(identity: Identity, range: { readonly after: number; readonly limit: number }): Promise<Answer<{ readonly checkpoints: readonly Of<"checkpoint">[] }>>;
  /**
   * Erases arguments for good, of one request or of whole days: the data key of each day that ended before `before` is dropped.
   * What was recorded of the calls beside their arguments stays, and the chain still verifies. Answers how many were erased.
   */
  erase(identity: Identity, body: Of<"eraseBody">): Promise<Answer<{ readonly erased: number }>>;
}

export interface RecordsOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** Seals arguments at rest. */
  readonly sealer: Pick<Sealer, "rows">;
  readonly checkpointKeys: () => readonly CheckpointKey[];
}

const FORBIDDEN: Refusal = refuse("forbidden", "this credential has no right to the record");
const PAGE = 500;
/** Of the rows in one answer, in characters. */
const MOST_ANSWERED = 64 * 1024 * 1024;
const TOO_LONG: Refusal = refuse("too_large", "these rows are longer than 64 MiB together: ask for fewer of them, or export the record");

export function createRecords({ ledger, store, sealer, checkpointKeys }: RecordsOptions): Records {
  const { tenant } = ledger;

  async function* exportLines(after: RecordHead, head: RecordHead): AsyncGenerator<string, void, undefined> {
    yield headerLine({ installation: store.installationId, tenant, after, rows: head.seq - after.seq, keys: checkpointKeys() });
    let { seq } = after;
    for await (const rows of readRowSlices(store, { tenant, after: seq, before: head.seq + 1, limit: head.seq - seq })) {
      const checkpoints = await store.readCheckpoints(tenant, { after: seq, limit: PAGE });
      let next = 0;
      for (const { seq: own, line } of rows) {
        yield line;
        for (let checkpoint = checkpoints[next]; checkpoint !== undefined && checkpoint.seq <= own; checkpoint = checkpoints[++next]) {
          yield checkpointLineOf({ ...checkpoint, tenant, installation: store.installationId });
        }
      }
      seq = rows.at(-1)?.seq ?? seq;
    }
    if (seq !== head.seq) throw new Error(`row ${seq + 1} of the record is missing in the store`);
  }

  return {
    async take(identity, body) {
      if (identity.kind !== "agent") return FORBIDDEN;
      if (/\p{Cc}/u.test(body.process)) return refuse("bad_request", "process: a control character");
      const entries: LedgerEntry[] = [];
      for (const [index, given] of body.entries.entries()) {
        const read = readShipped(given, identity);
        if (typeof read === "string") return refuse("bad_request", `entry ${index}: ${read}`);
        entries.push(read);
      }
      const from: BatchFrom = { keyId: identity.keyId, process: body.process, batch: body.batch };
      const seal = entries.some((entry) => entry.type === "decision" && entry.argumentsText !== undefined) ? await sealer.rows() : undefined;
      const id = `${identity.keyId}/${body.process}`;
      await ledger.run({ needs: [{ table: "shipped_batch", id }], apply: (view) => ({ ...taken(view, id, from, entries), seal }) });
      return { ok: true, batch: body.batch, head: ledger.head };
    },

    async query(identity, query) {
      if (!isAuditor(identity) && identity.kind !== "operator") return FORBIDDEN;
      const lines: string[] = [];
      let length = 0;
      for await (const rows of readRowSlices(store, recordQuery(tenant, query))) {
        length += lengthOf(rows);
        if (length > MOST_ANSWERED) return TOO_LONG;
        lines.push(...rows.map(({ line }) => line));
      }
      return { ok: true, rows: lines, head: ledger.head };
    },

    async export(identity, { after }) {
      if (!isAuditor(identity) && identity.kind !== "operator") return FORBIDDEN;
      const { head } = ledger;
      const start = await headAt(store, tenant, Math.min(after, head.seq));
      return start === undefined ? refuse("not_found", `there is no row ${after}`) : { ok: true, lines: exportLines(start, head) };
    },

    async checkpoints(identity, { after, limit }) {
      if (!isAuditor(identity) && identity.kind !== "operator") return FORBIDDEN;
      const found = await store.readCheckpoints(tenant, { after, limit });
      return { ok: true, checkpoints: found.map((one) => ({ tenant, installation: store.installationId, ...one })) };
    },

    async erase(identity, { requestId, before, reason }) {
      if (identity.kind !== "person") return FORBIDDEN;
      const { personId } = identity;
      if (requestId !== undefined && before === undefined) {
        return ledger.run({ needs: [{ table: "approval", id: requestId }], apply: (view) => erasedRequest(view, requestId, { by: personId, reason }) });
      }
      if (before === undefined || requestId !== undefined) return refuse("bad_request", "say what to erase: either requestId or before");
      // Requests of a day that has ended only ever end: none can come after this look.
      const open = await store.list(tenant, { table: "approval", where: { state: ["pending", "approved", "executing"] }, range: { created_at: { below: before } }, orderBy: "created_at", limit: 1 });
      if (open[0] !== undefined && includesRole(identity.roles, "owner") && dayEnd(open[0].data.createdAt) <= Math.min(before, ledger.resident.now)) {
        return refuse("conflict", `request ${open[0].id} of those days is still open, and people are asked about its arguments: cancel it, or wait`);
      }
      return ledger.run({ needs: [], apply: (view) => erasedDays(view, before, { by: personId, reason }) });
    },
  };
}

interface ErasedBy {
  readonly by: string;
  readonly reason: string;
}
type Erased = Plan<Answer<{ readonly erased: number }>>;

function isOwner(view: View, personId: string): boolean {
  const person = view.get("person", personId)?.data;
  return person?.status === "active" && person.roles.includes("owner");
}

function erasedRequest(view: View, requestId: string, { by, reason }: ErasedBy): Erased {
  if (!isOwner(view, by)) return { answer: FORBIDDEN };
  const found = view.get("approval", requestId);
  if (found === undefined) return { answer: refuse("not_found", "there is no such request") };
  if (found.data.endedAt === null) return { answer: refuse("conflict", "the request has not ended: cancel it, or wait; its arguments are what people are asked about") };
  if (found.data.sealed === null) return { answer: { ok: true, erased: 0 } };
  return {
    answer: { ok: true, erased: 1 },
    changes: [{ table: "approval", id: requestId, rev: found.rev, data: { ...found.data, sealed: null } }],
    entries: [{ type: "event", event: "arguments_erased", at: view.now, detail: { requestId, by, reason } }],
  };
}

const DAY_MS = 86_400_000;

function dayEnd(at: number): number {
  return (Math.floor(at / DAY_MS) + 1) * DAY_MS;
}

function erasedDays(view: View, before: number, { by, reason }: ErasedBy): Erased {
  if (!isOwner(view, by)) return { answer: FORBIDDEN };
  // The key of a day that has not ended still seals what people are asked about.
  const old = view.all("data_key").filter(({ data }) => data.wrapped !== null && dayEnd(data.createdAt) <= Math.min(before, view.now));
  if (old.length === 0) return { answer: { ok: true, erased: 0 } };
  const changes: Change[] = old.map(({ id, rev, data }) => ({ table: "data_key", id, rev, data: { ...data, wrapped: null, erasedAt: view.now } }));
  const keys = old.map(({ id }) => id);
  return { answer: { ok: true, erased: old.length }, changes, entries: [{ type: "event", event: "arguments_erased", at: view.now, detail: { before, keys, by, reason } }] };
}

interface BatchFrom {
  readonly keyId: string;
  readonly process: string;
  readonly batch: number;
}

function taken(view: View, id: string, from: BatchFrom, entries: readonly LedgerEntry[]): Plan<undefined> {
  const known = view.get("shipped_batch", id);
  if (known !== undefined && known.data.batch >= from.batch) return { answer: undefined };
  const detail = { reportedBy: from.keyId, process: from.process, batch: from.batch, entries: entries.length };
  const row: LedgerEntry = { type: "event", event: "batch_taken", at: view.now, detail };
  return {
    answer: undefined,
    changes: [{ table: "shipped_batch", id, rev: known?.rev ?? 0, data: { batch: from.batch, at: view.now } }],
    entries: [row, ...entries],
  };
}

function isAuditor(identity: Identity): boolean {
  return identity.kind === "person" && includesRole(identity.roles, "auditor");
}

/** The row that a part of the record follows. */
async function headAt(store: Store, tenant: string, seq: number): Promise<RecordHead | undefined> {
  if (seq === 0) return { seq: 0, hash: "0".repeat(64) };
  const [row] = await store.readRecord({ tenant, after: seq - 1, limit: 1 });
  return row?.seq === seq ? { seq, hash: hashOf(row) } : undefined;
}

/** A row ends in its hash: `"hash":"<64 hex digits>"}`. */
function hashOf({ line }: RecordLine): string {
  return line.slice(-66, -2);
}

function recordQuery(tenant: string, { after, before, from, until, type, event, callId, requestId, policyId, principal, order, limit = 200 }: Of<"recordQuery">): RecordQuery {
  const where = { type, event, callId, requestId, policyId, principal };
  const given = Object.fromEntries(Object.entries(where).filter(([, value]) => value !== undefined));
  return { tenant, after, before, from, until, where: given, descending: order === "newest", limit };
}
