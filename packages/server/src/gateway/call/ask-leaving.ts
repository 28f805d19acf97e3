/**
 * Asking on behalf of a client that may stop listening without taking its call back: it broke off, or the gateway ends. The request stays
 * what it is, nothing is claimed on it any more, and the same call sent again joins it.
 */
import type { AskPort } from "@countersign/sdk/enforcement";

/** `onWait`: people are being asked. */
export function askLeaving(ask: AskPort, leave: AbortSignal, onWait: () => void): AskPort {
  return {
    ...ask,
    async wait(request, options) {
      onWait();
      const answer = await ask.wait(request, { ...options, leave });
      return answer.kind === "approved" && leave.aborted ? { kind: "pending", until: request.expiresAt } : answer;
    },
  };
}
