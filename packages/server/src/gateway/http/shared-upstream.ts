/**
 * One connection of the protocol without sessions, for all clients of an upstream: opened by the gateway itself, so that no client's request
 * can settle which era the server speaks. Whose message is whose, ids and tokens of our own tell.
 */
import type { JsonObject } from "@countersign/sdk/call";
import { createToolList, type ToolList } from "../call/tool-list.ts";
import { UpstreamCalls } from "../call/upstream-calls.ts";
import { readUpstreamMessage, valueAt, type UpstreamMessage } from "../message/read-upstream-message.ts";
import type { UpstreamConnection } from "../upstream/upstream-connection.ts";
import { within } from "../within.ts";
import { MAX_UNSENT_BYTES } from "./http-limits.ts";
import type { ServedUpstream } from "./served-upstream.ts";

/** An exchange that waits for its answer. */
export interface Ear {
  /** It asked for log messages, and the server has its request. */
  readonly wantsLogs: boolean;
  answer(line: Buffer, message: Extract<UpstreamMessage, { kind: "answer" }>): void;
  /** A notification of its own; `path` is where its id or token stands, if anywhere. */
  notify(line: Buffer, path: readonly string[] | undefined): void;
  /** The server has ended it without an answer. */
  end(): void;
  /** A call that waits for people stops waiting: what was asked stays asked, and its client is told to call again. A subscription ends. */
  leave(): void;
  /** The connection is over. */
  upstreamGone(): void;
}

export type Opening =
  /** `body`: what it says of itself. */
  | { readonly kind: "modern"; readonly body: unknown }
  /** What it answered to `server/discover`, under the id `asked`. */
  | { readonly kind: "legacy"; readonly line: Buffer; readonly asked: string }
  | { readonly kind: "failed"; readonly why: string };

export const MODERN_VERSION = "2026-07-28";
export const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
/** Whatever a client can do: the list of tools is to be the longest there is. */
const ENVELOPE: JsonObject = {
  "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
  "io.modelcontextprotocol/clientInfo": { name: "countersign", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {}, url: {} }, sampling: { tools: {}, context: {} }, roots: {}, extensions: { "io.modelcontextprotocol/tasks": {} } },
};
/** A server that starts through a package manager takes its time. */
const DISCOVER_MS = 30_000;
const END_MS = 5_000;

export class SharedUpstream {
  readonly calls: UpstreamCalls;
  readonly tools: ToolList;
  /** How it went when it was opened. Never rejects. */
  readonly opening: Promise<Opening>;
  readonly #upstream: ServedUpstream;
  readonly #connection: UpstreamConnection;
  readonly #ears = new Map<string, Ear>();
  #count = 0;
  #subscription: string | undefined;
  #isOver = false;

  constructor(upstream: ServedUpstream) {
    this.#upstream = upstream;
    this.#connection = upstream.connect({ onLine: (line, outcome) => this.#hear(line, outcome), onDrain: () => undefined, onWarning: upstream.onWarning });
    this.calls = new UpstreamCalls((text) => this.send(text));
    this.tools = createToolList((cursor, signal) => this.calls.list({ ...(cursor === undefined ? {} : { cursor }), _meta: ENVELOPE }, signal));
    this.opening = this.#open();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** It does not read what it is sent, and more would wait in memory. */
  get isStuffed(): boolean {
    return (this.#connection.unsent ?? 0) > MAX_UNSENT_BYTES;
  }

  /** Exchanges under way. */
  get size(): number {
    return this.#ears.size;
  }

  /** The id and token that the server knows the exchange by. */
  join(ear: Ear): string {
    const id = `exchange-${(this.#count += 1)}`;
    this.#ears.set(id, ear);
    return id;
  }

  part(id: string): void {
    this.#ears.delete(id);
  }

  send(line: Buffer | string): void {
    this.#connection.send(line);
  }

  /** Nobody waits for people any more, and subscriptions end. */
  leave(): void {
    for (const ear of this.#ears.values()) ear.leave();
  }

  async stop(): Promise<void> {
    await this.#connection.stop();
    await within(this.opening.then(() => undefined), END_MS);
  }

  async #open(): Promise<Opening> {
    const { id, reply } = this.calls.ask("server/discover", { _meta: ENVELOPE });
    let end: Extract<Opening, { kind: "failed" }> = { kind: "failed", why: `it did not answer within ${DISCOVER_MS / 1_000} s` };
    void this.#connection.ended.then((ended) => {
      end = { kind: "failed", why: ended.kind === "not started" ? `it could not be started: ${ended.why}` : "it has ended" };
      this.#gone();
    });
    await within(reply.then(() => undefined), DISCOVER_MS);
    this.calls.giveUp(id);
    const came = await reply;
    if (came === undefined) return end;
    if (!came.answer.ok) return { kind: "legacy", line: came.line, asked: id };
    // The first request after the discovery settles the server's era for good; and calls wait for the list.
    this.tools.changed();
    if (valueAt(came.answer.body, ["capabilities", "tools", "listChanged"]) === true) {
      this.#subscription = this.calls.ask("subscriptions/listen", { _meta: ENVELOPE, notifications: { toolsListChanged: true } }).id;
    }
    return { kind: "modern", body: came.answer.body };
  }

  #hear(line: Buffer, outcome: "unknown" | undefined): void {
    const message = readUpstreamMessage(line);
    switch (message.kind) {
      case "answer":
        if (!this.calls.settle(message, line, outcome)) this.#ears.get(String(message.id))?.answer(line, message);
        return;
      case "notification":
        if (message.method === "notifications/tools/list_changed") this.tools.changed();
        return this.#route(line, message);
      case "request":
        return this.#upstream.onWarning(`the server asked for ${message.method.slice(0, 100)}, which this revision of the protocol does not have; that is not passed on`);
      case "other":
        this.#upstream.onWarning("the server wrote what is no message of MCP; that is not passed on");
    }
  }

  #route(line: Buffer, { method, params }: Extract<UpstreamMessage, { kind: "notification" }>): void {
    const { path, id } = placeOfOwner(method, params);
    if (id === this.#subscription && id !== undefined) return;
    const owner = this.#ears.get(String(id));
    if (method === "notifications/cancelled") return owner?.end();
    if (owner !== undefined) return owner.notify(line, path);
    if (method !== "notifications/message") return;
    // No message says whose it is: where it could be of two, it is nobody's.
    const [one, another] = [...this.#ears.values()].filter(({ wantsLogs }) => wantsLogs);
    if (another === undefined) one?.notify(line, undefined);
  }

  #gone(): void {
    this.#isOver = true;
    this.calls.end();
    this.#upstream.rounds.executions.endThrough(this.calls);
    for (const ear of this.#ears.values()) ear.upstreamGone();
  }
}

function placeOfOwner(method: string, params: unknown): { readonly path: readonly string[]; readonly id: unknown } {
  const path = pathOfOwner(method);
  return { path: ["params", ...path], id: valueAt(params, path) };
}

function pathOfOwner(method: string): readonly string[] {
  if (method === "notifications/progress") return ["progressToken"];
  if (method === "notifications/cancelled") return ["requestId"];
  return ["_meta", SUBSCRIPTION_ID];
}
