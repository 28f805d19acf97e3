/**
 * The gateway's core: one client in front of one upstream, message by message, without an MCP class on the way. Everything goes on as the
 * bytes that came, but tool calls, which go through guard, and what belongs to them: their cancellation and their answers. What could be
 * a tool call to some reader and is none to us is refused. It knows no transport: lines in, lines out.
 */
import { parseJson, type JsonObject, type JsonValue } from "@countersign/sdk/call";
import { localPrincipal, type Governance, type ProposedCall } from "@countersign/sdk/enforcement";
import type { Caller, ServerRef } from "@countersign/sdk";
import { governCall, isUnheard, scopeOf, UPSTREAM_GONE, type ClientCall } from "./call/governed-call.ts";
import { errorAnswer } from "./call/answer-text.ts";
import { INVALID_REQUEST, readClientMessage, type ClientMessage, type RpcId } from "./message/read-client-message.ts";
import { readUpstreamMessage } from "./message/read-upstream-message.ts";
import { createToolList, type ToolList } from "./call/tool-list.ts";
import { Rounds } from "./call/rounds.ts";
import { TaskWatch } from "./call/task-watch.ts";
import { UpstreamCalls } from "./call/upstream-calls.ts";
import type { UpstreamAnswer } from "./call/upstream-port.ts";
import type { Waiting } from "./call/waiting.ts";

export interface RelayOptions {
  /** What calls are governed by, once it is there; rejects with what to tell the client. Asked with every call. */
  readonly governance: () => Governance | Promise<Governance>;
  /** Name, identity and transport of the upstream. Asked once, with the first call. */
  readonly server: () => Promise<ServerRef>;
  readonly caller: Omit<Caller, "principal">;
  readonly waiting: Waiting;
  /** What clients come back to, where several relays serve them, for its maker to end. Default: this relay's own. */
  readonly rounds?: Rounds;
  /** What the client proved itself with, where clients have credentials of their own. Default: there is one client. */
  readonly credential?: string;
  /** What a client gets that cancels a call which was sent already: the upstream may still answer for so long. Then the outcome is unknown. */
  readonly cancelGraceMs: number;
  readonly toClient: (bytes: Buffer | string) => void;
  readonly toUpstream: (bytes: Buffer | string) => void;
  readonly onWarning: (message: string) => void;
}

/** Calls of one client under way at the same time; above it they are refused. */
const MAX_OPEN = 1_024;
const LEGACY_KEYS = ["task"] as const;
const MODERN_KEYS = ["inputResponses", "requestState"] as const;
const ENVELOPE = "io.modelcontextprotocol/";
const VERSION = `${ENVELOPE}protocolVersion`;

export class Relay {
  readonly #options: RelayOptions;
  readonly #calls: UpstreamCalls;
  readonly #tools: ToolList;
  readonly #rounds: Rounds;
  readonly #tasks: TaskWatch;
  /** Calls that their client waits for, by its id. */
  readonly #open = new Map<RpcId, ClientCall>();
  /** Lists the client asked for: the cursor, by its id. */
  readonly #lists = new Map<RpcId, string | undefined>();
  readonly #running = new Set<Promise<void>>();
  #server: ServerRef | undefined;
  #initializing: RpcId | undefined;
  #protocolVersion: string | undefined;
  /** What each request of the protocol without sessions says of its client; undefined in a session. */
  #envelope: JsonObject | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#rounds = options.rounds ?? new Rounds();
    this.#tasks = new TaskWatch({ tasks: this.#rounds.tasks, scope: () => (this.#server === undefined ? undefined : scopeOf(this.#server)), inspects: () => inspectsResults(options.governance()) });
    this.#calls = new UpstreamCalls(options.toUpstream);
    this.#tools = createToolList((cursor, signal) => this.#list(cursor, signal));
  }

  /** A line of the client, with its line feed. */
  fromClient(line: Buffer): void {
    const bytes = withoutEnd(line);
    if (bytes.length === 0) return;
    const message = readClientMessage(bytes);
    switch (message.kind) {
      case "call":
        return this.#govern(message);
      case "refused":
        return this.#refuse(message);
      case "request":
        if (this.#open.has(message.id)) return this.#refuse({ id: message.id, code: INVALID_REQUEST, reason: "the id of a call that is under way" });
        this.#note(message.id, message.method, message.params);
        break;
      case "notification":
        if (message.method === "notifications/cancelled" && this.#cancel(message.params)) return;
        break;
      case "response":
        break;
    }
    this.#options.toUpstream(line);
  }

  /** A line of the client was longer than anything may be: who waits for it cannot be told. */
  oversizeFromClient(limit: number): void {
    this.#refuse({ id: null, code: INVALID_REQUEST, reason: `the message is longer than the limit of ${limit} bytes` });
  }

  /** A line of the upstream, with its line feed. */
  fromUpstream(line: Buffer): void {
    const message = readUpstreamMessage(line);
    if (message.kind === "answer") {
      if (this.#calls.settle(message, line)) return;
      // The upstream never saw these ids: an answer under one of them would pass for that of a call which it did not get.
      if (this.#open.has(message.id)) return this.#options.onWarning("the server answered a call that was not sent to it; that is not passed on");
      this.#learn(message, line);
    }
    const later = message.kind === "other" ? undefined : message.kind === "answer" ? this.#tasks.answered(message) : this.#tasks.notified(message.method, message.params);
    if (later !== undefined) void later.then((instead) => this.#options.toClient(instead ?? line));
    else this.#options.toClient(line);
    if (message.kind === "notification" && message.method === "notifications/tools/list_changed") this.#tools.changed();
  }

  /** The client is gone: what waits for people is cancelled, and nothing that was not sent is sent any more. */
  clientGone(): void {
    if (this.#options.rounds === undefined) this.#rounds.executions.end();
    for (const call of this.#open.values()) if (call.upstreamId === undefined) call.cancelled.abort();
  }

  /** The upstream is gone: what it was sent has no answer any more, and what waits for people has nothing to go to. */
  upstreamGone(): void {
    this.#calls.end();
    this.#rounds.executions.endThrough(this.#calls);
    for (const call of this.#open.values()) if (call.upstreamId === undefined) call.cancelled.abort(UPSTREAM_GONE);
  }

  /** Resolves when no call is under way. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#options.rounds === undefined) await this.#rounds.executions.drained();
  }

  #govern({ id, params }: Extract<ClientMessage, { kind: "call" }>): void {
    if (this.#open.has(id) || this.#lists.has(id)) return this.#refuse({ id, code: INVALID_REQUEST, reason: "the id of a request that is under way" });
    if (this.#open.size >= MAX_OPEN) return this.#refuse({ id, code: INVALID_REQUEST, reason: `more than ${MAX_OPEN} calls under way` });
    const meta = metaOf(params);
    const modern = this.#takeEnvelope(meta);
    const token = meta?.["progressToken"];
    const progressToken = typeof token === "string" || typeof token === "number" ? token : undefined;
    const call: ClientCall = { id, modern, progressToken, cancelled: new AbortController(), upstreamId: undefined, grace: undefined };
    this.#open.set(id, call);
    const running = this.#run(call, params).finally(() => {
      clearTimeout(call.grace);
      this.#open.delete(id);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  /** Never rejects. */
  async #run(call: ClientCall, params: JsonValue | undefined): Promise<void> {
    const { toClient, waiting, credential = "", onWarning } = this.#options;
    const { signal } = call.cancelled;
    try {
      let governance: Governance | Promise<Governance> = this.#options.governance();
      if (governance instanceof Promise) governance = await governance;
      this.#server ??= await this.#options.server();
      if (this.#tools.refreshing !== undefined) await this.#tools.refreshing;
      if (isUnheard(signal)) return;
      const proposed = this.#propose(call, params, governance, this.#server);
      const answer = await governCall(call, proposed, { governance, upstream: this.#calls, waiting, rounds: this.#rounds, credential, write: toClient, onWarning });
      if (answer !== undefined) toClient(answer);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      onWarning(`a call was refused: ${why}`);
      if (!isUnheard(signal)) toClient(`${JSON.stringify({ jsonrpc: "2.0", id: call.id, result: errorAnswer(`The call did not run: ${why}`, call.modern) })}\n`);
    }
  }

  #propose({ modern }: ClientCall, params: JsonValue | undefined, governance: Governance, server: ServerRef): ProposedCall {
    return {
      params,
      eraKeys: modern ? MODERN_KEYS : LEGACY_KEYS,
      server,
      caller: { ...this.#options.caller, principal: governance.principal ?? localPrincipal() },
      tools: this.#tools.catalog,
      connection: { sessionId: undefined, protocolVersion: this.#protocolVersion, address: undefined, port: undefined },
      maxBytes: governance.maxCallBytes,
    };
  }

  #refuse({ id, code, reason }: Omit<Extract<ClientMessage, { kind: "refused" }>, "kind">): void {
    this.#options.onWarning(`a message of the client was refused: ${reason}`);
    if (id !== undefined) this.#options.toClient(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message: `Refused by Countersign: ${reason}` } })}\n`);
  }

  /** Remembers what to learn from the answer. */
  #note(id: RpcId, method: string, params: JsonValue | undefined): void {
    this.#takeEnvelope(metaOf(params));
    this.#tasks.asked(id, method, params);
    if (method === "initialize") this.#initializing = id;
    if (method !== "tools/list") return;
    const cursor = memberOf(params, "cursor");
    if (this.#lists.size >= MAX_OPEN) this.#lists.clear(); // an upstream that answers none of them teaches nothing
    this.#lists.set(id, typeof cursor === "string" ? cursor : undefined);
  }

  #learn({ id, ok, body }: UpstreamAnswer, line: Buffer): void {
    if (id === this.#initializing) {
      this.#initializing = undefined;
      const version: unknown = ok && body !== null && typeof body === "object" ? Reflect.get(body, "protocolVersion") : undefined;
      if (typeof version === "string") this.#protocolVersion = version;
    }
    if (!this.#lists.has(id)) return;
    const cursor = this.#lists.get(id);
    this.#lists.delete(id);
    if (ok) this.#tools.catalog.observe(cursor, resultIn(line));
  }

  /** Whether the message is of the protocol without sessions; keeps what it says of its client for requests of our own. */
  #takeEnvelope(meta: JsonObject | undefined): boolean {
    if (this.#protocolVersion !== undefined && this.#envelope === undefined) return false; // a session was agreed on
    if (meta === undefined || typeof meta[VERSION] !== "string") return this.#envelope !== undefined;
    this.#envelope = Object.fromEntries(Object.entries(meta).filter(([key]) => key.startsWith(ENVELOPE)));
    this.#protocolVersion = meta[VERSION];
    return true;
  }

  /** True where the cancelled request is a tool call: the upstream knows it under another id, or not at all. */
  #cancel(params: JsonValue | undefined): boolean {
    const id = memberOf(params, "requestId");
    const call = typeof id === "string" || typeof id === "number" ? this.#open.get(id) : undefined;
    if (call === undefined) return false;
    const { upstreamId } = call;
    call.cancelled.abort();
    if (upstreamId === undefined) return true;
    // What else it says, such as the reason, goes along.
    const told = { ...(params as JsonObject), requestId: upstreamId }; // it has a member, so it is an object
    this.#options.toUpstream(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: told })}\n`);
    call.grace ??= setTimeout(() => this.#calls.giveUp(upstreamId), this.#options.cancelGraceMs);
    return true;
  }

  async #list(cursor: string | undefined, signal: AbortSignal): Promise<unknown> {
    const params = { ...(cursor === undefined ? {} : { cursor }), ...(this.#envelope === undefined ? {} : { _meta: this.#envelope }) };
    const reply = await this.#calls.list(params, signal);
    if (reply === undefined) throw new Error("the server did not list its tools");
    if (!reply.answer.ok) throw new Error("the server refused to list its tools");
    return resultIn(reply.line);
  }
}

function inspectsResults(governance: Governance | Promise<Governance>): boolean | Promise<boolean> {
  const looks = ({ ports }: Governance): boolean => ports.inspect.inspections.length > 0;
  return governance instanceof Promise ? governance.then(looks) : looks(governance);
}

/** Definitions are compared by their keys, so they are read as keys deserve. */
function resultIn(line: Buffer): unknown {
  return memberOf(parseJson(line.toString("utf8")), "result");
}

function metaOf(params: JsonValue | undefined): JsonObject | undefined {
  const meta = memberOf(params, "_meta");
  return meta !== null && typeof meta === "object" && !Array.isArray(meta) ? (meta as JsonObject) : undefined; // no list, no null
}

function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return value !== null && typeof value === "object" && Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined; // an own member of JSON
}

function withoutEnd(line: Buffer): Buffer {
  const end = line.length - (line.at(-1) === 0x0a ? 1 : 0);
  return line.subarray(0, line[end - 1] === 0x0d ? end - 1 : end);
}
