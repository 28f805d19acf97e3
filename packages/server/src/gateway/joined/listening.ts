/**
 * `subscriptions/listen` of the protocol without sessions, at all servers joined: acknowledged by us, since lists change as servers come and
 * go; what the servers say on it carries the client's own id already.
 */
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { isObject, memberOf } from "../message/members.ts";
import type { ClientMessage, RpcId } from "../message/read-client-message.ts";
import type { ClientBound } from "../relay.ts";
import type { JoinedChild } from "./joined-child.ts";

export interface ListeningOptions {
  readonly id: RpcId;
  readonly params: JsonValue | undefined;
  /** Whether a URI may be of this server. */
  readonly uriOf: (child: JoinedChild, uri: string) => boolean;
  readonly toClient: (bytes: string, about: ClientBound) => void;
}

const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
export const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const WANTED: Readonly<Record<string, string>> = { "notifications/tools/list_changed": "toolsListChanged", "notifications/prompts/list_changed": "promptsListChanged", "notifications/resources/list_changed": "resourcesListChanged" };

export class Listening {
  readonly #options: ListeningOptions;
  readonly #filter: JsonObject;
  readonly #children = new Set<JoinedChild>();

  constructor(options: ListeningOptions) {
    this.#options = options;
    const filter = memberOf(options.params, "notifications");
    this.#filter = isObject(filter) ? Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== false && value !== undefined)) : {};
    this.#say(ACKNOWLEDGED, { notifications: this.#filter });
  }

  join(child: JoinedChild): void {
    const { id, params, uriOf } = this.#options;
    const uris = memberOf(this.#filter, "resourceSubscriptions");
    const own = Array.isArray(uris) ? { resourceSubscriptions: uris.filter((uri) => typeof uri === "string" && uriOf(child, uri)) } : {};
    const request = { method: "subscriptions/listen", params: { ...(isObject(params) ? params : {}), notifications: { ...this.#filter, ...own } } };
    this.#children.add(child);
    child.receive({ kind: "request", id, ...request }, Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, ...request })}\n`));
  }

  announce(method: string): void {
    if (this.#filter[WANTED[method] ?? ""] === true) this.#say(method, {});
  }

  cancel(message: ClientMessage, line: Buffer): void {
    for (const child of this.#children) child.receive(message, line);
  }

  #say(method: string, params: JsonObject): void {
    const told = { ...params, _meta: { [SUBSCRIPTION_ID]: this.#options.id } };
    this.#options.toClient(`${JSON.stringify({ jsonrpc: "2.0", method, params: told })}\n`, { kind: "notification", method, params: told });
  }
}
