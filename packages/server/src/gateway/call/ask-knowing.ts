/**
 * Asking about a tool whose definition may change while people think, and nobody says so: before a yes counts, what the server lists now is
 * known. Guard then compares it with what was approved.
 */
import type { AskPort } from "@countersign/sdk/enforcement";
import { wholeOf } from "./waiting.ts";

/** `freshen`: as ToolList has it. */
export function askKnowing(ask: AskPort, freshen: () => Promise<void> | undefined): AskPort {
  return {
    ...wholeOf(ask),
    async wait(request, options) {
      const answer = await ask.wait(request, options);
      if (answer.kind === "approved") await freshen();
      return answer;
    },
  };
}
