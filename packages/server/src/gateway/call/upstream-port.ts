/**
 * What a governed call needs of the way to its upstream, whatever carries it: to send what a permit allows, once, and to hear the answer.
 * Implemented by UpstreamCalls over a connection, and by whoever sends over HTTP request by request.
 */
import type { Call } from "@countersign/sdk/call";
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

export interface UpstreamPort {
  /** Nothing more is sent. */
  readonly isOver: boolean;
  /** Spends the permit and sends the arguments' own canonical text, under the digest that was decided on. */
  sendCall(permit: Permit, call: Call, carrier: Carrier): SentCall;
}
