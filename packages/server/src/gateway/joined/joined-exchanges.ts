/**
 * Requests of the protocol without sessions before all servers joined: each goes to the server that it is for, through that one's gate, or is
 * answered out of what all of them say. Servers that speak sessions alone are not here.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { errorAnswer } from "../call/answer-text.ts";
import { answerError } from "../http/answer-error.ts";
import type { PostExchange } from "../http/http-endpoint.ts";
import { lineOf } from "../http/lines.ts";
import { Reply } from "../http/reply.ts";
import type { StatelessSide } from "../http/session-endpoint.ts";
import type { ExchangeLimits } from "../http/stateless-exchanges.ts";
import type { ServedUpstream } from "../http/served-upstream.ts";
import { MODERN_VERSION } from "../http/shared-upstream.ts";
import { envelopeOf, refuseStateless } from "../http/stateless-exchange.ts";
import { replaceValues } from "../message/member-place.ts";
import { ENVELOPE, isObject, memberOf } from "../message/members.ts";
import { METHOD_NOT_FOUND } from "../message/known-methods.ts";
import type { ClientMessage, RpcId } from "../message/read-client-message.ts";
import { LIST_KINDS, type ListKind } from "./collect-lists.ts";
import { JoinedLists } from "./joined-lists.ts";
import type { JoinedServer, JoinedServers } from "./joined-servers.ts";
import type { JoinedLimits } from "./joined-session.ts";
import { statelessGreeting } from "./merge-greetings.ts";
import { ownerOfTool, routeRequest } from "./route-requests.ts";
import { StatelessChild } from "./stateless-child.ts";
import { StatelessListening } from "./stateless-listening.ts";
import { TaskOwners } from "./task-owners.ts";
import { unlistedText } from "./unlisted-text.ts";

export interface JoinedExchangesOptions {
  readonly servers: JoinedServers;
  readonly upstream: Pick<ServedUpstream, "cancelGraceMs" | "pulse" | "openAfterMs" | "resumeMs">;
  readonly exchanges: ExchangeLimits;
  readonly limits: JoinedLimits;
  readonly onWarning: (message: string) => void;
}

type Asking = Extract<ClientMessage, { kind: "call" | "request" }>;

const INVALID_PARAMS = -32_602;

export class JoinedExchanges implements StatelessSide {
  readonly #options: JoinedExchangesOptions;
  readonly #children = new Map<JoinedServer, StatelessChild>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #lists: JoinedLists<StatelessChild>;
  readonly #tasks = new TaskOwners<StatelessChild>();
  readonly #listenings = new Set<StatelessListening>();
  readonly #running = new Map<Promise<void>, string>();
  readonly #forget: () => void;
  /** A server that comes back while clients listen is listened to again. */
  readonly #look = (): void => {
    for (const child of this.#all()) void child.greet(0);
  };

  constructor(options: JoinedExchangesOptions) {
    this.#options = options;
    const { servers, limits, onWarning } = options;
    this.#lists = new JoinedLists({ servers: () => this.#ready(), isWhole: () => this.#ready().length === this.#all().length, listMs: limits.listMs, onLate: (kind) => this.#announce([kind]), onWarning });
    this.#follow();
    this.#forget = servers.onChange(() => this.#follow());
  }

  async serve(exchange: PostExchange): Promise<void> {
    const { message, response, caller } = exchange;
    if (refuseStateless(exchange, { unknownMethods: "pass" })) return;
    if (message.kind !== "call" && message.kind !== "request") return void response.writeHead(202).end(); // no notification of this revision is for a server
    const { exchanges, exchangesOfCredential } = this.#options.exchanges;
    const own = [...this.#running.values()].filter((credential) => credential === caller.credential).length;
    if (this.#running.size >= exchanges || own >= exchangesOfCredential) {
      return answerError(response, { status: 503, reason: "too many requests are under way here; try again in a moment", id: message.id, headers: { "retry-after": "1" } });
    }
    const running = this.#serve(exchange, message).finally(() => this.#running.delete(running));
    this.#running.set(running, caller.credential);
    await running;
  }

  /** Resolves when no call is under way; those that wait for people stop waiting, and who listens is told that it is over. */
  async drain(): Promise<void> {
    for (const listening of this.#listenings) listening.end();
    await Promise.all([...this.#all().map((child) => child.drain()), ...this.#running.keys()]);
  }

  async close(): Promise<void> {
    this.#forget();
    for (const listening of this.#listenings) listening.end();
    await Promise.all([...this.#all().map((child) => child.close()), ...this.#leaving]);
    await Promise.all(this.#running.keys());
  }

  #all(): readonly StatelessChild[] {
    return [...this.#children.values()];
  }

  #ready(): readonly StatelessChild[] {
    return this.#all().filter(({ isReady }) => isReady);
  }

  async #serve(exchange: PostExchange, message: Asking): Promise<void> {
    const { params, id } = message;
    await Promise.all(this.#all().map((child) => child.greet(this.#options.limits.greetMs)));
    const says = { _meta: Object.fromEntries(Object.entries(envelopeOf(params) ?? {}).filter(([key]) => key.startsWith(ENVELOPE))) };
    if (message.kind === "call") return this.#call(exchange, message, says);
    const { method } = message;
    if (method === "server/discover") return this.#discover(exchange, id);
    const kind = LIST_KINDS.find((one) => one.method === method);
    if (kind !== undefined) return this.#list(exchange, id, kind, params);
    if (method === "subscriptions/listen") return this.#listen(exchange, id, params);
    const route = await routeRequest(method, params, this.#lists, { says, taskOf: (taskId) => this.#tasks.of(taskId), modern: true });
    if (route.kind === "nowhere") return answerError(exchange.response, { status: route.code === METHOD_NOT_FOUND ? 404 : 200, code: route.code, reason: route.reason, data: route.data, id });
    const { server, change } = route;
    const line = lineOf(exchange.body);
    const body = change === undefined ? line : replaceValues(line, [{ path: change.path, to: JSON.stringify(change.own) }]);
    if (body === undefined) return answerError(exchange.response, { status: 400, code: INVALID_PARAMS, reason: "the name is not where it is read", id });
    await server.serve({ ...exchange, body });
  }

  async #call(exchange: PostExchange, { id, params }: Extract<Asking, { kind: "call" }>, says: JsonObject): Promise<void> {
    const owner = await ownerOfTool(params, this.#lists, says);
    if (owner.kind === "one") return owner.server.serve({ ...exchange, message: { kind: "call", id, params: { ...(params as JsonObject), name: owner.own } } }); // it has a name, so it is an object
    const absent = this.#all().filter(({ isReady }) => !isReady);
    this.#answer(exchange, id, JSON.stringify(errorAnswer(unlistedText(memberOf(params, "name"), absent), true)));
  }

  #discover({ response, ...exchange }: PostExchange, id: RpcId): void {
    const absent = this.#all().filter(({ isReady }) => !isReady);
    const legacy = absent.filter(({ isLegacy }) => isLegacy).map(({ name }) => name);
    // Whoever speaks both eras finds all servers in the older one.
    if (legacy.length > 0) return answerError(response, { status: 404, code: METHOD_NOT_FOUND, reason: `${legacy.join(", ")} ${legacy.length === 1 ? "does" : "do"} not speak this revision of the protocol; initialize begins a session with all that speak it`, id });
    if (this.#ready().length === 0) return answerError(response, { status: 502, reason: `no server is there: ${absent.map(({ name, why }) => `${name}: ${why}`).join("; ") || "none is configured"}`, id });
    this.#answer({ ...exchange, response }, id, JSON.stringify(statelessGreeting(MODERN_VERSION, this.#ready(), absent)));
  }

  async #list(exchange: PostExchange, id: RpcId, kind: ListKind, params: JsonValue | undefined): Promise<void> {
    if (memberOf(params, "cursor") !== undefined) return answerError(exchange.response, { status: 200, code: INVALID_PARAMS, reason: "no such cursor was given here: lists are in one page", id });
    const { progressToken: _, ...meta } = envelopeOf(params) ?? {};
    this.#answer(exchange, id, await this.#lists.list(kind, { ...(isObject(params) ? params : {}), _meta: meta }, true));
  }

  async #listen(exchange: PostExchange, id: RpcId, params: JsonValue | undefined): Promise<void> {
    const listening = new StatelessListening({ exchange, id, params, upstream: this.#options.upstream, isOthers: (child, uri) => this.#lists.isOthers(child, uri), onChanged: (method) => this.#lists.changed(method) });
    this.#listenings.add(listening);
    if (this.#listenings.size === 1) this.#options.upstream.pulse.add(this.#look);
    for (const child of this.#ready()) listening.join(child);
    await listening.over;
    this.#listenings.delete(listening);
    if (this.#listenings.size === 0) this.#options.upstream.pulse.remove(this.#look);
  }

  /** `result`: JSON. */
  #answer(exchange: PostExchange, id: RpcId, result: string): void {
    const { pulse, openAfterMs } = this.#options.upstream;
    const reply = new Reply(exchange, { id, headers: {}, pulse, openAfterMs: openAfterMs.exchange, resumption: undefined, resumeMs: 0, onOver: () => undefined });
    reply.answer(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);
  }

  #announce(kinds: readonly ListKind[]): void {
    for (const method of new Set(kinds.flatMap(({ changed }) => changed ?? []))) {
      this.#lists.changed(method);
      for (const listening of this.#listenings) listening.announce(method);
    }
  }

  /** The configuration has these servers now. */
  #follow(): void {
    const { servers, upstream, exchanges, limits, onWarning } = this.#options;
    for (const [server, child] of this.#children) {
      if (servers.all.includes(server)) continue;
      this.#children.delete(server);
      const left = leave(child, limits.leaveMs).finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
      this.#announce(kindsOf(child));
    }
    for (const server of servers.all) {
      if (this.#children.has(server)) continue;
      const child = new StatelessChild(server, { upstream, limits: exchanges, onCame: (came) => this.#came(came), onWarning });
      this.#children.set(server, child);
      if (this.#listenings.size > 0) void child.greet(0);
    }
  }

  #came(child: StatelessChild): void {
    for (const listening of this.#listenings) listening.join(child);
    this.#announce(kindsOf(child));
  }
}

function kindsOf({ capabilities }: StatelessChild): readonly ListKind[] {
  return LIST_KINDS.filter(({ capability }) => Object.hasOwn(capabilities, capability));
}

async function leave(child: StatelessChild, withinMs: number): Promise<void> {
  child.isReady = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  await Promise.race([child.drain(), promise]);
  clearTimeout(timer);
  await child.close();
}
