/** A form for a client without a session: it is put to it with the answer to the round that it waits in, and answered with the next one. */
import type { JsonObject } from "@countersign/sdk";
import type { ElicitPort } from "./elicit-approval.ts";

interface Asked {
  readonly params: JsonObject;
  readonly answer: (response: unknown) => void;
}

export class RoundQuestion implements ElicitPort {
  #asked: Asked | undefined;
  #onAsked = Promise.withResolvers<void>();

  /** The form, while it is unanswered. */
  get form(): JsonObject | undefined {
    return this.#asked?.params;
  }

  /** Resolves once there is a form to put. */
  get put(): Promise<void> {
    return this.#onAsked.promise;
  }

  async elicit(params: JsonObject, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers();
    const over = (): void => reject(signal.reason);
    signal.addEventListener("abort", over, { once: true });
    this.#asked = { params, answer: resolve };
    this.#onAsked.resolve();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", over);
      if (this.#asked?.answer === resolve) this.#rest();
    }
  }

  #rest(): void {
    this.#asked = undefined;
    this.#onAsked = Promise.withResolvers();
  }

  /** The client has come back, with this or with nothing. */
  deliver(response: unknown): void {
    this.#asked?.answer(response);
    this.#rest();
  }
}
