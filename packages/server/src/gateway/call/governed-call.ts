/**
 * One tool call of a client through guard, and the bytes that its client is answered with: the upstream's own where it ran, under the
 * client's id; a text for the model where it did not. The gateway's ports are built here, and nowhere else is a call sent.
 */
import { guard, withEditNotice, type Governance, type Ports, type ProposedCall, type SendPort, type Sent } from "@countersign/sdk/enforcement";
import { errorAnswer, pendingText, refusalText, waitingText } from "./answer-text.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { replaceId } from "../message/replace-id.ts";
import type { Reply, UpstreamPort } from "./upstream-port.ts";
import { progressMessage, tellWhileWaiting, type Waiting } from "./waiting.ts";

/** A call that a client waits for. */
export interface ClientCall {
  readonly id: RpcId;
  readonly progressToken: RpcId | undefined;
  /** Of the protocol without sessions. */
  readonly modern: boolean;
  readonly cancelled: AbortController;
  /** The id it has upstream, once it was sent. */
  upstreamId: string | undefined;
  /** Ends the wait for an answer to a call that was sent and then cancelled. */
  grace: NodeJS.Timeout | undefined;
}

export interface CallPorts {
  readonly governance: Governance;
  readonly upstream: UpstreamPort;
  readonly waiting: Waiting;
  /** To the client. */
  readonly write: (bytes: Buffer | string) => void;
}

/** Why a call was cancelled that its client still waits for. */
export const UPSTREAM_GONE = "the server has ended";

/** The client waits for no answer. */
export function isUnheard({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason !== UPSTREAM_GONE;
}

const CONNECTION_CLOSED = -32_000;

/** What the client is answered: undefined where it cancelled and waits for nothing. Never rejects. */
export async function governCall(call: ClientCall, proposed: ProposedCall, ports: CallPorts): Promise<Buffer | string | undefined> {
  const { upstream, governance, waiting } = ports;
  const { signal } = call.cancelled;
  let reply: Reply;
  const send: SendPort = async (permit, decided, carrier) => {
    if (signal.aborted || upstream.isOver) return { ok: false, error: new Error("the call was over before it was sent"), answered: true };
    const sent = upstream.sendCall(permit, decided, carrier);
    call.upstreamId = sent.id;
    reply = await sent.reply;
    return { ...sentOf(reply), requestId: sent.id };
  };
  const hold = call.progressToken === undefined ? { waitMs: waiting.holdMs } : {};
  try {
    const outcome = await guard(proposed, { ...governance.ports, ask: askOf(call, ports), send } satisfies Ports, { signal, ...hold });
    if (isUnheard(signal)) return undefined;
    switch (outcome.kind) {
      case "ran":
        if (outcome.changed.length > 0 || outcome.result !== reply?.answer.body) return answerWith(call, withEditNotice(outcome.result, outcome.changed));
        return passedOn(call, reply);
      case "refused":
        return answerWith(call, errorAnswer(refusalText(outcome.error), call.modern));
      case "pending":
        return answerWith(call, errorAnswer(pendingText(nameOf(proposed), outcome), call.modern));
    }
  } catch {
    // Only sending rejects, with the upstream's own error or without any answer.
    return isUnheard(signal) ? undefined : passedOn(call, reply);
  }
}

function askOf({ progressToken }: ClientCall, { governance, waiting, write }: CallPorts): Ports["ask"] {
  const ask = governance.askWith(undefined);
  if (ask === undefined || progressToken === undefined) return ask;
  let count = 0;
  return tellWhileWaiting(ask, waiting.progressMs, (about) => write(progressMessage(progressToken, (count += 1), waitingText(about))));
}

function sentOf(reply: Reply): Sent {
  if (reply === undefined) return { ok: false, error: new Error("the server did not answer"), answered: false };
  const { ok, body } = reply.answer;
  if (!ok) return { ok, error: new UpstreamError(body), answered: reply.outcome !== "unknown" };
  return { ok, result: body, isError: body !== null && typeof body === "object" && Reflect.get(body, "isError") === true };
}

/** The upstream's JSON-RPC error, for the span and the record: its code, and no word of its text. */
class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly code: number | undefined;

  constructor(error: unknown) {
    super("the server answered with an error");
    const code: unknown = error !== null && typeof error === "object" ? Reflect.get(error, "code") : undefined;
    this.code = typeof code === "number" ? code : undefined;
  }
}

/** The upstream's answer in its own bytes. */
function passedOn(call: ClientCall, reply: Reply): Buffer | string {
  // Where the upstream knows the call by its client's own id, there is nothing to replace.
  if (reply !== undefined && reply.answer.id === call.id) return reply.line;
  const bytes = reply === undefined ? undefined : replaceId(reply.line, String(reply.answer.id), JSON.stringify(call.id));
  const message = call.upstreamId === undefined ? "The server has ended; the call was not sent" : "The server ended before it answered; whether the tool ran is not known";
  return bytes ?? `${JSON.stringify({ jsonrpc: "2.0", id: call.id, error: { code: CONNECTION_CLOSED, message } })}\n`;
}

function answerWith({ id }: ClientCall, result: unknown): string {
  return `${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`;
}

function nameOf({ params }: ProposedCall): string {
  const name: unknown = params !== null && typeof params === "object" ? Reflect.get(params, "name") : undefined;
  return typeof name === "string" ? name : "the tool";
}
