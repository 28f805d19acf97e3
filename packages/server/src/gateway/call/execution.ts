/**
 * A call from the moment that guard lets it go until its end is known. Most end with the first answer. A server may ask for more instead
 * (`input_required`): its client is answered with that, and the execution goes on when the client comes back; guard sees one sending, with
 * one outcome. Nothing here decides, and nothing is sent but the call that a permit was spent on.
 */
import { randomUUID } from "node:crypto";
import type { Call } from "@countersign/sdk/call";
import type { Outcome, SendPort, Sent } from "@countersign/sdk/enforcement";
import type { ClientCall } from "./governed-call.ts";
import type { OpenExecutions } from "./open-executions.ts";
import type { Reply, RoundInputs, UpstreamPort } from "./upstream-port.ts";

/** The request that the client waits under, and the way to the upstream that belongs to it. */
export interface Exchange {
  readonly call: ClientCall;
  readonly upstream: UpstreamPort;
}

/** What there is to tell the client that waits. */
export type Heard =
  | { readonly kind: "ended"; readonly outcome: Outcome; readonly reply: Reply }
  /** Sending gave an error, the upstream's own or none. */
  | { readonly kind: "failed"; readonly reply: Reply }
  /** The server asks for more: its own result, and what the client has to name when it comes back. */
  | { readonly kind: "asks"; readonly result: object; readonly id: string; readonly round: number }
  /** It does not go on. */
  | { readonly kind: "told"; readonly text: string };

interface Next extends Exchange {
  readonly inputs: RoundInputs;
}

const OVER: Sent = { ok: false, error: new Error("the call was over before it was sent"), answered: true };

export class Execution {
  readonly id = randomUUID();
  /** One client's executions are limited by this. */
  readonly owner: string;
  /** Names the call in the record. */
  callId = "";
  /** How many rounds the client was sent. */
  round: number;
  readonly #open: OpenExecutions;
  #exchange: Exchange;
  #call: Call | undefined;
  #upstreamState: string | undefined;
  #reply: Reply;
  #heard = Promise.withResolvers<Heard>();
  #next: PromiseWithResolvers<Next | undefined> | undefined;

  constructor(first: Exchange, owner: string, round: number, open: OpenExecutions) {
    this.#exchange = first;
    this.owner = owner;
    this.round = round;
    this.#open = open;
  }

  /** The call as it was decided on and sent. */
  get call(): Call {
    if (this.#call === undefined) throw new TypeError("nothing was sent yet");
    return this.#call;
  }

  /** The last way that it was sent. */
  get upstream(): UpstreamPort {
    return this.#exchange.upstream;
  }

  /** What the client is answered first. `guarding` is guard, with `send` among its ports. Never rejects. */
  begin(guarding: Promise<Outcome>): Promise<Heard> {
    const ended = guarding.then(
      (outcome) => this.#heard.resolve({ kind: "ended", outcome, reply: this.#reply }),
      () => this.#heard.resolve({ kind: "failed", reply: this.#reply }),
    );
    this.#open.follow(ended);
    return this.#heard.promise;
  }

  /** The client came back with what the server asked for. Undefined where nobody waits for that any more. Never rejects. */
  goOn(exchange: Exchange, inputs: Omit<RoundInputs, "era"> & { readonly responses: RoundInputs["era"] }): Promise<Heard> | undefined {
    if (this.#next === undefined) return undefined;
    const { meta, responses } = inputs;
    const state = this.#upstreamState;
    this.#heard = Promise.withResolvers();
    this.#next.resolve({ ...exchange, inputs: { meta, era: { ...responses, ...(state === undefined ? {} : { requestState: state }) } } });
    return this.#heard.promise;
  }

  /** Nobody comes back: what became of it is unknown. */
  giveUp(): void {
    this.#next?.resolve(undefined);
  }

  /** Guard's port. */
  readonly send: SendPort = async (permit, call, carrier) => {
    const { upstream, call: asked } = this.#exchange;
    if (asked.cancelled.signal.aborted || upstream.isOver) return OVER;
    this.#call = call;
    let sent = upstream.sendCall(permit, call, carrier);
    for (;;) {
      this.#exchange.call.upstreamId = sent.id;
      this.#reply = await sent.reply;
      const asks = this.#asksOf(this.#reply);
      if (asks === undefined) return { ...sentOf(this.#reply), requestId: sent.id };
      const next = await this.#nextRound(asks);
      if (next === undefined) return { ok: false, error: new Error("the server asked for more, and its client did not come back"), answered: false, requestId: sent.id };
      this.#exchange = next;
      sent = next.upstream.continueCall(call, carrier, next.inputs);
    }
  };

  #asksOf(reply: Reply): object | undefined {
    const { call } = this.#exchange;
    if (!call.modern || reply?.answer.ok !== true) return undefined;
    const { body } = reply.answer;
    return body !== null && typeof body === "object" && Reflect.get(body, "resultType") === "input_required" ? body : undefined;
  }

  async #nextRound(result: object): Promise<Next | undefined> {
    const { call, upstream } = this.#exchange;
    if (call.cancelled.signal.aborted || upstream.isOver) return undefined;
    const state: unknown = Reflect.get(result, "requestState");
    this.#upstreamState = typeof state === "string" ? state : undefined;
    this.round += 1;
    this.#next = Promise.withResolvers();
    const over = this.#open.add(this);
    this.#heard.resolve({ kind: "asks", result, id: this.id, round: this.round });
    try {
      const next = await this.#next.promise;
      // Cancelled, or without a way to the server, before anything was sent on.
      return next === undefined || next.call.cancelled.signal.aborted || next.upstream.isOver ? undefined : next;
    } finally {
      this.#next = undefined;
      over();
    }
  }
}

function sentOf(reply: Reply): Sent {
  if (reply === undefined) return { ok: false, error: new Error("the server did not answer"), answered: false };
  const { ok, body } = reply.answer;
  if (!ok) return { ok, error: new UpstreamError(body), answered: true };
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
