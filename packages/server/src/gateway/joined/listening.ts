/**
 * `subscriptions/listen` of the protocol without sessions, at all servers joined: acknowledged by us, since lists change as servers come and
 * go, and heard at each of them. Used by joined-session.ts and joined-exchanges.ts.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { isObject, memberOf } from "../message/members.ts";
import type { RpcId } from "../message/read-client-message.ts";
import type { ClientBound } from "../relay.ts";

export interface ListeningOptions<S> {
  /** The client's. */
  readonly id: RpcId;
  readonly params: JsonValue | undefined;
  /** Whether a URI may be of this server. */
  readonly mayHave: (server: S, uri: string) => boolean;
  /** Has this server told of the same. */
  readonly listen: (server: S, params: JsonObject) => void;
  readonly toClient: (bytes: string, about: Extract<ClientBound, { kind: "notification" }>) => void;
}

const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
export const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const WANTED: Readonly<Record<string, string>> = { "notifications/tools/list_changed": "toolsListChanged", "notifications/prompts/list_changed": "promptsListChanged", "notifications/resources/list_changed": "resourcesListChanged" };

export class Listening<S> {
  readonly #options: ListeningOptions<S>;
  readonly #filter: JsonObject;
  /** Those that were asked. */
  readonly servers = new Set<S>();

  constructor(options: ListeningOptions<S>) {
    this.#options = options;
    const filter = memberOf(options.params, "notifications");
    this.#filter = isObject(filter) ? Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== false)) : {};
    this.#say(ACKNOWLEDGED, { notifications: this.#filter });
  }

  join(server: S): void {
    if (this.servers.has(server)) return;
    this.servers.add(server);
    const { params, mayHave, listen } = this.#options;
    const uris = memberOf(this.#filter, "resourceSubscriptions");
    const own = Array.isArray(uris) ? { resourceSubscriptions: uris.filter((uri) => typeof uri === "string" && mayHave(server, uri)) } : {};
    listen(server, { ...(isObject(params) ? params : {}), notifications: { ...this.#filter, ...own } });
  }

  /** A list is another one, by what we know. */
  announce(method: string): void {
    if (this.#filter[WANTED[method] ?? ""] === true) this.#say(method, {});
  }

  #say(method: string, params: JsonObject): void {
    const told = { ...params, _meta: { [SUBSCRIPTION_ID]: this.#options.id } };
    this.#options.toClient(`${JSON.stringify({ jsonrpc: "2.0", method, params: told })}\n`, { kind: "notification", method, params: told });
  }
}
