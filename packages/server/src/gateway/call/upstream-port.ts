/**
 * What a governed call needs of the way to its upstream, whatever carries it: to send what a permit allows, once, to hear the answer, and to
 * go on with it where the server asked for more. Implemented by UpstreamCalls over a connection, and by whoever sends over HTTP request by request.
 */
import type { Call, JsonObject, JsonValue } from "@countersign/sdk/call";
import type { Carrier, Permit } from "@countersign/sdk/enforcement";
import type { UpstreamMessage } from "../message/read-upstream-message.ts";

export type UpstreamAnswer = Extract<UpstreamMessage, { kind: "answer" }>;

/**
 * An answer, with the bytes it came in. Undefined: the upstream is gone, or does not answer any more. `outcome`: an error that says no more
 * than that no answer comes.
 */
export type Reply = { readonly answer: UpstreamAnswer; readonly line: Buffer; readonly outcome?: "unknown" | undefined } | undefined;

export interface SentCall {
  /** The id that the upstream knows it by. */
  readonly id: string;
  /** Never rejects. */
  readonly reply: Promise<Reply>;
}

/** What travels with the next round of a call that its server asked more about: nothing of what was decided on. */
export interface RoundInputs {
  /** The client's own `_meta` of this round: its progress token and what it says of itself. */
  readonly meta: JsonObject | undefined;
  readonly era: { readonly [key: string]: JsonValue };
}

export interface UpstreamPort {
  /** Nothing more is sent. */
  readonly isOver: boolean;
  /** Spends the permit and sends the arguments' own canonical text, under the digest that was decided on. */
  sendCall(permit: Permit, call: Call, carrier: Carrier): SentCall;
  /** Sends a call on that was sent before and is under way still: called by execution.ts alone, which holds what its permit was spent on. */
  continueCall(call: Call, carrier: Carrier, inputs: RoundInputs): SentCall;
}

/** The params as text, without a second serialisation of the arguments. */
export function callParams({ tool, argumentsText, meta, era }: Call, carrier: Carrier, inputs: RoundInputs = { meta, era }): string {
  const rest: Record<string, unknown> = {};
  if (inputs.meta !== undefined || Object.keys(carrier).length > 0) rest["_meta"] = { ...inputs.meta, ...carrier };
  const others = JSON.stringify(Object.assign(rest, inputs.era));
  return `{"name":${JSON.stringify(tool)},"arguments":${argumentsText}${others === "{}" ? "" : `,${others.slice(1, -1)}`}}`;
}
