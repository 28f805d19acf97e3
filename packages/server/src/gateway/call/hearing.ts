/**
 * Whether whoever sent a call can still hear what becomes of it. Over HTTP a stream may break while people think, and its client may come
 * back for it: until it does, a yes runs nothing. Where it does not come back, the request stays for the same call sent again.
 */
import type { AskPort } from "@countersign/sdk/enforcement";

export interface Hearing {
  /** People are asked now. */
  held(): void;
  /** It did not come back. */
  readonly isLost: boolean;
  /** Resolves once it hears, at once where it does: false where it did not come back, or where the signal aborts first. */
  heard(signal: AbortSignal | undefined): Promise<boolean>;
}

/** How late it may be noticed that a client is lost while people think. */
const LOOK_MS = 15_000;

/** `ask`, whose answers wait for somebody who hears them. */
export function askWhileHeard(ask: AskPort, hearing: Hearing): AskPort {
  return {
    canMeet: (requirements) => ask.canMeet(requirements),
    join: (question, edit) => ask.join(question, edit),
    claim: (request) => ask.claim(request),
    supersede: (request) => ask.supersede(request),
    dropEdit: (edit, reason) => ask.dropEdit?.(edit, reason),
    release: (request, gone) => ask.release?.(request, gone),
    report: (request, execution) => ask.report(request, execution),
    async wait(request, { signal, waitMs = Infinity }) {
      hearing.held();
      const since = performance.now();
      for (;;) {
        const leftMs = waitMs - (performance.now() - since);
        const answer = await ask.wait(request, { signal, waitMs: Math.max(0, Math.min(leftMs, LOOK_MS)) });
        if (answer.kind !== "pending") return (await hearing.heard(signal)) || signal?.aborted === true ? answer : { kind: "pending", until: request.expiresAt };
        if (hearing.isLost || leftMs <= LOOK_MS) return answer;
      }
    },
  };
}
