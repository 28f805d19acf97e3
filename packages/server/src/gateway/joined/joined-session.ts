/**
 * One client before all servers joined, in either era: what it asks goes to the one server it is for, or to all, and what they say comes
 * back as of one server. Each server stands behind a gate of its own (joined-child.ts); only names on the wire are joined. A server that is
 * slow, gone or hostile answers for itself alone: an answer, progress or a change that is not its own to tell reaches nobody.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { errorAnswer } from "../call/answer-text.ts";
import type { BegunClient, BeginOptions } from "../begin-client.ts";
import { replaceValues } from "../message/member-place.ts";
import { ENVELOPE, isObject, memberOf, metaOf, VERSION } from "../message/members.ts";
import { readClientLine } from "../message/read-client-line.ts";
import { INVALID_REQUEST, type ClientMessage, type RpcId } from "../message/read-client-message.ts";
import type { ClientBound } from "../relay.ts";
import type { UpstreamEnd } from "../upstream/upstream-connection.ts";
import { LIST_KINDS, type ListKind } from "./collect-lists.ts";
import { JoinedChild } from "./joined-child.ts";
import { JoinedLists } from "./joined-lists.ts";
import type { JoinedServers } from "./joined-servers.ts";
import { Listening } from "./listening.ts";
import { sessionGreeting, statelessGreeting } from "./merge-greetings.ts";
import { PeerMessages } from "./peer-messages.ts";
import { Roster, type Agreed } from "./roster.ts";
import { ownerOfTool, routeRequest } from "./route-requests.ts";
import { TaskOwners } from "./task-owners.ts";
import { unlistedText } from "./unlisted-text.ts";

export interface JoinedLimits {
  /** The first answer to a client waits so long for servers that are slow. */
  readonly greetMs: number;
  /** A server has so long to list. */
  readonly listMs: number;
  /** One that leaves the configuration, for calls under way. */
  readonly leaveMs: number;
}

export const JOINED_LIMITS: JoinedLimits = Object.freeze({ greetMs: 10_000, listMs: 5_000, leaveMs: 10_000 });

export interface JoinedSessionOptions extends Omit<BeginOptions, "onFull" | "onDrain" | "shownName"> {
  readonly servers: JoinedServers;
  readonly limits?: Partial<JoinedLimits> | undefined;
}

/** What the client waits for. */
interface Open {
  readonly id: RpcId;
  readonly isCall: boolean;
  /** Where it went; undefined: nowhere yet, or to all. */
  child: JoinedChild | undefined;
  listening?: Listening<JoinedChild>;
}

const MAX_OPEN = 1_024;
const CANCEL_GRACE_MS = 10_000;
const INVALID_PARAMS = -32_602;
const INTERNAL = -32_603;
const METHOD_NOT_FOUND = -32_601;
const CONNECTION_CLOSED = -32_000;
/** They go to every server. */
const FOR_ALL = new Set(["notifications/initialized", "notifications/roots/list_changed"]);
const GONE: UpstreamEnd = { kind: "ended", code: 0 };

export class JoinedSession implements BegunClient {
  readonly #options: JoinedSessionOptions;
  readonly #limits: JoinedLimits;
  readonly #roster: Roster;
  readonly #lists: JoinedLists<JoinedChild>;
  readonly #peers: PeerMessages;
  readonly #tasks = new TaskOwners<JoinedChild>();
  readonly #open = new Map<RpcId, Open>();
  readonly #ended = Promise.withResolvers<UpstreamEnd>();
  /** What each request of the protocol without sessions says of its client; undefined in a session. */
  #envelope: JsonObject | undefined;
  #greeting: Promise<Agreed> | undefined;
  #isInitialized = false;
  #logLevel: JsonObject | undefined;

  constructor(options: JoinedSessionOptions) {
    const { servers, limits, onWarning, toClient: _, ...begin } = options;
    this.#options = options;
    this.#limits = { ...JOINED_LIMITS, ...limits };
    this.#peers = new PeerMessages({ tasks: this.#tasks, isOthers: (child, uri) => this.#lists.isOthers(child, uri), toClient: (bytes, about) => this.#tell(bytes, about), onWarning });
    this.#roster = new Roster({
      servers,
      ...this.#limits,
      make: (server, onEnded) =>
        new JoinedChild(server, {
          ...begin,
          onWarning,
          cancelGraceMs: CANCEL_GRACE_MS,
          toClient: (child, bytes, about) => this.#hear(child, bytes, about),
          onEnded: (child, end) => {
            this.#childEnded(child);
            onEnded(child, end);
          },
        }),
      onCame: (child) => this.#came(child),
      onGone: (child) => this.#announce(LIST_KINDS.filter(({ capability }) => Object.hasOwn(child.capabilities, capability))),
      onWarning,
    });
    this.#lists = new JoinedLists({ servers: () => this.#roster.ready(), isWhole: () => this.#roster.absent().length === 0, listMs: this.#limits.listMs, onLate: (kind) => this.#announce([kind]), onWarning });
  }

  get protocolVersion(): string | undefined {
    return this.#roster.version;
  }

  get ended(): Promise<UpstreamEnd> {
    return this.#ended.promise;
  }

  fromClient(line: Buffer): void {
    const message = readClientLine(line);
    if (message !== undefined) this.receive(message, line);
  }

  receive(message: ClientMessage, line: Buffer): void {
    switch (message.kind) {
      case "refused":
        this.#options.onWarning(`a message of the client was refused: ${message.reason}`);
        if (message.id !== undefined) this.#refuse(message.id, message.code, message.reason);
        return;
      case "response":
        return this.#peers.respond(message, line);
      case "notification":
        return this.#notified(message, line);
      case "call":
      case "request": {
        const open = this.#begin(message);
        if (open !== undefined) void this.#serve(open, message, line);
      }
    }
  }

  oversizeFromClient(limit: number): void {
    this.#refuse(null, INVALID_REQUEST, `the message is longer than the limit of ${limit} bytes`);
  }

  clientGone(): void {
    this.#open.clear();
    this.#roster.clientGone();
  }

  /** Each server's end was told already. */
  upstreamGone(): void {
    this.#open.clear();
  }

  drained(): Promise<void> {
    return this.#roster.drained();
  }

  pause(): void {
    this.#roster.pause();
  }

  resume(): void {
    this.#roster.resume();
  }

  async stop(): Promise<void> {
    await this.#roster.stop();
    this.#ended.resolve(GONE);
  }

  get #isModern(): boolean {
    return this.#envelope !== undefined;
  }

  /** Who the client is, for what is asked on its behalf. */
  get #says(): JsonObject {
    return this.#envelope === undefined ? {} : { _meta: this.#envelope };
  }

  #tell(bytes: Buffer | string, about: ClientBound): void {
    this.#options.toClient(bytes, about);
  }

  #begin({ kind, id }: Extract<ClientMessage, { kind: "call" | "request" }>): Open | undefined {
    const why = this.#open.has(id) ? "the id of a request that is under way" : this.#open.size >= MAX_OPEN ? `more than ${MAX_OPEN} requests under way` : undefined;
    if (why !== undefined) {
      this.#refuse(id, INVALID_REQUEST, why);
      return undefined;
    }
    const open: Open = { id, isCall: kind === "call", child: undefined };
    this.#open.set(id, open);
    return open;
  }

  /** Never rejects. */
  async #serve(open: Open, message: Extract<ClientMessage, { kind: "call" | "request" }>, line: Buffer): Promise<void> {
    try {
      const { params } = message;
      const method = message.kind === "call" ? "tools/call" : message.method;
      if (method === "initialize" || method === "server/discover") return await this.#greet(open, method, params);
      if (method === "ping") return this.#answer(open, "{}");
      const agreed = await this.#era(params);
      if (!agreed.ok) return this.#fail(open, INVALID_REQUEST, agreed.why);
      if (message.kind === "call") return await this.#call(open, message, line);
      const kind = LIST_KINDS.find((one) => one.method === method);
      if (kind !== undefined) return await this.#list(open, kind, params);
      if (method === "logging/setLevel") return await this.#setLevel(open, params);
      if (method === "subscriptions/listen" && this.#isModern) return this.#listen(open, params);
      await this.#route(open, message, line);
    } catch (error) {
      this.#options.onWarning(`a request failed: ${error instanceof Error ? error.message : String(error)}`);
      this.#fail(open, INTERNAL, "something went wrong here");
    }
  }

  /** Resolves once it is settled what is spoken here. Without sessions any request may be the first. */
  async #era(params: JsonValue | undefined): Promise<Agreed> {
    const meta = metaOf(params);
    const isModern = typeof meta?.[VERSION] === "string" && (this.#isModern || this.#greeting === undefined);
    if (isModern && meta !== undefined) {
      this.#envelope = Object.fromEntries(Object.entries(meta).filter(([key]) => key.startsWith(ENVELOPE)));
      this.#greeting ??= this.#roster.greet({ method: "server/discover", params: { _meta: this.#envelope } });
    }
    return (await this.#greeting) ?? { ok: false, answer: undefined, why: "initialize comes first" };
  }

  async #greet(open: Open, method: "initialize" | "server/discover", params: JsonValue | undefined): Promise<void> {
    const wasModern = this.#isModern;
    if (method === "initialize") {
      if (this.#greeting !== undefined && !wasModern) return this.#fail(open, INVALID_REQUEST, "initialize begins a session, and this one has begun");
      this.#envelope = undefined;
      this.#greeting = this.#roster.greet({ method, params: isObject(params) ? params : {} });
    }
    const agreed = await this.#era(params);
    const [ready, absent] = [this.#roster.ready(), this.#roster.absent()];
    if (agreed.ok) return this.#answer(open, JSON.stringify(method === "initialize" ? sessionGreeting(agreed.version, ready, absent) : statelessGreeting(agreed.version, ready, absent)));
    if (agreed.answer === undefined) this.#greeting = undefined; // nobody was there; else it stays refused, and initialize begins anew
    if (method === "server/discover") return this.#fail(open, METHOD_NOT_FOUND, `${agreed.why}; initialize begins a session with all that speak it`);
    this.#fail(open, INTERNAL, agreed.why);
  }

  async #call(open: Open, { params }: Extract<ClientMessage, { kind: "call" }>, line: Buffer): Promise<void> {
    const owner = await ownerOfTool(params, this.#lists, this.#says);
    if (this.#open.get(open.id) !== open) return;
    if (owner.kind !== "one") return this.#answer(open, JSON.stringify(errorAnswer(unlistedText(memberOf(params, "name"), this.#roster.absent()), this.#isModern)));
    this.#send(open, owner.server, { kind: "call", id: open.id, params: { ...(params as JsonObject), name: owner.own } }, line, params); // it has a name, so it is an object
  }

  async #route(open: Open, message: Extract<ClientMessage, { kind: "request" }>, line: Buffer): Promise<void> {
    const { method, params } = message;
    const route = await routeRequest(method, params, this.#lists, { says: this.#says, taskOf: (id) => this.#tasks.of(id), modern: this.#isModern });
    if (this.#open.get(open.id) !== open) return;
    if (route.kind === "nowhere") return this.#fail(open, route.code, route.reason, route.data);
    const { server, change } = route;
    const bytes = change === undefined ? line : replaceValues(line, [{ path: change.path, to: JSON.stringify(change.own) }]);
    if (bytes === undefined) return this.#fail(open, INVALID_PARAMS, "the name is not where it is read");
    this.#send(open, server, message, bytes, params);
  }

  #send(open: Open, child: JoinedChild, message: ClientMessage, line: Buffer, params: JsonValue | undefined): void {
    open.child = child;
    this.#peers.tokenOf(child, metaOf(params)?.["progressToken"]);
    if (child.receive(message, line)) return;
    const why = `${child.name} does not read what it is sent`;
    if (open.isCall) this.#answer(open, JSON.stringify(errorAnswer(`The call did not run: ${why}.`, this.#isModern)));
    else this.#fail(open, CONNECTION_CLOSED, why);
  }

  async #list(open: Open, kind: ListKind, params: JsonValue | undefined): Promise<void> {
    if (memberOf(params, "cursor") !== undefined) return this.#fail(open, INVALID_PARAMS, "no such cursor was given here: lists are in one page");
    const { progressToken: _, ...meta } = metaOf(params) ?? {};
    const asked = { ...(isObject(params) ? params : {}), ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) };
    this.#answer(open, await this.#lists.list(kind, asked, this.#isModern));
  }

  async #setLevel(open: Open, params: JsonValue | undefined): Promise<void> {
    const children = this.#roster.ready().filter(({ capabilities }) => memberOf(capabilities, "logging") !== undefined);
    const answers = await Promise.all(children.map((child) => child.ask("logging/setLevel", params, this.#limits.listMs)));
    const refused = answers.find((answer) => answer?.ok === false);
    if (refused !== undefined && answers.every((answer) => answer?.ok !== true)) return this.#fail(open, INVALID_PARAMS, "no server here takes this level");
    if (isObject(params)) this.#logLevel = params;
    this.#answer(open, "{}");
  }

  #listen(open: Open, params: JsonValue | undefined): void {
    open.listening = new Listening<JoinedChild>({
      id: open.id,
      params,
      mayHave: (child, uri) => !this.#lists.isOthers(child, uri),
      // Under the client's own id: what the server says on it carries that one already.
      listen: (child, asked) => child.request(open.id, "subscriptions/listen", asked),
      toClient: (bytes, about) => this.#tell(bytes, about),
    });
    for (const child of this.#roster.ready()) open.listening.join(child);
  }

  #notified(message: Extract<ClientMessage, { kind: "notification" }>, line: Buffer): void {
    const { method, params } = message;
    if (method === "notifications/cancelled") return this.#cancel(message, line);
    if (method === "notifications/progress" || method === "notifications/tasks/status") return this.#peers.notify(message, line);
    if (method === "notifications/initialized") this.#isInitialized = true;
    if (FOR_ALL.has(method)) for (const child of this.#roster.ready()) child.receive(message, line);
    else this.#options.onWarning(`a notification of the client was for no server in particular, and went to none: ${method.slice(0, 100)}${params === undefined ? "" : " (with params)"}`);
  }

  #cancel(message: Extract<ClientMessage, { kind: "notification" }>, line: Buffer): void {
    const id = memberOf(message.params, "requestId");
    const open = typeof id === "string" || typeof id === "number" ? this.#open.get(id) : undefined;
    if (open === undefined) return;
    this.#open.delete(open.id);
    open.child?.receive(message, line);
    for (const child of open.listening?.servers ?? []) child.receive(message, line);
  }

  #hear(child: JoinedChild, bytes: Buffer | string, about: ClientBound): void {
    if (about.kind !== "answer") {
      if (about.kind === "beside" && this.#open.get(about.id)?.child !== child) return;
      if (about.kind === "notification") this.#lists.changed(about.method);
      return this.#peers.say(child, typeof bytes === "string" ? Buffer.from(bytes) : bytes, about);
    }
    const open = about.id === null ? undefined : this.#open.get(about.id);
    if (open?.listening !== undefined) return; // it goes on with the others
    if (open === undefined) return;
    if (open.child !== child) return this.#options.onWarning(`${child.name} answered what it was not asked; that is not passed on`);
    this.#tasks.learn(child, bytes);
    this.#open.delete(open.id);
    this.#tell(bytes, about);
  }

  /** What it was sent and did not answer has no answer any more; calls are answered by its relay. */
  #childEnded(child: JoinedChild): void {
    for (const open of this.#open.values()) if (open.child === child && !open.isCall) this.#fail(open, CONNECTION_CLOSED, `${child.name} has ended before it answered`);
    for (const bytes of this.#peers.gone(child)) this.#tell(bytes, { kind: "notification", method: "notifications/cancelled", params: undefined });
  }

  #came(child: JoinedChild): void {
    if (!this.#isModern && this.#isInitialized) child.tell("notifications/initialized");
    if (this.#logLevel !== undefined && memberOf(child.capabilities, "logging") !== undefined) void child.ask("logging/setLevel", this.#logLevel, this.#limits.listMs);
    for (const { listening } of this.#open.values()) listening?.join(child);
    this.#announce(LIST_KINDS.filter(({ capability }) => Object.hasOwn(child.capabilities, capability)));
  }

  /** Lists are others than they were. */
  #announce(kinds: readonly ListKind[]): void {
    for (const method of new Set(kinds.flatMap(({ changed }) => changed ?? []))) {
      this.#lists.changed(method);
      if (this.#isModern) for (const { listening } of this.#open.values()) listening?.announce(method);
      else if (this.#isInitialized) this.#tell(`${JSON.stringify({ jsonrpc: "2.0", method })}\n`, { kind: "notification", method, params: undefined });
    }
  }

  /** `result`: JSON. */
  #answer(open: Open, result: string): void {
    if (this.#open.get(open.id) !== open) return;
    this.#open.delete(open.id);
    this.#tell(`{"jsonrpc":"2.0","id":${JSON.stringify(open.id)},"result":${result}}\n`, { kind: "answer", id: open.id, ok: true });
  }

  #fail(open: Open, code: number, reason: string, data?: JsonObject): void {
    if (this.#open.get(open.id) !== open) return;
    this.#open.delete(open.id);
    this.#refuse(open.id, code, reason, data);
  }

  #refuse(id: RpcId | null, code: number, reason: string, data?: JsonObject): void {
    const error = { code, message: `Refused by Countersign: ${reason}`, ...(data === undefined ? {} : { data }) };
    this.#tell(`${JSON.stringify({ jsonrpc: "2.0", id, error })}\n`, { kind: "answer", id, ok: false });
  }
}

export function beginJoined(servers: JoinedServers, limits?: Partial<JoinedLimits>): (options: BeginOptions) => BegunClient {
  return ({ onFull: _full, onDrain: _drain, ...options }) => new JoinedSession({ ...options, servers, limits });
}
