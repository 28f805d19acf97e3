/**
 * Asking whoever sits at the client, by MCP's elicitation. What is shown is our own view of the call, whole, and no word of the server's; what
 * comes back is a yes only where it says so. It proves nobody's identity, so it is asked only where the policy takes such a word.
 */
import type { ApprovalHandler, Call, JsonObject, PolicyViolationError, Requirement } from "@countersign/sdk";
import { ApprovalDecision, renderCall, viewLines } from "@countersign/sdk/enforcement";

/** Puts a form to the client. Resolves with its result; rejects where it has none to give. */
export interface ElicitPort {
  elicit(params: JsonObject, signal: AbortSignal): Promise<unknown>;
}

export const ELICIT = "elicitation/create";
/** `channel` of such answers. */
const CHANNEL = "elicitation";

/** Clients show a message in a small window. What does not fit there is asked about where all of it can be seen. */
const MAX_MESSAGE = 6_000;

/** Whether a client that declares this of elicitation can show forms: as nothing else was there at first, to say nothing more is to say so. */
export function showsForms(elicitation: unknown): boolean {
  if (elicitation === null || typeof elicitation !== "object") return false;
  return Object.keys(elicitation).length === 0 || own(elicitation, "form") !== undefined;
}

/** Whether the policy takes the word of whoever sits at the client. Unwritten is not enough: elsewhere it means people who sign in. */
export function takesLocalWord(requirements: readonly Requirement[]): boolean {
  return requirements.length > 0 && requirements.every(({ quorum, assurance, selfApproval }) => quorum === 1 && assurance === "local" && selfApproval !== false);
}

export function elicitApproval(client: ElicitPort): ApprovalHandler {
  return async (error, { call, signal }) => {
    const needsReason = error.policyResult?.requirements.some(({ requireReason }) => requireReason) ?? false;
    const message = messageAbout(call, error);
    if (message.length > MAX_MESSAGE) throw new Error("the call is too long to be shown at the client");
    return decisionIn(await client.elicit({ message, requestedSchema: formOf(needsReason) }, signal));
  };
}

function messageAbout(call: Call, error: PolicyViolationError): string {
  return ["Countersign asks: may this tool call run?", error.message, "", ...viewLines(renderCall(call))].join("\n");
}

function formOf(needsReason: boolean): JsonObject {
  const approve = { type: "boolean", title: "Approve this call", description: "Yes runs exactly the call that is shown, once." };
  const reason = { type: "string", title: "Reason", maxLength: 1_000 };
  return { type: "object", properties: { approve, ...(needsReason ? { reason } : {}) }, required: needsReason ? ["approve", "reason"] : ["approve"] };
}

/** Throws where it is neither a yes nor a no: then others may still answer. */
function decisionIn(answer: unknown): ApprovalDecision {
  const action = own(answer, "action");
  const content = own(answer, "content");
  const approve = own(content, "approve");
  const reason = own(content, "reason");
  const about = { channel: CHANNEL, ...(typeof reason === "string" && reason !== "" ? { reason: reason.slice(0, 1_000) } : {}) };
  if (action === "decline" || (action === "accept" && approve === false)) return new ApprovalDecision({ approved: false, ...about });
  if (action === "accept" && approve === true) return new ApprovalDecision({ approved: true, ...about });
  throw new Error("whoever sits at the client gave no answer");
}

function own(value: unknown, key: string): unknown {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
