/**
 * One request of a control plane as the terminal shows it: the same encoder, pages and notes as promptApproval, with what the control plane
 * knows of it. What is shown is checked against the call digest before anybody is asked. Called by decide.ts and inbox.ts.
 */
import { hash } from "node:crypto";
import { escapeText, quoteText, renderCall, viewLines, type Call, type JsonObject } from "@countersign/sdk";
import { callDigest, parseJson, TRANSPORTS } from "@countersign/sdk/call";
import { viewText, type people } from "@countersign/sdk/wire";

export interface RequestQuestion {
  readonly lines: readonly string[];
  readonly closing: readonly string[];
  /** Tool and server, short. */
  readonly summary: string;
  /** Proves that all of it was shown. */
  readonly viewedDigest: string;
}

/** Undefined where nothing can be shown: the arguments were erased, or are not those that the digest binds. */
export function questionOf(request: people.RequestDetail, personId: string, { ascii = false }: { readonly ascii?: boolean } = {}): RequestQuestion | undefined {
  const { argumentsText, contextText, requestDigest } = request;
  if (argumentsText === null || contextText === null) return undefined;
  const call = callOf(request, argumentsText, contextText);
  if (callDigest(call, call.definition) !== request.callDigest) return undefined;
  const view = renderCall(call, { ascii });
  const isOwn = request.ownerId === personId;
  return {
    lines: ["!! A CALL WAITS FOR A PERSON", ...factsOf(request, ascii), ...viewLines(view), ...narrationOf(request, ascii)],
    closing: [
      "",
      `Request ${escapeText(request.id)}: ${view.summary}`,
      ...(view.noteCount === 0 ? [] : [`! ${view.noteCount} note${view.noteCount === 1 ? "" : "s"} above, on lines that start with "! "`]),
      ...(isOwn ? ["! The agent that asks acts for you: the record will say that you answered your own call."] : []),
      "On yes exactly this call runs, once.",
    ],
    summary: view.summary,
    viewedDigest: hash("sha256", viewText({ requestDigest, argumentsText, contextText }), "hex"),
  };
}

/** Label by label; every word of a policy, an agent or a server is escaped. */
function factsOf({ id, requestDigest, reason, heldBy, callerReason, requirements, progress, findingsFull, expiresAt, keyId, edit }: people.RequestDetail, ascii: boolean): readonly string[] {
  const show = (text: string): string => escapeText(text, { ascii });
  const have = new Map(progress.map(({ policy, have: count }) => [policy, count]));
  return [
    heldBy === "document" ? `Reason: ${show(reason)}` : `? reason, as the agent's process gives it: ${show(reason)}`,
    ...(callerReason === null ? [] : [`? reason, as the agent's process gives it: ${show(callerReason)}`]),
    ...(edit === null ? [] : [`! An approver changed: ${edit.changed.map((pointer) => show(pointer.slice(1))).join(", ")}. The agent is told that.`]),
    ...requirements.map(({ policy, approvers, quorum }) => `Needs: ${have.get(policy) ?? 0} of ${quorum} from ${approvers.length === 0 ? "any approver" : approvers.map(show).join(", ")} (${show(policy)})`),
    ...findingsFull.map(({ type, where }) => `! found: ${show(type)} in ${show(where)}`),
    `Open until: ${new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z")}`,
    `Request: ${show(id)}`,
    `Request digest: ${show(requestDigest)}`,
    `Agent key: ${show(keyId)}`,
  ];
}

function narrationOf({ narration: { description } }: people.RequestDetail, ascii: boolean): readonly string[] {
  return description === "" ? [] : ["Said by the agent or the server, not verified:", `? ${quoteText(description, { ascii })}`];
}

function callOf({ server, serverIdentity, transport, tool, definition, callDigest: digest, policyId, principal, agent, user, session }: people.RequestDetail, argumentsText: string, contextText: string): Call {
  return {
    server: { name: server ?? undefined, identity: serverIdentity, transport: TRANSPORTS.find((one) => one === transport) ?? "unknown" },
    tool,
    arguments: parseJson(argumentsText) as JsonObject, // the text of an object, which the digest below proves
    argumentsText,
    context: parseJson(contextText) as JsonObject, // as above
    contextText,
    meta: undefined,
    era: {},
    caller: { principal, agent: { name: agent, id: "" }, user: { id: user }, session: { id: session } },
    policyId,
    definition,
    digest,
  };
}
