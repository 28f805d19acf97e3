/** The bound arguments and context of a request: one text that is sealed, opened again for people, and judged again at the claim. */
import { bindCall, canonicalJson, parseJson } from "@countersign/sdk/call";
import type { Call, JsonObject } from "@countersign/sdk/call";
import { TRANSPORTS } from "@countersign/sdk/call";
import type { ApprovalRequest } from "../../store/entity/approval-request.ts";

export interface BoundText {
  readonly arguments: JsonObject;
  readonly argumentsText: string;
  readonly context: JsonObject;
  readonly contextText: string;
}

const BEFORE_ARGUMENTS = '{"arguments":';
const BEFORE_CONTEXT = ',"context":';

/** Of RFC 8785 texts. */
export function packBound({ argumentsText, contextText }: Pick<BoundText, "argumentsText" | "contextText">): string {
  return `${BEFORE_ARGUMENTS}${argumentsText}${BEFORE_CONTEXT}${contextText}}`;
}

/** Of a text that packBound made. */
export function unpackBound(text: string): BoundText {
  // Written by packBound, and sealed since. Its keys are an agent's, and what is read here is what people are shown.
  const bound = parseJson(text) as unknown as { readonly arguments: JsonObject; readonly context: JsonObject };
  const contextText = canonicalJson(bound.context);
  // The context is the shorter one by far. What stands before it is the arguments' text already.
  const argumentsText = text.slice(BEFORE_ARGUMENTS.length, text.length - `${BEFORE_CONTEXT}${contextText}}`.length);
  return { ...bound, argumentsText, contextText };
}

/** The call as it was asked about: its digest comes out the same. */
export function callOf({ call, caller }: Pick<ApprovalRequest, "call" | "caller">, bound: BoundText): Call {
  const { server, tool, definition } = call;
  const { principal, agent, user, session } = caller;
  return bindCall(
    {
      server: { name: server.name ?? undefined, identity: server.identity, transport: TRANSPORTS.find((known) => known === server.transport) ?? "unknown" },
      tool,
      ...bound,
      meta: undefined,
      era: {},
      caller: { principal, agent, user, session },
    },
    definition,
  );
}
