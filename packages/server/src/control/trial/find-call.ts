/** One recorded call, with its arguments where they may be opened. */
import type { JsonObject } from "@countersign/sdk";
import { parseJson } from "@countersign/sdk/call";
import { openArguments, type ArgumentKey, type SealedArguments } from "@countersign/sdk/record";
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";
import type { Store } from "../../store/store.ts";
import type { TriedCall } from "../../trial/recorded-call.ts";
import { refuse, type Answer } from "../refusal.ts";

/** `hidden`: not for whoever asks; `gone`: not recorded, or erased. */
export interface FoundCall extends TriedCall {
  readonly arguments: "used" | "hidden" | "gone";
}

export interface FindPorts {
  readonly store: Pick<Store, "readRecord" | "read">;
  readonly tenant: string;
  readonly keys: (from: number) => readonly ArgumentKey[];
}

const MOST_ROWS = 100;

/** The first row says what policy said of it. */
export async function findCall({ store, tenant, keys }: FindPorts, callId: string, mayRead: boolean): Promise<Answer<{ readonly found: FoundCall }>> {
  const lines = await store.readRecord({ tenant, where: { callId, type: "decision" }, limit: MOST_ROWS });
  const [first] = lines;
  if (first === undefined) return refuse("not_found", "the record has no such call");
  const row = parseJson(first.line) as JsonObject; // a row of the record
  const batch = row["arguments"];
  if (typeof batch !== "number") return { ok: true, found: { row, argumentsText: null, definition: null, arguments: "gone" } };
  if (!mayRead) return { ok: true, found: { row, argumentsText: null, definition: null, arguments: "hidden" } };
  if (await isErased({ store, tenant }, callId)) return { ok: true, found: { row, argumentsText: null, definition: null, arguments: "gone" } };
  const [sealedLine] = await store.readRecord({ tenant, after: batch - 1, limit: 1 });
  const argumentsText = sealedLine?.seq === batch ? open(sealedLine.line, batch, row, keys(0)) : null;
  return { ok: true, found: { row, argumentsText, definition: null, arguments: argumentsText === null ? "gone" : "used" } };
}

/** Whether a request about the call had its arguments erased: what its agent's process reported of them is shown no more than they are. */
async function isErased({ store, tenant }: Pick<FindPorts, "store" | "tenant">, callId: string): Promise<boolean> {
  const about = await store.readRecord({ tenant, where: { callId, type: ["approval", "intent"] }, limit: MOST_ROWS });
  const ids = [...new Set(about.flatMap(({ requestId }) => requestId ?? []))];
  const requests = await store.read(tenant, ids.map((id) => ({ table: "approval", id })));
  return ids.some((id) => requests.get("approval", id)?.data.sealed === null);
}

function open(line: string, batch: number, row: JsonObject, keys: readonly ArgumentKey[]): string | null {
  const { sealed } = parseJson(line) as JsonObject as { readonly sealed: unknown } & JsonObject; // a row of the type `arguments`
  const own = sealed as SealedArguments;
  const key = keys.find(({ id }) => id === own.key);
  if (key === undefined) return null;
  try {
    const found = openArguments(own, batch, key).get(typeof row["seq"] === "number" ? row["seq"] : 0);
    return found === undefined || found.digest !== row["digest"] ? null : found.text;
  } catch {
    return null; // changed after it was written; the record's verifier says so
  }
}

/** What a row of the record would say of the call that a request is about. */
export function rowOfRequest({ call, caller, createdAt, reason, policies }: ApprovalRequest): JsonObject {
  return {
    type: "decision",
    callId: call.callId,
    at: createdAt,
    policyId: call.policyId,
    server: call.server.name,
    tool: call.tool,
    definition: call.definition,
    principal: caller.principal,
    agent: caller.agent.name,
    user: caller.user.id,
    session: caller.session.id,
    action: "block",
    reason,
    decisive: [...policies],
    findings: call.findings.map(({ type, group, direction, where }) => ({ type, group, direction, where })),
  };
}
