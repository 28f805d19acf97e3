/**
 * One request of a client that calls a tool, through guard or on with what guard let go before, and the bytes that its client is answered
 * with: the upstream's own where it ran, under the client's id; a text for the model where it did not; a state to come back with where it
 * takes longer. The gateway's ports are built here, and nowhere else is a call sent.
 */
import { guard, withEditNotice, type AskPort, type Governance, type Outcome, type Ports, type ProposedCall } from "@countersign/sdk/enforcement";
import type { JsonValue, ServerRef } from "@countersign/sdk";
import { errorAnswer, pendingText, refusalText, STATE_REFUSED, UNTELLABLE, waitingText } from "./answer-text.ts";
import { askAtClient } from "./ask-at-client.ts";
import { askKnowing } from "./ask-knowing.ts";
import { continueExecution } from "./continue-execution.ts";
import { ELICIT, showsForms, type ElicitPort } from "./elicit-approval.ts";
import { Execution, type Heard } from "./execution.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { replaceId } from "../message/replace-id.ts";
import { CAPABILITIES, memberOf, metaOf } from "../message/members.ts";
import { bindingOf, first, readRound, type Round, type Rounds } from "./rounds.ts";
import type { RoundState } from "./request-state.ts";
import type { Reply, UpstreamPort } from "./upstream-port.ts";
import { progressMessage, rejoinFirst, tellWhileWaiting, type Waiting } from "./waiting.ts";

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
  readonly rounds: Rounds;
  /** What the caller proved itself with, where callers have credentials of their own: no two share what one was given. */
  readonly credential: string;
  /** The way to put a form to a client in a session that said it can show one. */
  readonly client?: ElicitPort | undefined;
  /** Around whoever is asked: for clients that may not hear what becomes of it. */
  readonly around?: ((ask: AskPort) => AskPort) | undefined;
  /** As ClientCallsOptions has it. */
  readonly shownName?: ((tool: string) => string) | undefined;
  /** Resolves once it is known what the server's tools are by now; undefined where it is. Never rejects. */
  readonly knowTools: () => Promise<void> | undefined;
  /** Why the server's tools are not known; undefined where they are. Asked after a refusal. */
  readonly listFailure?: (() => string | undefined) | undefined;
  /** To the client. */
  readonly write: (bytes: Buffer | string) => void;
  readonly onWarning: (message: string) => void;
}

/** Why a call was cancelled that its client still waits for. */
export const UPSTREAM_GONE = "the server has ended";

/** The client waits for no answer. */
export function isUnheard({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason !== UPSTREAM_GONE;
}

/** Names our own question among those that a client is asked. */
const QUESTION = "countersign_approval";
const CONNECTION_CLOSED = -32_000;
const INVALID_PARAMS = -32_602;
/** Outside of what JSON-RPC and MCP keep for themselves. */
const NOT_RUN = -31_000;
/** A client that comes back may still learn for so long how its request ended. */
const AFTER_END_MS = 5 * 60_000;

/** What the client is answered: undefined where it cancelled and waits for nothing. Never rejects. */
export async function governCall(call: ClientCall, proposed: ProposedCall, ports: CallPorts): Promise<Buffer | string | undefined> {
  const round: Round = call.modern ? readRound(proposed, ports.credential, ports.rounds, ports.governance.ports.inspect.inspections.length > 0) : first(proposed);
  if (round.kind === "refused") return refuseState(call, round.why, ports);
  const heard = round.kind === "continue" ? await continueExecution(round, call, ports) : await decide(round, call, ports);
  if (isUnheard(call.cancelled.signal)) return undefined;
  if (heard === undefined) return refuseState(call, "the execution that it names has ended", ports);
  try {
    return answerOf(call, round, heard, ports);
  } catch (error) {
    if (heard.kind === "ended" && heard.outcome.kind !== "ran") throw error;
    return untellable(call, round, heard, error, ports);
  }
}

function decide(decided: Extract<Round, { kind: "decide" }>, call: ClientCall, ports: CallPorts): Promise<Heard> {
  const { proposed, round, requestId, responses } = decided;
  const { governance, waiting, upstream, rounds } = ports;
  const owner = ownerOf(proposed, ports);
  if (requestId !== undefined) rounds.questions.named(owner, requestId)?.round?.deliver(responses?.[QUESTION]);
  const execution = new Execution({
    first: { call, upstream },
    owner,
    scope: scopeOf(proposed.server),
    inspects: governance.ports.inspect.inspections.length > 0,
    round,
    rounds,
  });
  const waitMs = call.modern ? waiting.roundMs : call.progressToken === undefined ? waiting.holdMs : undefined;
  const newId = (): string => (execution.callId = governance.ports.newId());
  const guarded = new OwnPorts(governance.ports, newId, execution.send, () => askOf(call, decided, ports));
  return execution.begin(guard(proposed, guarded, { signal: call.cancelled.signal, waitMs, charged: requestId !== undefined }));
}

/** Guard's ports for one call. Whom to ask is made where somebody is asked: most calls ask nobody. */
class OwnPorts implements Ports {
  readonly inspect: Ports["inspect"];
  readonly policies: Ports["policies"];
  readonly record: Ports["record"];
  readonly observe: Ports["observe"];
  readonly now: Ports["now"];
  readonly newId: Ports["newId"];
  readonly send: Ports["send"];
  #ask: (() => Ports["ask"]) | undefined;
  #made: Ports["ask"];

  constructor({ inspect, policies, record, observe, now }: Omit<Ports, "ask" | "send">, newId: Ports["newId"], send: Ports["send"], ask: () => Ports["ask"]) {
    this.inspect = inspect;
    this.policies = policies;
    this.record = record;
    this.observe = observe;
    this.now = now;
    this.newId = newId;
    this.send = send;
    this.#ask = ask;
  }

  get ask(): Ports["ask"] {
    if (this.#ask !== undefined) this.#made = this.#ask();
    this.#ask = undefined;
    return this.#made;
  }
}

function askOf({ progressToken, modern }: ClientCall, { proposed, requestId }: Extract<Round, { kind: "decide" }>, ports: CallPorts): Ports["ask"] {
  const { governance, waiting, write, client, around, knowTools, rounds } = ports;
  const people = governance.askWith(undefined);
  const isAsked = modern ? showsForms(capabilityOf(proposed, "elicitation")) : client !== undefined;
  const all = isAsked ? askAtClient(people, { governance, questions: rounds.questions, owner: ownerOf(proposed, ports), client: modern ? undefined : client }) : people;
  const heard = all === undefined || around === undefined ? all : around(all);
  const knowing = heard === undefined ? undefined : askKnowing(heard, knowTools);
  const ask = knowing === undefined || requestId === undefined ? knowing : rejoinFirst(knowing, requestId);
  if (ask === undefined || progressToken === undefined) return ask;
  let count = 0;
  return tellWhileWaiting(ask, waiting.progressMs, (about) => write(progressMessage(progressToken, (count += 1), waitingText(about))));
}

function answerOf(call: ClientCall, round: Exclude<Round, { kind: "refused" }>, heard: Heard, ports: CallPorts): Buffer | string {
  switch (heard.kind) {
    case "ended":
      return answerTo(call, round, heard.outcome, heard.reply, ports);
    case "passed":
      return passedOn(call, heard.reply);
    case "asks": {
      const { executions } = ports.rounds;
      const state: RoundState = { kind: "sent", id: heard.id, round: heard.round };
      return answerWith(call, { ...heard.result, requestState: sealed(state, round, Date.now() + executions.continuationMs, ports) });
    }
    case "told":
      return told(call, round, heard.text);
  }
}

function answerTo(call: ClientCall, round: Exclude<Round, { kind: "refused" }>, outcome: Outcome, reply: Reply, ports: CallPorts): Buffer | string {
  switch (outcome.kind) {
    case "ran":
      if (outcome.changed.length > 0 || outcome.result !== reply?.answer.body) return answerWith(call, withEditNotice(outcome.result, outcome.changed));
      return passedOn(call, reply);
    case "refused":
      return told(call, round, refusalText(outcome.error, ports.listFailure));
    case "pending": {
      const rounds = round.kind === "decide" ? round.round : 0;
      if (!call.modern || rounds >= ports.waiting.rounds) return told(call, round, pendingText(nameOf(round.proposed, ports), outcome));
      const state: RoundState = { kind: "held", id: outcome.requestId, round: rounds + 1 };
      const form = ports.rounds.questions.named(ownerOf(round.proposed, ports), outcome.requestId)?.round?.form;
      const asks = form === undefined ? {} : { inputRequests: { [QUESTION]: { method: ELICIT, params: form } } };
      return answerWith(call, { resultType: "input_required", ...asks, requestState: sealed(state, round, Math.max(outcome.until, Date.now()) + AFTER_END_MS, ports) });
    }
  }
}

/** The server has the call, and what it answered cannot be written for the client, as where it is nested too deep: whatever else is said, not that it did not run. */
function untellable(call: ClientCall, round: Exclude<Round, { kind: "refused" }>, heard: Heard, error: unknown, { rounds, onWarning }: CallPorts): string {
  onWarning(`what the server answered to a call could not be passed on: ${error instanceof Error ? error.message : String(error)}`);
  if (heard.kind === "asks") rounds.executions.giveUp(heard);
  return told(call, round, UNTELLABLE);
}

/** Who asked for a task in a session reads nothing but a task or an error: a tool's result would tell it nothing. */
function told(call: ClientCall, { proposed }: Exclude<Round, { kind: "refused" }>, text: string): string {
  const asksForTask = !call.modern && memberOf(proposed.params as JsonValue | undefined, "task") !== undefined; // JSON of a message
  return asksForTask ? errorWith(call, { code: NOT_RUN, message: text }) : answerWith(call, errorAnswer(text, call.modern));
}

function sealed(state: RoundState, { proposed }: Pick<Extract<Round, { kind: "decide" }>, "proposed">, until: number, { rounds, credential }: CallPorts): string {
  const bound = bindingOf(proposed, credential);
  if (bound === undefined) throw new TypeError("a call that cannot be read was not decided on");
  return rounds.states.seal(state, bound.binding, until);
}

/** One text whatever is wrong with it: who made it up learns nothing. */
function refuseState(call: ClientCall, why: string, { onWarning }: CallPorts): string {
  onWarning(`the requestState of a call was refused: ${why}`);
  return errorWith(call, { code: INVALID_PARAMS, message: STATE_REFUSED, data: { reason: "invalid_request_state" } });
}

/** The upstream's answer in its own bytes. */
function passedOn(call: ClientCall, reply: Reply): Buffer | string {
  // Where the upstream knows the call by its client's own id, there is nothing to replace.
  if (reply !== undefined && reply.answer.id === call.id) return reply.line;
  const bytes = reply === undefined ? undefined : replaceId(reply.line, String(reply.answer.id), JSON.stringify(call.id));
  const message = call.upstreamId === undefined ? "The server has ended; the call was not sent" : "The server ended before it answered; whether the tool ran is not known";
  return bytes ?? errorWith(call, { code: CONNECTION_CLOSED, message });
}

function errorWith({ id }: ClientCall, error: object): string {
  return `${JSON.stringify({ jsonrpc: "2.0", id, error })}\n`;
}

function answerWith({ id }: ClientCall, result: unknown): string {
  return `${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`;
}

function ownerOf({ caller }: ProposedCall, { credential }: CallPorts): string {
  return `${credential}\0${caller.principal}`;
}

/** What a client without a session says that it can do. */
function capabilityOf({ params }: ProposedCall, name: string): unknown {
  const meta = metaOf(params as JsonValue | undefined); // JSON of a message
  return memberOf(meta?.[CAPABILITIES], name);
}

/** Whose a task's id is. */
export function scopeOf({ name, identity }: ServerRef): string {
  return `${identity ?? ""}\0${name ?? ""}`;
}

function nameOf({ params }: ProposedCall, { shownName }: CallPorts): string {
  const name: unknown = params !== null && typeof params === "object" ? Reflect.get(params, "name") : undefined;
  return typeof name === "string" ? (shownName?.(name) ?? name) : "the tool";
}
