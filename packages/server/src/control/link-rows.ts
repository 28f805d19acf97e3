/** From entries to rows of the chain: each gets its place after the head, the hash of the row before it, and what it is looked up by. */
import { argumentsBody, hashRow, rowBody, rowLine } from "@countersign/sdk/record";
import type { RecordHead, RowArguments, RowBody } from "@countersign/sdk/record";
import type { ApprovalRequest } from "../store/entity/approval-request.ts";
import type { RecordLine } from "../store/store.ts";
import type { LedgerEntry, SealRows } from "./ledger.ts";

export interface Linked {
  readonly lines: readonly RecordLine[];
  readonly head: RecordHead;
}

/** `requestOf` looks a request up, so that its rows can be found by principal and policy id. */
export function linkRows(entries: readonly LedgerEntry[], after: RecordHead, requestOf: (id: string) => ApprovalRequest | undefined, seal: SealRows | undefined): Linked {
  const lines: RecordLine[] = [];
  let head = after;
  const add = (body: RowBody, facts: Omit<RecordLine, "seq" | "line">): void => {
    const hash = hashRow(body);
    head = { seq: head.seq + 1, hash };
    lines.push({ seq: head.seq, ...facts, line: rowLine(body, hash) });
  };
  const sealedAt = sealArguments(entries, head.seq, seal);
  if (sealedAt !== undefined) add(argumentsBody(sealedAt.sealed, sealedAt.at, head.seq + 1, head.hash), { ...NOTHING, at: sealedAt.at, type: "arguments" });
  for (const entry of entries) {
    const argumentsRow = sealedAt !== undefined && entry.type === "decision" && entry.argumentsText !== undefined ? after.seq + 1 : undefined;
    add(rowBody(entry, head.seq + 1, head.hash, argumentsRow), factsOf(entry, requestOf));
  }
  return { lines, head };
}

const NOTHING = { event: null, callId: null, requestId: null, policyId: null, principal: null } as const;

/** The arguments of a plan's decisions lie together in one row before them, as in the record of a process. */
function sealArguments(entries: readonly LedgerEntry[], headSeq: number, seal: SealRows | undefined) {
  if (seal === undefined) return undefined;
  const items: RowArguments[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.type === "decision" && entry.argumentsText !== undefined) items.push({ seq: headSeq + 2 + index, digest: entry.digest, text: entry.argumentsText });
  }
  return items.length === 0 ? undefined : { sealed: seal(items, headSeq + 1), at: entries[0]?.at ?? 0 };
}

/** The request that a row tells of. */
export function requestIdOf(entry: LedgerEntry): string | null {
  if (entry.type === "decision") return null;
  return entry.type === "event" ? textOf(entry.detail["requestId"]) : (entry.requestId ?? null);
}

function factsOf(entry: LedgerEntry, requestOf: (id: string) => ApprovalRequest | undefined): Omit<RecordLine, "seq" | "line"> {
  const requestId = requestIdOf(entry);
  const request = requestId === null ? undefined : requestOf(requestId);
  if (entry.type === "decision") {
    const { at, callId, policyId, principal } = entry;
    return { at, type: "decision", event: null, callId, requestId, policyId, principal };
  }
  const about = { requestId, policyId: request?.call.policyId ?? null, principal: request?.caller.principal ?? null };
  if (entry.type !== "event") return { at: entry.at, type: entry.type, event: null, callId: entry.callId, ...about };
  const { detail } = entry;
  return {
    at: entry.at,
    type: "event",
    event: entry.event,
    callId: textOf(detail["callId"]) ?? request?.call.callId ?? null,
    requestId,
    policyId: textOf(detail["policyId"]) ?? about.policyId,
    principal: textOf(detail["principal"]) ?? about.principal,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
