/**
 * What the gateway itself has asked the upstream and waits for, under ids of its own that no client can guess. Both kinds come through
 * here: tool calls, which take a permit, and what it asks about the server.
 */
import { randomBytes } from "node:crypto";
import { escapeText, spendPermit, type Carrier, type Permit } from "@countersign/sdk/enforcement";
import type { Call } from "@countersign/sdk/call";
import { resultIn } from "../message/members.ts";
import { callParams, type Reply, type RoundInputs, type SentCall, type UpstreamAnswer, type UpstreamPort } from "./upstream-port.ts";

/** What the gateway asks a server by itself, for its clients. */
export type AskedMethod = "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" | "tasks/list" | "server/discover" | "subscriptions/listen";

export class UpstreamCalls implements UpstreamPort {
  readonly #write: (text: string) => void;
  readonly #prefix = `countersign-${randomBytes(9).toString("base64url")}-`;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  #count = 0;
  #isOver = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  sendCall(permit: Permit, call: Call, carrier: Carrier): SentCall {
    spendPermit(permit, call);
    return this.#send("tools/call", callParams(call, carrier));
  }

  continueCall(call: Call, carrier: Carrier, inputs: RoundInputs): SentCall {
    return this.#send("tools/call", callParams(call, carrier, inputs));
  }

  /** The result, as it was read; rejects where there is none. */
  async list(params: object, signal: AbortSignal): Promise<unknown> {
    const { id, reply } = this.ask("tools/list", params);
    const gone = (): void => this.giveUp(id);
    signal.addEventListener("abort", gone, { once: true });
    try {
      const came = await reply;
      if (came === undefined) throw new Error("the server did not list its tools");
      if (!came.answer.ok) throw new Error(`the server refused to list its tools${wordsOf(came.answer)}`);
      return resultIn(came.line);
    } finally {
      signal.removeEventListener("abort", gone);
    }
  }

  /** Asks for what is no tool call. */
  ask(method: AskedMethod, params: object): SentCall {
    return this.#send(method, JSON.stringify(params));
  }

  /** True where the answer was to one of ours. */
  settle(answer: UpstreamAnswer, line: Buffer, outcome?: "unknown"): boolean {
    if (typeof answer.id !== "string") return false;
    const waiting = this.#waiting.get(answer.id);
    // One that nobody waits for any more is nobody's: the client never knew the id.
    if (waiting === undefined) return answer.id.startsWith(this.#prefix);
    this.#waiting.delete(answer.id);
    waiting({ answer, line, outcome });
    return true;
  }

  /** Nothing is waited for under this id any more. */
  giveUp(id: string): void {
    this.#waiting.get(id)?.(undefined);
    this.#waiting.delete(id);
  }

  /** The upstream is gone: nothing more is sent, and nothing comes. */
  end(): void {
    this.#isOver = true;
    for (const id of this.#waiting.keys()) this.giveUp(id);
  }

  #send(method: string, params: string): SentCall {
    const id = `${this.#prefix}${(this.#count += 1)}`;
    const { promise: reply, resolve } = Promise.withResolvers<Reply>();
    if (this.#isOver) resolve(undefined);
    else {
      this.#waiting.set(id, resolve);
      this.#write(`{"jsonrpc":"2.0","id":"${id}","method":"${method}","params":${params}}\n`);
    }
    return { id, reply };
  }
}

/** What the error says, as a text of somebody else's. */
function wordsOf({ body }: UpstreamAnswer): string {
  const message = body !== null && typeof body === "object" ? Reflect.get(body, "message") : undefined;
  return typeof message === "string" && message !== "" ? `: ${escapeText(message.slice(0, MAX_WORDS))}` : "";
}

const MAX_WORDS = 500;
