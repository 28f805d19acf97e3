/**
 * The tool calls of one client that are under way: each goes through guard, and is answered unless its client cancelled it. Used by whoever
 * serves a client before an upstream that is a connection; nothing else of it sends a call.
 */
import type { Caller, ServerRef } from "@countersign/sdk";
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { localPrincipal, type AskPort, type Governance, type ProposedCall } from "@countersign/sdk/enforcement";
import { errorAnswer } from "./answer-text.ts";
import type { ClientRequests } from "./client-requests.ts";
import { governCall, isUnheard, UPSTREAM_GONE, type ClientCall } from "./governed-call.ts";
import { askWhileHeard, type Hearing } from "./hearing.ts";
import { LEGACY_KEYS, memberOf, metaOf, MODERN_KEYS } from "../message/members.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { otherSpelling } from "../message/read-upstream-message.ts";
import type { Rounds } from "./rounds.ts";
import { Running } from "./running.ts";
import type { ToolList } from "./tool-list.ts";
import type { UpstreamCalls } from "./upstream-calls.ts";
import type { Waiting } from "./waiting.ts";

export interface ClientCallsOptions {
  /** What calls are governed by, once it is there; rejects with what to tell the client. Asked with every call. */
  readonly governance: () => Governance | Promise<Governance>;
  /** Name, identity and transport of the upstream. Asked with every call. */
  readonly server: () => ServerRef | Promise<ServerRef>;
  readonly caller: Omit<Caller, "principal">;
  /** The protocol's own name for the session, where it has one. */
  readonly sessionId?: string | undefined;
  readonly waiting: Waiting;
  readonly rounds: Rounds;
  /** What the caller proved itself with, where callers have credentials of their own. */
  readonly credential: string;
  /** What a client gets that cancels a call which was sent already: the upstream may still answer for so long. Then the outcome is unknown. */
  readonly cancelGraceMs: number;
  readonly upstream: UpstreamCalls;
  readonly tools: ToolList;
  /** How forms are put to the client, where it said that it can show them. */
  readonly client?: (() => ClientRequests | undefined) | undefined;
  /** Absent: its client hears for as long as it is there. */
  readonly hearing?: ((id: RpcId) => Hearing | undefined) | undefined;
  /** The name that the client calls a tool by. Default: its own. */
  readonly shownName?: ((tool: string) => string) | undefined;
  /** `last`: the answer; else what is said while it is waited for. */
  readonly toClient: (bytes: Buffer | string, id: RpcId, last: boolean) => void;
  readonly toUpstream: (bytes: string) => void;
  readonly onWarning: (message: string) => void;
}

export interface CallEra {
  /** Of the protocol without sessions. */
  readonly modern: boolean;
  readonly protocolVersion: string | undefined;
}

export class ClientCalls {
  readonly #options: ClientCallsOptions;
  /** Those that their client waits for, by its id. */
  readonly #open = new Map<RpcId, ClientCall>();
  readonly #running = new Running();

  constructor(options: ClientCallsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** However the id is spelled. */
  has(id: RpcId): boolean {
    return this.#open.has(id) || this.#open.has(otherSpelling(id));
  }

  /** Whether the upstream has it. */
  isSent(id: RpcId): boolean {
    return this.#open.get(id)?.upstreamId !== undefined;
  }

  /** No other call of this id may be under way. */
  govern(id: RpcId, params: JsonValue | undefined, era: CallEra): void {
    const token = metaOf(params)?.["progressToken"];
    const progressToken = typeof token === "string" || typeof token === "number" ? token : undefined;
    const call: ClientCall = { id, modern: era.modern, progressToken, cancelled: new AbortController(), upstreamId: undefined, grace: undefined };
    this.#open.set(id, call);
    this.#running.begin();
    void this.#run(call, params, era);
  }

  /** `params` of a cancellation. True where the cancelled request is a tool call: the upstream knows it under another id, or not at all. */
  cancel(params: JsonValue | undefined): boolean {
    const id = memberOf(params, "requestId");
    const call = typeof id === "string" || typeof id === "number" ? this.#open.get(id) : undefined;
    if (call === undefined) return false;
    const { upstreamId } = call;
    call.cancelled.abort();
    if (upstreamId === undefined) return true;
    // What else it says, such as the reason, goes along.
    const told = { ...(params as JsonObject), requestId: upstreamId }; // it has a member, so it is an object
    this.#options.toUpstream(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: told })}\n`);
    call.grace ??= setTimeout(() => this.#options.upstream.giveUp(upstreamId), this.#options.cancelGraceMs);
    return true;
  }

  /** The client is gone: what waits for people is cancelled, and nothing that was not sent is sent any more. */
  clientGone(): void {
    for (const call of this.#open.values()) if (call.upstreamId === undefined) call.cancelled.abort();
  }

  /** The upstream is gone: what waits for people has nothing to go to. */
  upstreamGone(): void {
    for (const call of this.#open.values()) if (call.upstreamId === undefined) call.cancelled.abort(UPSTREAM_GONE);
  }

  /** Resolves when no call is under way. */
  drained(): Promise<void> {
    return this.#running.drained();
  }

  /** Never rejects. */
  async #run(call: ClientCall, params: JsonValue | undefined, era: CallEra): Promise<void> {
    const { upstream, tools, waiting, rounds, credential, shownName, onWarning, toClient } = this.#options;
    const { id } = call;
    const { signal } = call.cancelled;
    try {
      let governance: Governance | Promise<Governance> = this.#options.governance();
      if (governance instanceof Promise) governance = await governance;
      let server: ServerRef | Promise<ServerRef> = this.#options.server();
      if (server instanceof Promise) server = await server;
      if (tools.refreshing !== undefined) await tools.refreshing;
      if (era.modern) void tools.freshen(); // this call is judged by what is known
      if (isUnheard(signal)) return;
      const hearing = this.#options.hearing?.(id);
      const around = hearing === undefined ? undefined : (ask: AskPort): AskPort => askWhileHeard(ask, hearing);
      const write = (bytes: Buffer | string): void => toClient(bytes, id, false);
      const client = this.#options.client?.()?.through(write);
      const answer = await governCall(call, this.#propose(params, era, governance, server), { governance, upstream, waiting, rounds, credential, client, around, shownName, knowTools: () => (era.modern ? tools.freshen() : tools.refreshing), listFailure: () => tools.failure, write, onWarning });
      if (answer !== undefined) toClient(answer, id, true);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      onWarning(`a call was refused: ${why}`);
      if (!isUnheard(signal)) toClient(`${JSON.stringify({ jsonrpc: "2.0", id, result: errorAnswer(`The call did not run: ${why}`, call.modern) })}\n`, id, true);
    } finally {
      clearTimeout(call.grace);
      this.#open.delete(id);
      this.#running.end();
    }
  }

  #propose(params: JsonValue | undefined, { modern, protocolVersion }: CallEra, governance: Governance, server: ServerRef): ProposedCall {
    const { caller, tools, sessionId } = this.#options;
    return {
      params,
      eraKeys: modern ? MODERN_KEYS : LEGACY_KEYS,
      server,
      caller: { ...caller, principal: governance.principal ?? localPrincipal() },
      tools: tools.catalog,
      connection: { sessionId, protocolVersion, address: undefined, port: undefined },
      maxBytes: governance.maxCallBytes,
    };
  }
}
