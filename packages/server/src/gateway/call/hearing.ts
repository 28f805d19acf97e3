/**
 * Whether whoever sent a call can still hear what becomes of it. Over HTTP a stream may break while people think, and its client may come
 * back for it: until it does, a yes runs nothing. Where it does not come back, the request stays for the same call sent again.
 */
import type { AskPort } from "@countersign/sdk/enforcement";

export interface Hearing {
  /** People are asked now. */
  held(): void;
  /** Aborts when it does not come back. */
  readonly lost: AbortSignal;
  /** Resolves once it hears, at once where it does: false where it is lost, or where the signal aborts first. */
  heard(signal: AbortSignal | undefined): Promise<boolean>;
}

/** `ask`, whose answers wait for somebody who hears them. */
export function askWhileHeard(ask: AskPort, hearing: Hearing): AskPort {
  return {
    ...ask,
    async wait(request, options) {
      hearing.held();
      const answer = await ask.wait(request, { ...options, leave: hearing.lost });
      if (answer.kind === "pending" || (await hearing.heard(options.signal)) || options.signal?.aborted === true) return answer;
      return { kind: "pending", until: request.expiresAt };
    },
  };
}
