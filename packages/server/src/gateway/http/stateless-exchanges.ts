/**
 * The exchanges of one upstream, without sessions: the connection that they share, opened with the first and again where it was lost, and
 * the runs of agents that the policies count by.
 */
import { createHash, randomUUID } from "node:crypto";
import type { JsonObject } from "@countersign/sdk/call";
import { memberOf } from "../message/members.ts";
import { readUpstreamMessage } from "../message/read-upstream-message.ts";
import { replaceId } from "../message/replace-id.ts";
import { answerError, answerJson, STUFFED, type HttpRefusal } from "./answer-error.ts";
import type { HttpCaller, PostExchange } from "./http-endpoint.ts";
import { lineOf } from "./lines.ts";
import { refusedParams } from "./mirrored-params.ts";
import type { ServedUpstream } from "./served-upstream.ts";
import { SharedUpstream, type Opening } from "./shared-upstream.ts";
import { envelopeOf, refuseStateless, StatelessExchange, statusOf } from "./stateless-exchange.ts";

export interface ExchangeLimits {
  readonly exchanges: number;
  readonly exchangesOfCredential: number;
  readonly idleMs: number;
}

/** A server that could not be reached, or speaks another era, is asked again after so long. */
const FAILED_MS = 1_000;
const LEGACY_MS = 300_000;
const RUN_KEY = "countersign/session";
const MAX_RUNS = 10_000;

interface Current {
  readonly shared: SharedUpstream;
  usedAt: number;
  /** Settled otherwise than by a server that speaks the era: it stays so until then. */
  until: number;
}

export class StatelessExchanges {
  readonly #upstream: ServedUpstream;
  readonly #limits: ExchangeLimits;
  #current: Current | undefined;
  readonly #running = new Map<Promise<void>, string>();
  readonly #runs = new Map<string, { readonly id: string; usedAt: number }>();
  readonly #look = (): void => {
    const { idleMs } = this.#limits;
    if (this.#current !== undefined && this.#running.size === 0 && this.#current.shared.size === 0 && performance.now() - this.#current.usedAt > idleMs) void this.close();
  };

  constructor(upstream: ServedUpstream, limits: ExchangeLimits) {
    this.#upstream = upstream;
    this.#limits = limits;
  }

  /** Resolves when it is answered. */
  async serve(exchange: PostExchange): Promise<void> {
    if (refuseStateless(exchange, this.#upstream)) return;
    const { exchanges, exchangesOfCredential } = this.#limits;
    const own = [...this.#running.values()].filter((credential) => credential === exchange.caller.credential).length;
    if (this.#running.size >= exchanges || own >= exchangesOfCredential) {
      const id = "id" in exchange.message ? exchange.message.id : null;
      return answerError(exchange.response, { status: 503, reason: "too many requests are under way here; try again in a moment", id, headers: { "retry-after": "1" } });
    }
    const running = this.#serve(exchange).finally(() => this.#running.delete(running));
    this.#running.set(running, exchange.caller.credential);
    await running;
  }

  /** The connection that all share, for what is asked of the server on behalf of a client and is no call, and how it went when it was opened. */
  async open(): Promise<{ readonly shared: SharedUpstream; readonly opening: Opening }> {
    const current = this.#connect();
    const opening = await current.shared.opening;
    current.usedAt = performance.now();
    if (opening.kind === "failed") {
      current.until = Math.min(current.until, performance.now() + FAILED_MS);
      void current.shared.stop(); // it may only have been silent
    }
    if (opening.kind === "legacy") {
      if (current.until === Infinity) current.until = performance.now() + LEGACY_MS;
      void current.shared.stop();
    }
    return { shared: current.shared, opening };
  }

  /** Resolves when no call is under way; those that wait for people stop waiting. */
  async drain(): Promise<void> {
    this.#current?.shared.leave();
    await Promise.all(this.#running.keys());
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    this.#upstream.pulse.remove(this.#look);
    current?.shared.leave();
    await current?.shared.stop();
    await Promise.all(this.#running.keys());
    await this.#upstream.rounds.drained();
  }

  async #serve(exchange: PostExchange): Promise<void> {
    const { message, response, body } = exchange;
    const { shared, opening } = await this.open();
    const id = message.kind === "call" || message.kind === "request" ? message.id : null;
    if (opening.kind === "failed") return answerError(response, { status: 502, reason: `the server is not there: ${opening.why}`, id });
    if (opening.kind === "legacy") {
      const said = readUpstreamMessage(opening.line);
      const error = said.kind === "answer" ? said.body : undefined;
      const status = statusOf(error);
      return answerJson(response, status === 200 ? 400 : status, replaceId(opening.line, opening.asked, JSON.stringify(id)) ?? opening.line);
    }
    if (shared.isStuffed) return answerError(response, { ...STUFFED, id });
    if (message.kind !== "call" && message.kind !== "request") {
      shared.send(lineOf(body));
      return void response.writeHead(202).end();
    }
    const refused = message.kind === "call" ? await this.#refusedParams(exchange, shared) : undefined;
    if (refused !== undefined) return answerError(response, { ...refused, id });
    const meta = envelopeOf(message.params) ?? {}; // refused above where there is none
    await new StatelessExchange(exchange, message, meta, this.#upstream, shared, this.#runOf(exchange.caller, meta)).run();
    if (this.#current?.shared === shared) this.#current.usedAt = performance.now();
  }

  async #refusedParams({ request, message }: PostExchange, { tools }: SharedUpstream): Promise<HttpRefusal | undefined> {
    if (tools.refreshing !== undefined) await tools.refreshing;
    const params = "params" in message ? message.params : undefined;
    const name = memberOf(params, "name");
    return refusedParams(request.headers, params, typeof name === "string" ? tools.catalog.definition(name)?.definition["inputSchema"] : undefined);
  }

  #connect(): Current {
    const current = this.#current;
    const isSettled = current !== undefined && performance.now() < current.until;
    if (current !== undefined && isSettled && (!current.shared.isOver || current.until !== Infinity)) return current;
    this.#upstream.pulse.add(this.#look);
    return (this.#current = { shared: new SharedUpstream(this.#upstream), usedAt: performance.now(), until: Infinity });
  }

  /** One run of an agent: as it names it, else all that it does without a pause. Never shared between two credentials. */
  #runOf({ credential, agent }: HttpCaller, meta: JsonObject): string {
    const named = meta[RUN_KEY];
    if (typeof named === "string") return createHash("sha256").update(JSON.stringify([credential, named])).digest("hex").slice(0, 32);
    const now = performance.now();
    const key = JSON.stringify([credential, agent]);
    const known = this.#runs.get(key);
    this.#runs.delete(key);
    const run = known !== undefined && now - known.usedAt < this.#limits.idleMs ? { ...known, usedAt: now } : { id: randomUUID(), usedAt: now };
    this.#runs.set(key, run);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > MAX_RUNS && oldest !== undefined) this.#runs.delete(oldest);
    return run.id;
  }
}
