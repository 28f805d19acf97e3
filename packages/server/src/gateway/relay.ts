/**
 * The gateway's core: one client in front of one upstream, message by message, without an MCP class on the way. Everything goes on as the
 * bytes that came, but tool calls, which go through guard, and what belongs to them: their cancellation and their answers. What could be
 * a tool call to some reader and is none to us is refused. It knows no transport: lines in, lines out.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import type { ServerRef } from "@countersign/sdk";
import { ClientCalls, type ClientCallsOptions } from "./call/client-calls.ts";
import { ClientRequests } from "./call/client-requests.ts";
import { showsForms } from "./call/elicit-approval.ts";
import { scopeOf } from "./call/governed-call.ts";
import { Rounds } from "./call/rounds.ts";
import { inspectsResults, TaskWatch } from "./call/task-watch.ts";
import { createToolList, type ToolList } from "./call/tool-list.ts";
import { UpstreamCalls } from "./call/upstream-calls.ts";
import type { UpstreamAnswer } from "./call/upstream-port.ts";
import { isKnownMethod, METHOD_NOT_FOUND, UNKNOWN_METHOD, type UnknownMethods } from "./message/known-methods.ts";
import { ENVELOPE, memberOf, metaOf, resultIn, VERSION } from "./message/members.ts";
import { readClientLine } from "./message/read-client-line.ts";
import { INVALID_REQUEST, type ClientMessage, type RpcId } from "./message/read-client-message.ts";
import { readUpstreamMessage, type UpstreamMessage } from "./message/read-upstream-message.ts";
import { withoutReturns } from "./message/without-returns.ts";

export interface RelayOptions extends Pick<ClientCallsOptions, "governance" | "caller" | "sessionId" | "waiting" | "cancelGraceMs" | "hearing" | "shownName" | "onWarning"> {
  /** Name, identity and transport of the upstream. Asked once, with the first call. */
  readonly server: () => Promise<ServerRef>;
  /** What clients come back to, where several relays serve them, for its maker to end. Default: this relay's own. */
  readonly rounds?: Rounds | undefined;
  /** As RequestStates has it, for rounds of its own. */
  readonly stateKey?: (() => Uint8Array) | undefined;
  /** What the client proved itself with, where clients have credentials of their own. Default: there is one client. */
  readonly credential?: string | undefined;
  /** Told each time when the client was answered a list of tools: it is through with its start. */
  readonly onListed?: (() => void) | undefined;
  /** What to do with methods that no revision of the protocol knows. Default: pass. */
  readonly unknownMethods?: UnknownMethods | undefined;
  /** `about`: what the message is, for clients that hear on many streams. */
  readonly toClient: (bytes: Buffer | string, about: ClientBound) => void;
  readonly toUpstream: (bytes: Buffer | string) => void;
}

/** A message for the client: an answer, what is said beside a request that is under way, or whatever else the upstream says. */
export type ClientBound =
  | { readonly kind: "answer"; readonly id: RpcId | null; readonly ok: boolean }
  | { readonly kind: "beside"; readonly id: RpcId }
  | Exclude<UpstreamMessage, { kind: "answer" }>;

/** Calls of one client under way at the same time; above it they are refused. */
const MAX_OPEN = 1_024;
const HEADER_MISMATCH = -32_020;

export class Relay {
  readonly #options: RelayOptions;
  readonly #upstream: UpstreamCalls;
  readonly #tools: ToolList;
  readonly #calls: ClientCalls;
  readonly #rounds: Rounds;
  readonly #tasks: TaskWatch;
  /** What we asked the client. */
  readonly #asked = new ClientRequests();
  #showsForms = false;
  /** Lists the client asked for: the cursor, by its id. */
  readonly #lists = new Map<RpcId, string | undefined>();
  #server: ServerRef | undefined;
  #initializing: RpcId | undefined;
  #protocolVersion: string | undefined;
  /** What each request of the protocol without sessions says of its client; undefined in a session. */
  #envelope: JsonObject | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#upstream = new UpstreamCalls(options.toUpstream);
    this.#tools = createToolList((cursor, signal) => this.#list(cursor, signal));
    this.#rounds = options.rounds ?? new Rounds({ key: options.stateKey });
    this.#tasks = new TaskWatch({ tasks: this.#rounds.tasks, scope: () => (this.#server === undefined ? undefined : scopeOf(this.#server)), inspects: () => inspectsResults(options.governance()) });
    this.#calls = new ClientCalls({
      ...options,
      rounds: this.#rounds,
      client: () => (this.#showsForms ? this.#asked : undefined),
      credential: options.credential ?? "",
      server: () => this.#server ?? this.#askServer(),
      upstream: this.#upstream,
      tools: this.#tools,
      toClient: (bytes, id, last) => options.toClient(bytes, last ? { kind: "answer", id, ok: true } : { kind: "beside", id }),
    });
  }

  /** As client and upstream agreed on it; undefined before. */
  get protocolVersion(): string | undefined {
    return this.#protocolVersion;
  }

  /** A line of the client, with its line feed. */
  fromClient(line: Buffer): void {
    const message = readClientLine(line);
    if (message !== undefined) this.receive(message, line);
  }

  /** A message of the client, and the line that it came in, with its line feed. */
  receive(message: ClientMessage, line: Buffer): void {
    if (message.kind === "refused") return this.#refuse(message);
    if (message.kind === "call") return this.#govern(message);
    if (message.kind === "response" && this.#asked.settle(message)) return;
    if (message.kind !== "response" && this.#options.unknownMethods === "block" && !isKnownMethod(message.method)) {
      return this.#refuse({ id: message.kind === "request" ? message.id : undefined, code: METHOD_NOT_FOUND, reason: UNKNOWN_METHOD });
    }
    if (message.kind === "request") {
      if (this.#calls.has(message.id)) return this.#refuse({ id: message.id, code: INVALID_REQUEST, reason: "the id of a call that is under way" });
      this.#note(message.id, message.method, message.params);
    }
    if (message.kind === "notification" && message.method === "notifications/cancelled" && this.#calls.cancel(message.params)) return;
    this.#options.toUpstream(line);
  }

  /** A line of the client was longer than anything may be: who waits for it cannot be told. */
  oversizeFromClient(limit: number): void {
    this.#refuse({ id: null, code: INVALID_REQUEST, reason: `the message is longer than the limit of ${limit} bytes` });
  }

  /** A line of the upstream, with its line feed. `outcome`: as UpstreamListener has it. */
  fromUpstream(given: Buffer, outcome?: "unknown"): void {
    const line = withoutReturns(given);
    const message = readUpstreamMessage(line);
    let isList = false;
    if (message.kind === "other" && message.hasAnswers === true) return this.#options.onWarning("the server answered in a list, which nobody asked for; that is not passed on");
    if (message.kind === "answer") {
      if (isHeaderMismatch(message)) this.#tools.changed(); // its headers are made from its list
      if (this.#upstream.settle(message, line, outcome)) return;
      // The upstream never saw these ids: an answer under one of them would pass for that of a call which it did not get.
      if (this.#calls.has(message.id)) return this.#options.onWarning("the server answered a call that was not sent to it; that is not passed on");
      isList = this.#learn(message, line);
    }
    const later = this.#tasks.said(message);
    if (later === undefined) this.#options.toClient(line, message);
    else void later.then((instead) => this.#options.toClient(instead ?? line, message));
    if (message.kind === "notification" && message.method === "notifications/tools/list_changed") this.#tools.changed();
    if (isList) this.#options.onListed?.();
  }

  /** The client is gone: what waits for people is cancelled, and nothing that was not sent is sent any more. */
  clientGone(): void {
    this.#asked.end();
    if (this.#options.rounds === undefined) this.#rounds.end();
    this.#calls.clientGone();
  }

  /** The upstream is gone: what it was sent has no answer any more, and what waits for people has nothing to go to. */
  upstreamGone(): void {
    this.#upstream.end();
    this.#rounds.executions.endThrough(this.#upstream);
    this.#calls.upstreamGone();
  }

  /** Resolves when no call is under way. */
  async drained(): Promise<void> {
    await this.#calls.drained();
    if (this.#options.rounds === undefined) await this.#rounds.drained();
  }

  #govern({ id, params }: Extract<ClientMessage, { kind: "call" }>): void {
    if (this.#calls.has(id) || this.#lists.has(id)) return this.#refuse({ id, code: INVALID_REQUEST, reason: "the id of a request that is under way" });
    if (this.#calls.size >= MAX_OPEN) return this.#refuse({ id, code: INVALID_REQUEST, reason: `more than ${MAX_OPEN} calls under way` });
    this.#calls.govern(id, params, { modern: this.#takeEnvelope(metaOf(params)), protocolVersion: this.#protocolVersion });
  }

  #refuse({ id, code, reason }: Omit<Extract<ClientMessage, { kind: "refused" }>, "kind">): void {
    this.#options.onWarning(`a message of the client was refused: ${reason}`);
    if (id === undefined) return;
    this.#options.toClient(`${JSON.stringify({ jsonrpc: "2.0", id, error: { code, message: `Refused by Countersign: ${reason}` } })}\n`, { kind: "answer", id, ok: false });
  }

  async #askServer(): Promise<ServerRef> {
    return (this.#server = await this.#options.server());
  }

  /** Remembers what to learn from the answer. */
  #note(id: RpcId, method: string, params: JsonValue | undefined): void {
    this.#takeEnvelope(metaOf(params));
    this.#tasks.asked(id, method, params);
    if (method === "initialize") {
      this.#initializing = id;
      this.#showsForms = showsForms(memberOf(memberOf(params, "capabilities"), "elicitation"));
    }
    if (method !== "tools/list") return;
    const cursor = memberOf(params, "cursor");
    if (this.#lists.size >= MAX_OPEN) this.#lists.clear(); // an upstream that answers none of them teaches nothing
    this.#lists.set(id, typeof cursor === "string" ? cursor : undefined);
  }

  /** True for a list of tools. */
  #learn({ id, ok, body }: UpstreamAnswer, line: Buffer): boolean {
    if (id === this.#initializing) {
      this.#initializing = undefined;
      const version: unknown = ok && body !== null && typeof body === "object" ? Reflect.get(body, "protocolVersion") : undefined;
      if (typeof version === "string") this.#beginSession(version);
    }
    if (!this.#lists.has(id)) return false;
    const cursor = this.#lists.get(id);
    this.#lists.delete(id);
    if (ok) this.#tools.catalog.observe(cursor, resultIn(line));
    return true;
  }

  /** A client may have tried the protocol without sessions first; what it says from now on is said in this session. */
  #beginSession(version: string): void {
    this.#protocolVersion = version;
    this.#envelope = undefined;
  }

  /** Whether the message is of the protocol without sessions; keeps what it says of its client for requests of our own. */
  #takeEnvelope(meta: JsonObject | undefined): boolean {
    if (this.#protocolVersion !== undefined && this.#envelope === undefined) return false; // a session was agreed on
    if (meta === undefined || typeof meta[VERSION] !== "string") return this.#envelope !== undefined;
    this.#envelope = Object.fromEntries(Object.entries(meta).filter(([key]) => key.startsWith(ENVELOPE)));
    this.#protocolVersion = meta[VERSION];
    return true;
  }

  #list(cursor: string | undefined, signal: AbortSignal): Promise<unknown> {
    return this.#upstream.list({ ...(cursor === undefined ? {} : { cursor }), ...(this.#envelope === undefined ? {} : { _meta: this.#envelope }) }, signal);
  }
}

function isHeaderMismatch({ ok, body }: UpstreamAnswer): boolean {
  return !ok && body !== null && typeof body === "object" && Reflect.get(body, "code") === HEADER_MISMATCH;
}
