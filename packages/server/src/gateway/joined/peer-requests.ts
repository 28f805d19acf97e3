/**
 * What the joined servers ask the client: sampling, elicitation, roots, pings. Two servers choose the same ids and progress tokens, so the
 * client sees ids of ours; its response goes back to the one that asked, under the id it gave. Ids cannot be guessed: no server answers or
 * cancels for another.
 */
import { randomBytes } from "node:crypto";
import { replaceValues } from "../message/member-place.ts";
import type { ClientMessage, RpcId } from "../message/read-client-message.ts";
import { valueAt } from "../message/read-upstream-message.ts";
import { TaskOwners } from "./task-owners.ts";

export interface Asker {
  receive(message: ClientMessage, line: Buffer): boolean;
}

interface Asked<S> {
  readonly asker: S;
  readonly id: RpcId;
  /** Of the server's own, for progress on what the client does for it. */
  readonly token: RpcId | undefined;
}

/** Of one server at the same time. */
const MAX_OPEN = 256;
const TOKEN = ["params", "_meta", "progressToken"];

export class PeerRequests<S extends Asker> {
  readonly #prefix = `countersign-peer-${randomBytes(9).toString("base64url")}-`;
  readonly #asked = new Map<string, Asked<S>>();
  /** That the client makes of what it is asked. */
  readonly #tasks = new TaskOwners<S>();
  #count = 0;

  /** The request as the client sees it; undefined where there are too many already, or it is about another's task. */
  ask(asker: S, line: Buffer): { readonly id: string; readonly bytes: Buffer } | undefined {
    const message: unknown = JSON.parse(line.toString("utf8"));
    const [id, taskId] = [valueAt(message, ["id"]), valueAt(message, ["params", "taskId"])];
    if ((typeof id !== "string" && typeof id !== "number") || this.#of(asker).length >= MAX_OPEN) return undefined;
    if (taskId !== undefined && this.#tasks.of(String(taskId)) !== asker) return undefined;
    const own = `${this.#prefix}${(this.#count += 1)}`;
    const given = valueAt(message, TOKEN);
    const token = typeof given === "string" || typeof given === "number" ? given : undefined;
    const bytes = replaceValues(line, [{ path: ["id"], to: JSON.stringify(own) }, ...(token === undefined ? [] : [{ path: TOKEN, to: JSON.stringify(own) }])]);
    if (bytes === undefined) return undefined;
    this.#asked.set(own, { asker, id, token });
    return { id: own, bytes };
  }

  /** True where the response was to one of these; it has gone where it belongs. */
  respond(response: Extract<ClientMessage, { kind: "response" }>, line: Buffer): boolean {
    const own = String(response.id);
    const asked = this.#asked.get(own);
    if (asked === undefined) return false;
    this.#asked.delete(own);
    this.#tasks.learn(asked.asker, response.ok ? response.body : undefined);
    const bytes = replaceValues(line, [{ path: ["id"], to: JSON.stringify(asked.id) }]);
    if (bytes !== undefined) asked.asker.receive({ ...response, id: asked.id }, bytes);
    return true;
  }

  /** Of the client: how far it is with what a server asked of it. */
  notify(message: Extract<ClientMessage, { kind: "notification" }>, line: Buffer): void {
    if (message.method === "notifications/tasks/status") return void this.#tasks.of(String(valueAt(message.params, ["taskId"])))?.receive(message, line);
    const asked = this.#asked.get(String(valueAt(message.params, ["progressToken"])));
    if (asked?.token === undefined) return;
    const bytes = replaceValues(line, [{ path: ["params", "progressToken"], to: JSON.stringify(asked.token) }]);
    if (bytes !== undefined) asked.asker.receive(message, bytes);
  }

  /** A server takes back what it asked: the notification as the client knows it; undefined where it asked nothing of the kind. */
  takeBack(asker: S, line: Buffer, params: unknown): Buffer | undefined {
    const id = valueAt(params, ["requestId"]);
    const [own] = this.#of(asker).find(([, asked]) => asked.id === id) ?? [];
    if (own === undefined) return undefined;
    this.#asked.delete(own);
    return replaceValues(line, [{ path: ["params", "requestId"], to: JSON.stringify(own) }]);
  }

  /** A server is gone: what the client is told of what it had asked. */
  gone(asker: S): readonly string[] {
    return this.#of(asker).map(([own]) => {
      this.#asked.delete(own);
      return `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: own, reason: "the server has ended" } })}\n`;
    });
  }

  #of(asker: S): readonly (readonly [string, Asked<S>])[] {
    return [...this.#asked].filter(([, asked]) => asked.asker === asker);
  }
}
