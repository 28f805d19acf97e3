/** What the gateway itself has asked a client in its session and waits for, under ids that no upstream can guess: no server's answer, and none for a server. */
import { randomBytes } from "node:crypto";
import type { JsonObject } from "@countersign/sdk";
import type { ClientMessage } from "../message/read-client-message.ts";
import { ELICIT, type ElicitPort } from "./elicit-approval.ts";

type Response = Extract<ClientMessage, { kind: "response" }>;

export class ClientRequests {
  readonly #prefix = `countersign-ask-${randomBytes(9).toString("base64url")}-`;
  readonly #waiting = new Map<string, (response: Response | undefined) => void>();
  #count = 0;
  #isOver = false;

  /** `write`: to the client, beside the call that is asked about. */
  through(write: (bytes: string) => void): ElicitPort {
    return { elicit: (params, signal) => this.#elicit(params, signal, write) };
  }

  /** True where the response was to one of ours. */
  settle(response: Response): boolean {
    const { id } = response;
    if (typeof id !== "string" || !id.startsWith(this.#prefix)) return false;
    this.#waiting.get(id)?.(response); // one that nobody waits for any more is nobody's
    return true;
  }

  /** The client is gone: it answers nothing any more. */
  end(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.values()) waiting(undefined);
  }

  async #elicit(params: JsonObject, signal: AbortSignal, write: (bytes: string) => void): Promise<unknown> {
    signal.throwIfAborted();
    if (this.#isOver) throw new Error("the client is gone");
    const id = `${this.#prefix}${(this.#count += 1)}`;
    const { promise, resolve, reject } = Promise.withResolvers<Response | undefined>();
    const taken = (): void => {
      if (!this.#isOver) write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason: "the question is over" } })}\n`);
      reject(signal.reason);
    };
    this.#waiting.set(id, resolve);
    signal.addEventListener("abort", taken, { once: true });
    write(`${JSON.stringify({ jsonrpc: "2.0", id, method: ELICIT, params })}\n`);
    try {
      const response = await promise;
      if (response?.ok !== true) throw new Error("the client cannot ask");
      return response.body;
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener("abort", taken);
    }
  }
}
