/**
 * Asking about a tool whose definition may change while people think: before a yes counts, what the server lists now is known. In a session
 * the server announces a change, and its new list may be under way; without one nobody says so. Guard then compares it with what was approved.
 */
import type { AskPort } from "@countersign/sdk/enforcement";
import { wholeOf } from "./waiting.ts";

/** `knowTools`: as CallPorts has it. */
export function askKnowing(ask: AskPort, knowTools: () => Promise<void> | undefined): AskPort {
  return {
    ...wholeOf(ask),
    async wait(request, options) {
      const answer = await ask.wait(request, options);
      if (answer.kind === "approved") await knowTools();
      return answer;
    },
  };
}
