/**
 * A call from the moment that guard lets it go until its end is known. Most end with the first answer. A server may ask for more instead
 * (`input_required`): its client is answered with that, and the execution goes on when the client comes back. Or it may make a task of the
 * call: then the execution lasts until the task's end is seen. Guard sees one sending, with one outcome. Nothing here decides, and nothing
 * is sent but the call that a permit was spent on.
 */
import { randomUUID } from "node:crypto";
import type { Call } from "@countersign/sdk/call";
import type { Outcome, SendPort, Sent } from "@countersign/sdk/enforcement";
import { UNASKED_TASK } from "./answer-text.ts";
import type { ClientCall } from "./governed-call.ts";
import type { TaskExecution } from "./open-tasks.ts";
import type { Rounds } from "./rounds.ts";
import { isTaskAsked, taskIn, type MadeTask } from "./seen-task.ts";
import type { Reply, RoundInputs, UpstreamPort } from "./upstream-port.ts";

/** The request that the client waits under, and the way to the upstream that belongs to it. */
export interface Exchange {
  readonly call: ClientCall;
  readonly upstream: UpstreamPort;
}

/** What there is to tell the client that waits. */
export type Heard =
  | { readonly kind: "ended"; readonly outcome: Outcome; readonly reply: Reply }
  /** The server's answer as it came: an error, none, or the task that it made. */
  | { readonly kind: "passed"; readonly reply: Reply }
  /** The server asks for more: its own result, and what the client has to name when it comes back. */
  | { readonly kind: "asks"; readonly result: object; readonly id: string; readonly round: number }
  /** It does not go on, or not so that the client could follow it. */
  | { readonly kind: "told"; readonly text: string };

export interface ExecutionOptions extends Pick<TaskExecution, "owner" | "scope" | "inspects"> {
  readonly first: Exchange;
  /** How many rounds the client was sent before. */
  readonly round: number;
  readonly rounds: Rounds;
}

interface Next extends Exchange {
  readonly inputs: RoundInputs;
}

const OVER: Sent = { ok: false, error: new Error("the call was over before it was sent"), answered: true };
const LEFT: Sent = { ok: false, error: new Error("the server asked for more, and its client did not come back"), answered: false };
const UNFOLLOWED: Sent = { ok: false, error: new Error("the server made a task of the call that nobody asked for"), answered: false };

export class Execution implements TaskExecution {
  #id: string | undefined;
  readonly owner: string;
  readonly scope: string;
  readonly inspects: boolean;
  /** Names the call in the record. */
  callId = "";
  readonly #rounds: Rounds;
  #round: number;
  #exchange: Exchange;
  #call: Call | undefined;
  #upstreamState: string | undefined;
  #reply: Reply;
  #heard = Promise.withResolvers<Heard>();
  #next: PromiseWithResolvers<Next | undefined> | undefined;
  readonly #outcome = Promise.withResolvers<Outcome | undefined>();

  constructor({ first, owner, scope, inspects, round, rounds }: ExecutionOptions) {
    this.#exchange = first;
    this.owner = owner;
    this.scope = scope;
    this.inspects = inspects;
    this.#round = round;
    this.#rounds = rounds;
  }

  /** Made where somebody has to come back to it: most calls are over with the first answer. */
  get id(): string {
    return (this.#id ??= randomUUID());
  }

  /** The call as it was decided on and sent. */
  get call(): Call {
    if (this.#call === undefined) throw new TypeError("nothing was sent yet");
    return this.#call;
  }

  get upstream(): UpstreamPort {
    return this.#exchange.upstream;
  }

  /** How many rounds the client was sent. */
  get round(): number {
    return this.#round;
  }

  get outcome(): Promise<Outcome | undefined> {
    return this.#outcome.promise;
  }

  /** What the client is answered first. `guarding` is guard, with `send` among its ports. Never rejects. */
  begin(guarding: Promise<Outcome>): Promise<Heard> {
    this.#rounds.executions.begun();
    void guarding.then(
      (outcome) => this.#end(outcome, { kind: "ended", outcome, reply: this.#reply }),
      () => this.#end(undefined, { kind: "passed", reply: this.#reply }),
    );
    return this.#heard.promise;
  }

  /** The client came back with what the server asked for. Undefined where nobody waits for that any more. Never rejects. */
  goOn(exchange: Exchange, { meta, era }: RoundInputs): Promise<Heard> | undefined {
    if (this.#next === undefined) return undefined;
    const state = this.#upstreamState;
    this.#heard = Promise.withResolvers();
    this.#next.resolve({ ...exchange, inputs: { meta, era: state === undefined ? era : { ...era, requestState: state } } });
    return this.#heard.promise;
  }

  /** Guard's port. */
  readonly send: SendPort = async (permit, call, carrier) => {
    const { upstream, call: asked } = this.#exchange;
    if (asked.cancelled.signal.aborted || upstream.isOver) return OVER;
    this.#call = call;
    let sent = upstream.sendCall(permit, call, carrier);
    for (;;) {
      this.#exchange.call.upstreamId = sent.id;
      const reply = (this.#reply = await sent.reply);
      const more = this.#moreIn(reply);
      if (more === undefined) return { ...sentOf(reply), requestId: sent.id };
      if (more.kind === "task") return { ...(await this.#untilTaskEnds(more.task, reply)), requestId: sent.id };
      const next = await this.#nextRound(more.result);
      if (next === undefined) return { ...LEFT, requestId: sent.id };
      this.#exchange = next;
      sent = next.upstream.continueCall(call, carrier, next.inputs);
    }
  };

  #end(outcome: Outcome | undefined, heard: Heard): void {
    this.#heard.resolve(heard);
    this.#outcome.resolve(outcome);
    this.#rounds.executions.ended();
  }

  /** What the answer is, where it is not the end. */
  #moreIn(reply: Reply): { readonly kind: "asks"; readonly result: object } | { readonly kind: "task"; readonly task: MadeTask } | undefined {
    const { modern } = this.#exchange.call;
    const body = reply?.answer.ok === true ? reply.answer.body : undefined;
    if (body === null || typeof body !== "object") return undefined;
    const task = taskIn(body, modern);
    if (task !== undefined) return { kind: "task", task };
    return modern && Reflect.get(body, "resultType") === "input_required" ? { kind: "asks", result: body } : undefined;
  }

  async #untilTaskEnds(task: MadeTask, reply: Reply): Promise<Sent> {
    if (!isTaskAsked(this.call, this.#exchange.call.modern)) {
      this.#heard.resolve({ kind: "told", text: UNASKED_TASK });
      return UNFOLLOWED;
    }
    const { tasks, executions } = this.#rounds;
    const ended = tasks.untilEnd(this, task, executions);
    this.#heard.resolve({ kind: "passed", reply });
    return ended;
  }

  async #nextRound(result: object): Promise<Next | undefined> {
    const { call, upstream } = this.#exchange;
    if (call.cancelled.signal.aborted || upstream.isOver) return undefined;
    const state: unknown = Reflect.get(result, "requestState");
    this.#upstreamState = typeof state === "string" ? state : undefined;
    this.#round += 1;
    const waiting = (this.#next = Promise.withResolvers());
    const { executions } = this.#rounds;
    const place = executions.add(this, executions.continuationMs, () => waiting.resolve(undefined));
    this.#heard.resolve({ kind: "asks", result, id: this.id, round: this.round });
    try {
      const next = await waiting.promise;
      // Cancelled, or without a way to the server, before anything was sent on.
      return next === undefined || next.call.cancelled.signal.aborted || next.upstream.isOver ? undefined : next;
    } finally {
      this.#next = undefined;
      place.over();
    }
  }
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
