/** One of the joined servers, for the requests of all clients without sessions: they share its connection, and its gate knows it alone. */
import { isObject } from "../message/members.ts";
import type { JsonObject, JsonValue } from "@countersign/sdk/call";
import { valueAt } from "../message/read-upstream-message.ts";
import type { AskedMethod } from "../call/upstream-calls.ts";
import type { PostExchange } from "../http/http-endpoint.ts";
import { StatelessExchanges, type ExchangeLimits } from "../http/stateless-exchanges.ts";
import type { ServedUpstream } from "../http/served-upstream.ts";
import type { Ear } from "../http/shared-upstream.ts";
import type { Answer, ListedServer } from "./collect-lists.ts";
import { joinedName } from "./joined-names.ts";
import { declaredIn } from "./merge-greetings.ts";
import type { JoinedServer } from "./joined-servers.ts";

export interface StatelessChildOptions {
  readonly upstream: Pick<ServedUpstream, "cancelGraceMs" | "pulse" | "openAfterMs" | "resumeMs">;
  readonly limits: ExchangeLimits;
  /** What it answered to a call. */
  readonly onAnswer: (child: StatelessChild, bytes: Buffer | string) => void;
  /** It has come, or come again. */
  readonly onCame: (child: StatelessChild) => void;
  readonly onWarning: (message: string) => void;
}

export class StatelessChild implements ListedServer {
  readonly server: JoinedServer;
  isReady = false;
  /** It speaks sessions alone. */
  isLegacy = false;
  capabilities: JsonObject = {};
  instructions: string | undefined;
  why = "it has not answered yet";
  readonly #exchanges: StatelessExchanges;
  readonly #options: StatelessChildOptions;
  #greeting: Promise<void> | undefined;
  /** It did not answer in time: nobody waits for it any more. */
  #isSlow = false;

  constructor(server: JoinedServer, options: StatelessChildOptions) {
    const { name } = server;
    this.server = server;
    this.#options = options;
    const onWarning = (message: string): void => options.onWarning(`${name}: ${message}`);
    this.#exchanges = new StatelessExchanges({ ...options.upstream, ...server, shownName: (tool) => joinedName(name, tool) ?? tool, onAnswer: (bytes) => options.onAnswer(this, bytes), onWarning }, options.limits);
  }

  get name(): string {
    return this.server.name;
  }

  /** Resolves when it is known whether it is there, at most after so long. */
  async greet(withinMs: number): Promise<void> {
    const greeting = (this.#greeting ??= this.#greet().finally(() => (this.#greeting = undefined)));
    if (this.isReady || this.#isSlow) return;
    const { promise, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), withinMs);
    if ((await Promise.race([greeting, promise])) === "late") this.#isSlow = true;
    clearTimeout(timer);
  }

  async ask(method: AskedMethod, params: JsonValue | undefined, withinMs: number): Promise<Answer | undefined> {
    const { shared, opening } = await this.#exchanges.open();
    if (opening.kind !== "modern") return undefined;
    const { id, reply } = shared.calls.ask(method, isObject(params) ? params : {});
    const timer = setTimeout(() => shared.calls.giveUp(id), withinMs);
    const came = await reply;
    clearTimeout(timer);
    return came === undefined ? undefined : { ok: came.answer.ok, line: came.line };
  }

  /** A request of a client, which is for this server: in its own words already. */
  serve(exchange: PostExchange): Promise<void> {
    const { caller } = exchange;
    return this.#exchanges.serve({ ...exchange, caller: { ...caller, governance: () => caller.governance(this.name) } });
  }

  /** Has `ear` hear what it says on a subscription; undefined where it is not there. What is returned ends it. */
  async listen(ear: Ear, params: JsonObject): Promise<(() => void) | undefined> {
    const { shared, opening } = await this.#exchanges.open();
    if (opening.kind !== "modern") return undefined;
    const id = shared.join(ear);
    shared.send(`${JSON.stringify({ jsonrpc: "2.0", id, method: "subscriptions/listen", params })}\n`);
    return () => {
      shared.part(id);
      if (!shared.isOver) shared.send(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } })}\n`);
    };
  }

  drain(): Promise<void> {
    return this.#exchanges.drain();
  }

  async close(): Promise<void> {
    this.isReady = false;
    this.server.rounds.end();
    await this.#exchanges.close();
  }

  async #greet(): Promise<void> {
    const { opening } = await this.#exchanges.open();
    const was = this.isReady;
    this.isReady = opening.kind === "modern";
    this.isLegacy = opening.kind === "legacy";
    this.why = opening.kind === "failed" ? opening.why : "it speaks sessions alone";
    if (opening.kind !== "modern") return;
    const [capabilities, instructions] = [valueAt(opening.body, ["capabilities"]), valueAt(opening.body, ["instructions"])];
    this.capabilities = declaredIn(capabilities);
    this.instructions = typeof instructions === "string" ? instructions : undefined;
    if (!was) this.#options.onCame(this);
    this.#isSlow = false;
  }
}
