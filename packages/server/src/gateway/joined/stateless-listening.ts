/** One client's `subscriptions/listen` over HTTP, at all servers joined: one stream, on which each of them is heard under the client's own id. */
import type { JsonValue } from "@countersign/sdk/call";
import type { PostExchange } from "../http/http-endpoint.ts";
import { Reply } from "../http/reply.ts";
import type { ServedUpstream } from "../http/served-upstream.ts";
import { SUBSCRIPTION_ID, type Ear } from "../http/shared-upstream.ts";
import { replaceValues } from "../message/member-place.ts";
import type { RpcId } from "../message/read-client-message.ts";
import { readUpstreamMessage, valueAt } from "../message/read-upstream-message.ts";
import { ACKNOWLEDGED, Listening } from "./listening.ts";
import type { StatelessChild } from "./stateless-child.ts";

export interface StatelessListeningOptions {
  readonly exchange: PostExchange;
  readonly id: RpcId;
  readonly params: JsonValue | undefined;
  readonly upstream: Pick<ServedUpstream, "pulse" | "openAfterMs">;
  /** Whether another server alone has the URI. */
  readonly isOthers: (child: StatelessChild, uri: string) => boolean;
  /** A server told of a change. */
  readonly onChanged: (method: string) => void;
}

export class StatelessListening {
  readonly #options: StatelessListeningOptions;
  readonly #reply: Reply;
  readonly #listening: Listening<StatelessChild>;
  readonly #parts = new Map<StatelessChild, () => void>();
  #isOver = false;

  constructor(options: StatelessListeningOptions) {
    const { exchange, id, params, upstream, isOthers } = options;
    this.#options = options;
    this.#reply = new Reply(exchange, { id, headers: {}, pulse: upstream.pulse, openAfterMs: upstream.openAfterMs.exchange, resumption: undefined, resumeMs: 0, onOver: () => this.#part() });
    this.#listening = new Listening({
      id,
      params,
      mayHave: (child, uri) => !isOthers(child, uri),
      listen: (child, asked) =>
        void child.listen(this.#earFor(child), asked).then((part) => {
          if (part === undefined) this.#listening.servers.delete(child);
          else if (this.#isOver) part();
          else this.#parts.set(child, part);
        }),
      toClient: (bytes) => this.#reply.beside(bytes),
    });
    void this.#reply.settled.then(() => this.#part());
  }

  /** Resolves when it has ended, or its client is gone. */
  get over(): Promise<void> {
    return this.#reply.settled;
  }

  join(child: StatelessChild): void {
    if (!this.#isOver) this.#listening.join(child);
  }

  announce(method: string): void {
    if (!this.#isOver) this.#listening.announce(method);
  }

  /** In good order: its client is told. */
  end(): void {
    const { id } = this.#options;
    this.#reply.answer(`${JSON.stringify({ jsonrpc: "2.0", id, result: { resultType: "complete", _meta: { [SUBSCRIPTION_ID]: id } } })}\n`);
  }

  #earFor(child: StatelessChild): Ear {
    const gone = (): void => {
      this.#parts.get(child)?.();
      this.#parts.delete(child);
      this.#listening.servers.delete(child);
    };
    return {
      wantsLogs: false,
      answer: gone, // it ends it; the others go on
      end: gone,
      leave: () => undefined,
      upstreamGone: () => {
        child.isReady = false;
        gone();
      },
      notify: (line, path) => this.#hear(child, line, path),
    };
  }

  #hear(child: StatelessChild, line: Buffer, path: readonly string[] | undefined): void {
    const message = readUpstreamMessage(line);
    if (message.kind !== "notification" || message.method === ACKNOWLEDGED || path === undefined) return; // acknowledged by us, for all
    this.#options.onChanged(message.method);
    const uri = valueAt(message.params, ["uri"]);
    if (typeof uri === "string" && this.#options.isOthers(child, uri)) return;
    const bytes = replaceValues(line, [{ path, to: JSON.stringify(this.#options.id) }]);
    if (bytes !== undefined) this.#reply.beside(bytes);
  }

  #part(): void {
    this.#isOver = true;
    for (const part of this.#parts.values()) part();
    this.#parts.clear();
  }
}
