/**
 * One request of the protocol without sessions before a shared connection: under an id and a token of ours there, under its own here. It
 * is answered as JSON, or as a stream from the first notification on; where its client closes, it is cancelled.
 */
import type { Caller } from "@countersign/sdk";
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { ClientCalls } from "../call/client-calls.ts";
import { scopeOf } from "../call/governed-call.ts";
import { isAboutTasks } from "../call/seen-task.ts";
import { inspectsResults, TaskWatch } from "../call/task-watch.ts";
import { isKnownMethod, METHOD_NOT_FOUND, UNKNOWN_METHOD } from "../message/known-methods.ts";
import { replaceValues } from "../message/member-place.ts";
import { CAPABILITIES, isObject, memberOf, metaOf, resultIn, VERSION } from "../message/members.ts";
import { INVALID_REQUEST, type ClientMessage } from "../message/read-client-message.ts";
import { readUpstreamMessage, valueAt, type UpstreamMessage } from "../message/read-upstream-message.ts";
import { answerError } from "./answer-error.ts";
import type { PostExchange } from "./http-endpoint.ts";
import { lineOf } from "./lines.ts";
import { Reply } from "./reply.ts";
import type { ServedUpstream } from "./served-upstream.ts";
import { SUBSCRIPTION_ID, type Ear, type SharedUpstream } from "./shared-upstream.ts";

type Asking = Extract<ClientMessage, { kind: "call" | "request" }>;

const LOG_LEVEL = "io.modelcontextprotocol/logLevel";
const INVALID_PARAMS = -32_602;
/** Errors that HTTP says by its status too. */
const STATUS_OF_CODE: ReadonlyMap<unknown, number> = new Map([[-32_700, 400], [INVALID_REQUEST, 400], [METHOD_NOT_FOUND, 404], [-32_020, 400], [-32_021, 400], [-32_022, 400]]);
/** No error is longer. */
const MAX_ERROR_BYTES = 256 * 1024;
/** A call goes under an id that no server can guess; this one is for what belongs to it. */
const NOT_SENT = "the server ended a call under an id that it was not sent under; that is not passed on";
const GONE = "the server has ended before it answered";

export class StatelessExchange implements Ear {
  readonly #exchange: PostExchange;
  readonly #asking: Asking;
  readonly #shared: SharedUpstream;
  readonly #calls: ClientCalls;
  readonly #reply: Reply;
  /** What the server knows it by. */
  readonly #id: string;
  readonly #meta: JsonObject;
  readonly #leaving = new AbortController();
  readonly #upstream: ServedUpstream;
  /** Where it is about a task, or listens. */
  #tasks: TaskWatch | undefined;

  constructor(exchange: PostExchange, asking: Asking, meta: JsonObject, upstream: ServedUpstream, shared: SharedUpstream, session: string) {
    this.#exchange = exchange;
    this.#asking = asking;
    this.#meta = meta;
    this.#upstream = upstream;
    this.#shared = shared;
    this.#id = shared.join(this);
    this.#reply = new Reply(exchange, {
      id: asking.id,
      headers: {},
      pulse: upstream.pulse,
      openAfterMs: upstream.openAfterMs.exchange,
      resumption: undefined,
      resumeMs: 0,
      onOver: () => shared.part(this.#id),
    });
    const { agent, user, governance } = exchange.caller;
    this.#calls = new ClientCalls({
      ...upstream,
      credential: exchange.caller.credential,
      governance,
      caller: { agent, user, session: { id: session } } satisfies Omit<Caller, "principal">,
      upstream: shared.calls,
      tools: shared.tools,
      // Who closes has cancelled. A stream comes after a moment: until then the server's error can still be told by its status.
      hearing: () => ({ held: () => undefined, lost: this.#leaving.signal, heard: () => Promise.resolve(true) }),
      toClient: (bytes, _id, last) => this.#say(bytes, last),
      toUpstream: (bytes) => shared.send(bytes),
    });
  }

  /** Resolves when it is answered, or cancelled because its client is gone. */
  async run(): Promise<void> {
    const { gone } = this.#exchange;
    if (this.#asking.kind === "call") this.#calls.govern(this.#asking.id, this.#ownToken(this.#asking.params), { modern: true, protocolVersion: this.#version });
    else {
      await this.#watchTasks(this.#asking);
      this.#shared.send(lineOf(this.#ownBody()));
    }
    if (gone.aborted) this.#cancel();
    else gone.addEventListener("abort", () => this.#cancel(), { once: true });
    await this.#reply.settled;
    await this.#calls.drained();
  }

  get wantsLogs(): boolean {
    return typeof this.#meta[LOG_LEVEL] === "string" && (this.#asking.kind === "request" || this.#calls.isSent(this.#asking.id));
  }

  get #version(): string | undefined {
    const version = this.#meta[VERSION];
    return typeof version === "string" ? version : undefined;
  }

  answer(line: Buffer, { ok, body }: Extract<UpstreamMessage, { kind: "answer" }>): void {
    if (this.#asking.kind === "call") return this.#upstream.onWarning(NOT_SENT);
    const { method, params, id } = this.#asking;
    if (ok && method === "tools/list") {
      const cursor = memberOf(params, "cursor");
      this.#shared.tools.catalog.observe(typeof cursor === "string" ? cursor : undefined, resultIn(line));
    }
    const ownId = JSON.stringify(id);
    const stamp = ["result", "_meta", SUBSCRIPTION_ID];
    const changes = [{ path: ["id"], to: ownId }];
    if (valueAt(body, stamp.slice(1)) === this.#id) changes.push({ path: stamp, to: ownId });
    const own = replaceValues(line, changes) ?? line;
    const status = statusOf(ok ? undefined : body);
    const later = this.#tasks?.said({ kind: "answer", id, ok, body });
    if (later === undefined) this.#reply.answer(own, status);
    else void later.then((instead) => this.#reply.answer(instead ?? own, status));
  }

  notify(line: Buffer, path: readonly string[] | undefined): void {
    const later = this.#tasks?.said(readUpstreamMessage(line));
    if (later === undefined) this.#notify(line, path);
    else void later.then((instead) => this.#notify(instead === undefined ? line : Buffer.from(instead), path));
  }

  async #watchTasks({ id, method, params }: Extract<Asking, { kind: "request" }>): Promise<void> {
    if (!isAboutTasks(method)) return;
    const scope = scopeOf(await this.#upstream.server());
    const { governance } = this.#exchange.caller;
    this.#tasks = new TaskWatch({ tasks: this.#upstream.rounds.tasks, scope: () => scope, inspects: () => inspectsResults(governance()) });
    this.#tasks.asked(id, method, params);
  }

  #notify(line: Buffer, path: readonly string[] | undefined): void {
    if (path === undefined) return this.#reply.beside(line);
    const own = path.at(-1) === "progressToken" ? this.#meta["progressToken"] : this.#asking.id;
    const bytes = own === undefined ? undefined : replaceValues(line, [{ path, to: JSON.stringify(own) }]); // a token that nobody gave is nobody's
    if (bytes !== undefined) this.#reply.beside(bytes);
  }

  end(): void {
    if (this.#asking.kind === "call") this.#upstream.onWarning(NOT_SENT);
    else this.#reply.end();
  }

  leave(): void {
    this.#leaving.abort();
    if (this.#asking.kind === "request" && this.#asking.method === "subscriptions/listen") this.#cancel();
  }

  upstreamGone(): void {
    if (this.#asking.kind === "call") this.#calls.upstreamGone();
    else this.#reply.refuse({ status: 502, reason: GONE });
  }

  #cancel(): void {
    if (this.#asking.kind === "call") this.#calls.cancel({ requestId: this.#asking.id });
    else if (!this.#shared.isOver) this.#shared.send(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: this.#id } })}\n`);
    this.#reply.end();
  }

  /** Of a call: its answer, or what we say while it waits, under the token that we gave it. */
  #say(bytes: Buffer | string, last: boolean): void {
    if (last) this.#upstream.onAnswer?.(bytes);
    if (last) this.#reply.answer(bytes, statusOfAnswer(bytes));
    else if (readUpstreamMessage(Buffer.from(bytes)).kind === "notification") this.notify(Buffer.from(bytes), ["params", "progressToken"]);
    else this.#reply.beside(bytes);
  }

  /** Params with our token in the place of the client's, whose own it is to choose: two clients may choose the same. */
  #ownToken(params: JsonValue | undefined): JsonValue | undefined {
    if (this.#meta["progressToken"] === undefined) return params;
    return { ...(params as JsonObject), _meta: { ...this.#meta, progressToken: this.#id } }; // it has a member, so it is an object
  }

  #ownBody(): Buffer {
    const own = JSON.stringify(this.#id);
    const changes = [{ path: ["id"], to: own }];
    if (this.#meta["progressToken"] !== undefined) changes.push({ path: ["params", "_meta", "progressToken"], to: own });
    const body = replaceValues(this.#exchange.body, changes);
    if (body === undefined) throw new Error("a message that was read has no id in its bytes");
    return body;
  }
}

/** What says of its client what every request has to say: else the server might take it for one of an older protocol. */
export function envelopeOf(params: JsonValue | undefined): JsonObject | undefined {
  const meta = metaOf(params);
  return typeof meta?.[VERSION] === "string" && isObject(meta[CAPABILITIES]) ? meta : undefined;
}

/** Answers what cannot be sent on as it is; true where it did. */
export function refuseStateless({ response, message }: PostExchange, { unknownMethods }: Pick<ServedUpstream, "unknownMethods">): boolean {
  const id = "id" in message ? message.id : null;
  const refuse = (status: number, code: number, reason: string): true => {
    answerError(response, { status, code, reason, id });
    return true;
  };
  if (message.kind === "response") return refuse(400, INVALID_REQUEST, "this revision of the protocol has no requests to respond to");
  if (message.kind === "notification") {
    const known = unknownMethods === "pass" || isKnownMethod(message.method);
    // Closing a request's stream cancels it. An id says nothing here: other clients have the same.
    if (known && message.method !== "notifications/cancelled") return false;
    response.writeHead(202).end();
    return true;
  }
  if (message.kind === "request" && unknownMethods === "block" && !isKnownMethod(message.method)) return refuse(404, METHOD_NOT_FOUND, UNKNOWN_METHOD);
  if (envelopeOf(message.params) === undefined) return refuse(400, INVALID_PARAMS, `_meta must have ${VERSION} and ${CAPABILITIES}`);
  return false;
}

export function statusOf(error: unknown): number {
  return STATUS_OF_CODE.get(valueAt(error, ["code"])) ?? 200;
}

function statusOfAnswer(bytes: Buffer | string): number {
  if (typeof bytes === "string" || bytes.length > MAX_ERROR_BYTES) return 200;
  const message = readUpstreamMessage(bytes);
  return message.kind === "answer" && !message.ok ? statusOf(message.body) : 200;
}
