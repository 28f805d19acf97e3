/** What the joined servers say to the client by themselves, and what the client says back: passed on where it is theirs to say. */
import type { JsonValue } from "@countersign/sdk/call";
import type { ClientMessage, RpcId } from "../message/read-client-message.ts";
import { readUpstreamMessage, valueAt } from "../message/read-upstream-message.ts";
import type { ClientBound } from "../relay.ts";
import type { JoinedChild } from "./joined-child.ts";
import { ACKNOWLEDGED } from "./listening.ts";
import { PeerRequests } from "./peer-requests.ts";
import type { TaskOwners } from "./task-owners.ts";

export interface PeerMessagesOptions {
  readonly tasks: TaskOwners<JoinedChild>;
  /** Whether another server alone has the URI. */
  readonly isOthers: (child: JoinedChild, uri: string) => boolean;
  readonly toClient: (bytes: Buffer | string, about: ClientBound) => void;
  readonly onWarning: (message: string) => void;
}

/** Tokens of requests whose progress may still come; tasks go on with theirs. */
const MAX_TOKENS = 4_096;
const TOO_MANY = -32_000;

export class PeerMessages {
  readonly #options: PeerMessagesOptions;
  readonly #requests = new PeerRequests<JoinedChild>();
  readonly #tokens = new Map<RpcId, JoinedChild>();

  constructor(options: PeerMessagesOptions) {
    this.#options = options;
  }

  /** Progress under this token is this server's to tell. */
  tokenOf(child: JoinedChild, token: JsonValue | undefined): void {
    if (typeof token !== "string" && typeof token !== "number") return;
    this.#tokens.delete(token);
    this.#tokens.set(token, child);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > MAX_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
  }

  say(child: JoinedChild, line: Buffer, about: Exclude<ClientBound, { kind: "answer" }>): void {
    const message = about.kind === "beside" ? readUpstreamMessage(line) : about;
    if (message.kind === "request") return this.#ask(child, line, message, about);
    if (message.kind !== "notification") return this.#options.onWarning(`${child.name} wrote what is no message of MCP; that is not passed on`);
    const { method, params } = message;
    if (method === "notifications/cancelled") {
      const bytes = this.#requests.takeBack(child, line, params);
      if (bytes !== undefined) this.#options.toClient(bytes, about);
    } else if (about.kind === "beside" || (child.isReady && this.#isItsOwn(child, method, params))) this.#options.toClient(line, about);
  }

  /** The client's response to what a server asked. */
  respond(response: Extract<ClientMessage, { kind: "response" }>, line: Buffer): void {
    if (!this.#requests.respond(response, line)) this.#options.onWarning("the client answered what no server asks any more; that is not passed on");
  }

  /** Of the client, about what a server asked of it. */
  notify(message: Extract<ClientMessage, { kind: "notification" }>, line: Buffer): void {
    this.#requests.notify(message, line);
  }

  /** What the client is told where a server ends that had asked it something. */
  gone(child: JoinedChild): readonly string[] {
    return this.#requests.gone(child);
  }

  #ask(child: JoinedChild, line: Buffer, { id, method }: Extract<ClientBound, { kind: "request" }>, about: ClientBound): void {
    if (!child.isReady && method === "ping") return reply(child, id, { result: {} });
    const asked = child.isReady ? this.#requests.ask(child, line) : undefined;
    if (asked === undefined) return reply(child, id, { error: { code: TOO_MANY, message: "this cannot be asked of the client now" } });
    this.#options.toClient(asked.bytes, about.kind === "request" ? { ...about, id: asked.id } : about);
  }

  #isItsOwn(child: JoinedChild, method: string, params: unknown): boolean {
    const at = (key: string): unknown => valueAt(params, [key]);
    switch (method) {
      case ACKNOWLEDGED:
        return false; // said by us, for all
      case "notifications/progress":
        return this.#tokens.get(at("progressToken") as RpcId) === child; // whatever it is, only tokens are in there
      case "notifications/resources/updated":
        return typeof at("uri") !== "string" || !this.#options.isOthers(child, String(at("uri")));
      case "notifications/tasks/status": {
        const owner = this.#options.tasks.of(String(at("taskId")));
        return owner === undefined || owner === child;
      }
      default:
        return true;
    }
  }
}

function reply(child: JoinedChild, id: RpcId, body: { readonly result: object } | { readonly error: object }): void {
  const line = Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, ...body })}\n`);
  child.receive({ kind: "response", id, ok: "result" in body, body: undefined }, line);
}
