/**
 * One of the joined servers, for one client: a connection and a relay of its own, so that its calls pass a gate that knows this server alone.
 * What the client sends it comes through `receive`; what we ask on the client's behalf comes through `ask`, under ids that no client can guess.
 */
import { randomBytes } from "node:crypto";
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { beginRelay, type BegunClient, type BeginOptions } from "../begin-client.ts";
import type { ClientMessage, RpcId } from "../message/read-client-message.ts";
import type { ClientBound } from "../relay.ts";
import type { UpstreamEnd } from "../upstream/upstream-connection.ts";
import type { Answer, ListedServer } from "./collect-lists.ts";
import { joinedName } from "./joined-names.ts";
import type { JoinedServer } from "./joined-servers.ts";

export interface ChildOptions extends Omit<BeginOptions, "toClient" | "onFull" | "onDrain" | "governance"> {
  readonly governance: NonNullable<BeginOptions["governance"]>;
  readonly cancelGraceMs: number;
  readonly toClient: (child: JoinedChild, bytes: Buffer | string, about: ClientBound) => void;
  readonly onEnded: (child: JoinedChild, end: UpstreamEnd) => void;
}

/** So many messages wait in memory for a server that does not read; above it, it gets no more requests. */
const MAX_UNREAD = 256;

export class JoinedChild implements ListedServer {
  readonly server: JoinedServer;
  /** It was greeted, and speaks what was agreed on. */
  isReady = false;
  /** It has been connected anew with the version that was agreed on, because it answered another. */
  isSecond = false;
  /** As it answered to the greeting. */
  capabilities: JsonObject = {};
  instructions: string | undefined;
  version: string | undefined;
  /** Why it is not there; for people. */
  why = "it has not answered yet";
  readonly #served: BegunClient;
  readonly #prefix = `countersign-joined-${randomBytes(9).toString("base64url")}-`;
  readonly #asked = new Map<RpcId, (answer: Answer | undefined) => void>();
  #count = 0;
  #unread = 0;
  #isFull = false;
  #isOver = false;
  readonly ended: Promise<void>;

  constructor(server: JoinedServer, { cancelGraceMs, toClient, onEnded, onWarning, governance, ...options }: ChildOptions) {
    this.server = server;
    const { name } = server;
    this.#served = beginRelay(
      { ...server, cancelGraceMs },
      {
        ...options,
        governance: () => governance(name),
        shownName: (tool) => joinedName(name, tool) ?? tool,
        toClient: (bytes, about) => {
          if (about.kind === "answer" && about.id !== null && this.#settle(about.id, bytes, about.ok)) return;
          toClient(this, bytes, about);
        },
        onFull: () => void (this.#isFull = true),
        onDrain: () => {
          this.#isFull = false;
          this.#unread = 0;
        },
        onWarning: (message) => onWarning(`${name}: ${message}`),
      },
    );
    this.ended = this.#served.ended.then((end) => {
      this.#isOver = true;
      this.isReady = false;
      this.why = end.kind === "not started" ? `it could not be started: ${end.why}` : "it has ended";
      this.#served.upstreamGone();
      for (const id of this.#asked.keys()) this.#settle(id, undefined, false);
      onEnded(this, end);
    });
  }

  get name(): string {
    return this.server.name;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** False: it does not read what it is sent, and this was not sent. */
  receive(message: ClientMessage, line: Buffer): boolean {
    if (this.#isFull && (this.#unread += 1) > MAX_UNREAD) return false;
    this.#served.receive(message, line);
    return true;
  }

  async ask(method: string, params: JsonValue | undefined, withinMs: number): Promise<Answer | undefined> {
    if (this.#isOver) return undefined;
    const id = `${this.#prefix}${(this.#count += 1)}`;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    this.#asked.set(id, resolve);
    const timer = setTimeout(() => this.#giveUp(id, method), withinMs);
    if (!this.request(id, method, params)) this.#settle(id, undefined, false);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** In our words. As `receive`. */
  request(id: RpcId, method: string, params: JsonValue | undefined): boolean {
    const line = Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) })}\n`);
    return this.receive({ kind: "request", id, method, params }, line);
  }

  tell(method: string, params?: JsonObject): void {
    const line = Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }) })}\n`);
    this.receive({ kind: "notification", method, params }, line);
  }

  clientGone(): void {
    this.#served.clientGone();
  }

  drained(): Promise<void> {
    return this.#served.drained();
  }

  pause(): void {
    this.#served.pause();
  }

  resume(): void {
    this.#served.resume();
  }

  async stop(): Promise<void> {
    this.isReady = false;
    await this.#served.stop();
    await this.ended;
  }

  #giveUp(id: RpcId, method: string): void {
    this.#settle(id, undefined, false);
    if (method !== "initialize") this.tell("notifications/cancelled", { requestId: id, reason: "it took too long" });
  }

  /** True where it is the answer to something of ours. */
  #settle(id: RpcId, bytes: Buffer | string | undefined, ok: boolean): boolean {
    const waiting = this.#asked.get(id);
    // One that nobody waits for any more is nobody's: the client never knew the id.
    if (waiting === undefined) return typeof id === "string" && id.startsWith(this.#prefix);
    this.#asked.delete(id);
    waiting(bytes === undefined ? undefined : { ok, line: typeof bytes === "string" ? Buffer.from(bytes) : bytes });
    return true;
  }
}
