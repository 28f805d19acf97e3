/**
 * What the forwarder remembers between requests: of a session of the older protocol, or of one credential where there is none. The tools
 * that the upstream listed, the calls under way by their ids, and how to ask the upstream for its list in the client's place.
 */
import { hash, randomBytes } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { JsonObject } from "@countersign/sdk/call";
import { errorAnswer, UNSEEN_RESULT } from "../call/answer-text.ts";
import { ClientRequests } from "../call/client-requests.ts";
import { createToolList, type ToolList } from "../call/tool-list.ts";
import type { Reply, UpstreamAnswer } from "../call/upstream-port.ts";
import { ENVELOPE, metaOf, resultIn } from "../message/members.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { otherSpelling, readUpstreamMessage, type UpstreamMessage } from "../message/read-upstream-message.ts";
import { dataOf, withData } from "./event-framer.ts";
import type { HttpRefusal } from "./answer-error.ts";
import type { PostExchange } from "./http-endpoint.ts";
import type { Heard, HttpUpstream } from "./http-upstream.ts";
import { collect, pumpEvents } from "./pump-events.ts";

/** A call as the streams of its session see it. */
export interface OpenCall {
  /** It was sent: an answer can be one to it. */
  readonly isSent: boolean;
  /** Takes its answer, wherever that comes, and gives what goes to the client in its place. */
  answered(reply: NonNullable<Reply>, event: Buffer): Promise<Buffer | undefined>;
  /** The client takes it back. True where the upstream has to be told. */
  cancel(): boolean;
  /** The session is over. */
  sessionEnded(): void;
  leaveWaiting(): void;
}

export interface ForwardSessionOptions {
  readonly credential: string;
  readonly protocolSession: string | undefined;
  readonly upstream: HttpUpstream;
  readonly onWarning: (message: string) => void;
}

/** Answers that were changed on their way, for the client that asks for them again by an event id: so many, and so many bytes. */
const MAX_CHANGED = 256;
const MAX_CHANGED_BYTES = 4 * 1024 * 1024;
/** Answers that were looked into and passed as they came. */
const MAX_PASSED = 1_024;
/** Without sessions a stream belongs to one request. */
export const FOREIGN = "answered what it was not asked there";

export class ForwardSession {
  readonly credential: string;
  /** The upstream's own id of it. */
  readonly protocolSession: string | undefined;
  readonly tools: ToolList;
  /** Of the protocol with sessions, by their ids; without one, ids belong to their own request alone. */
  readonly open = new Map<RpcId, OpenCall>();
  readonly calls = new Set<OpenCall>();
  /** What we asked the client, where it said that it can show forms. */
  readonly asked = new ClientRequests();
  showsForms = false;
  /** Why the last listing of our own failed: what a client is told that calls before there was any. */
  failure: HttpRefusal | undefined;
  /** `meta`: without sessions. */
  #context: { readonly headers: IncomingHttpHeaders; readonly meta: JsonObject | undefined } | undefined;
  readonly #changed = new Map<RpcId, Buffer | undefined>();
  #changedBytes = 0;
  /** By their digests. */
  readonly #passed = new Set<string>();
  readonly #upstream: HttpUpstream;
  readonly #onWarning: (message: string) => void;
  readonly #prefix = `countersign-${randomBytes(9).toString("base64url")}-`;
  #count = 0;

  constructor({ credential, protocolSession, upstream, onWarning }: ForwardSessionOptions) {
    this.credential = credential;
    this.protocolSession = protocolSession;
    this.#upstream = upstream;
    this.#onWarning = onWarning;
    this.tools = createToolList((cursor, signal) => this.#list(cursor, signal));
  }

  /** The tools were listed once, by whomever. */
  get isListed(): boolean {
    return this.tools.isListed;
  }

  schemaOf(tool: string): unknown {
    return this.tools.catalog.definition(tool)?.definition["inputSchema"];
  }

  /** How a request of this session is made: what ours are made like. */
  note({ request, stateless, message }: PostExchange): void {
    const meta = stateless && "params" in message ? metaOf(message.params) : undefined;
    this.#context = { headers: request.headers, meta };
  }

  /** Resolves once the upstream's tools are known, or cannot be had. */
  knowTools(): Promise<void> | undefined {
    if (this.tools.refreshing !== undefined) return this.tools.refreshing;
    if (!this.isListed) return this.tools.catalog.refresh(NEVER);
    if (this.#context?.meta !== undefined) void this.tools.freshen(); // this call is judged by what is known
    return undefined;
  }

  observe(cursor: string | undefined, message: Buffer): void {
    this.tools.catalog.observe(cursor, resultIn(message));
  }

  /** Looks at an event that goes to a client of this session, and gives what goes there in its place. `data`: what it says. `inspects`: whether results are looked into. */
  takeMessage(message: UpstreamMessage, data: Buffer, event: Buffer, inspects: () => boolean | Promise<boolean>): Buffer | undefined | Promise<Buffer | undefined> {
    if (message.kind === "notification" && message.method === "notifications/tools/list_changed") this.tools.changed();
    if (message.kind === "other" && message.hasAnswers === true) return this.drop("answered in a list, which nobody asked for");
    if (message.kind !== "answer") return event;
    const call = this.open.get(message.id);
    if (call?.isSent === true) return call.answered({ answer: message, line: data }, event);
    if (call !== undefined) return this.drop("answered a call that was not sent to it");
    if (this.open.has(otherSpelling(message.id))) return this.drop("answered a call under an id that only resembles its own");
    if (this.#passed.size > 0 && this.#passed.has(digestOf(data))) return event;
    if (this.#changed.has(message.id)) return this.#again(message.id, event);
    return isToolResult(message) ? this.#unseen(message.id, event, inspects()) : event;
  }

  /** The result of a call that has ended, asked for again, and nobody remembers what was passed on of it: where results are looked into, this one is not passed on. */
  #unseen(id: RpcId, event: Buffer, looks: boolean | Promise<boolean>): Buffer | Promise<Buffer> {
    const withheld = (): Buffer => withData(event, JSON.stringify({ jsonrpc: "2.0", id, result: errorAnswer(UNSEEN_RESULT, false) }));
    if (looks instanceof Promise) return looks.then((yes) => (yes ? withheld() : event), withheld);
    return looks ? withheld() : event;
  }

  /** Nothing goes to the client in the place of what the server did. */
  drop(what: string): undefined {
    this.#onWarning(`${this.#upstream.name} ${what}; that is not passed on`);
  }

  /** The answer of a call that has ended went to the client in other words: `bytes`; undefined is none at all. */
  keepChanged(id: RpcId, bytes: Buffer | undefined): void {
    this.#forgetChanged(id);
    this.#changed.set(id, bytes);
    this.#changedBytes += bytes?.length ?? 0;
    for (const oldest of this.#changed.keys()) {
      if (this.#changed.size <= MAX_CHANGED && this.#changedBytes <= MAX_CHANGED_BYTES) return;
      this.#forgetChanged(oldest);
    }
  }

  #forgetChanged(id: RpcId): void {
    this.#changedBytes -= this.#changed.get(id)?.length ?? 0;
    this.#changed.delete(id);
  }

  /** The answer of a call was looked into, and went to the client as it came. */
  keepPassed(data: Buffer): void {
    this.#passed.add(digestOf(data));
    const [oldest] = this.#passed;
    if (this.#passed.size > MAX_PASSED && oldest !== undefined) this.#passed.delete(oldest);
  }

  /** The client has ended it. */
  end(): void {
    this.asked.end();
    for (const call of this.calls) call.sessionEnded();
  }

  #again(id: RpcId, event: Buffer): Buffer | undefined {
    const bytes = this.#changed.get(id);
    return bytes === undefined ? undefined : withData(event, bytes);
  }

  async #list(cursor: string | undefined, signal: AbortSignal): Promise<unknown> {
    const { headers = {}, meta } = this.#context ?? {};
    const envelope = meta === undefined ? undefined : Object.fromEntries(Object.entries(meta).filter(([key]) => key.startsWith(ENVELOPE)));
    const id = `${this.#prefix}${(this.#count += 1)}`;
    const params = { ...(cursor === undefined ? {} : { cursor }), ...(envelope === undefined ? {} : { _meta: envelope }) };
    const own: OutgoingHttpHeaders = { ...this.#upstream.headersFor(headers), ...(envelope === undefined ? {} : { "mcp-method": "tools/list" }) };
    for (const name of Object.keys(own)) if (name === "mcp-name" || name === "last-event-id" || name.startsWith("mcp-param-")) delete own[name];
    const sending = this.#upstream.send("POST", own, JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list", params }), { again: true });
    const stop = (): void => sending.abort();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const heard = await sending.heard;
      this.failure = failureOf(heard, this.#upstream.name);
      if (heard.kind === "failed") throw new Error("the server cannot be reached");
      const line = await answerIn(heard.answer, id);
      if (line === undefined) throw new Error("the server did not list its tools");
      return resultIn(line);
    } finally {
      signal.removeEventListener("abort", stop);
      sending.abort(); // a stream may stay open behind the answer
    }
  }
}

function digestOf(data: Buffer): string {
  return hash("sha256", data, "base64url");
}

function isToolResult({ ok, body }: UpstreamAnswer): boolean {
  return ok && body !== null && typeof body === "object" && ["content", "structuredContent", "isError"].some((key) => Object.hasOwn(body, key));
}

const NEVER = new AbortController().signal;

function failureOf(heard: Heard, name: string): HttpRefusal | undefined {
  if (heard.kind === "failed") return { status: 502, reason: `the server ${name} cannot be reached (${heard.why}); the call was not sent` };
  const { statusCode = 0 } = heard.answer;
  if (statusCode < 300) return undefined;
  // A session that is over: clients begin another one where they are told so.
  const status = statusCode === 404 ? 404 : 502;
  return { status, reason: `the server ${name} did not list its tools (HTTP ${statusCode}); the call was not sent` };
}

/** The message that answers, as JSON or on a stream; undefined where there is none. */
async function answerIn(from: IncomingMessage, id: string): Promise<Buffer | undefined> {
  let line: Buffer | undefined;
  const look = (data: Buffer | undefined): void => {
    const message = data === undefined ? undefined : readUpstreamMessage(data);
    if (message?.kind === "answer" && message.id === id && message.ok) line = data;
  };
  if (!isEventStream(from)) look(await collect(from));
  else {
    const { promise: found, resolve } = Promise.withResolvers<void>();
    const framed = pumpEvents(from, undefined, (event) => {
      look(dataOf(event));
      if (line !== undefined) resolve();
      return undefined;
    });
    await Promise.race([found, framed]);
  }
  return line;
}

/** As clients tell: official ones look for the word anywhere in the type of whatever has succeeded. */
export function isEventStream(answer: IncomingMessage): boolean {
  return isOfType(answer, "text/event-stream");
}

/** A body that clients read for an answer, whatever they would read events in. */
export function isJsonBody(answer: IncomingMessage): boolean {
  return isOfType(answer, "application/json");
}

function isOfType({ headers, statusCode = 0 }: IncomingMessage, type: string): boolean {
  return statusCode >= 200 && statusCode < 300 && headers["content-type"]?.toLowerCase().includes(type) === true;
}
