/**
 * Asking at a control plane that may be away for a moment: slow, stopped, or dead and started again. Nobody is refused before the time for
 * that is over. Used by cli/governances.ts.
 */
import type { AskPort } from "@countersign/sdk/enforcement";
import { wholeOf } from "../gateway/call/waiting.ts";

const SERVER_ERROR = 500;

/**
 * `ask`, which asks again for `withinMs` where nobody can be asked, and has the control plane looked after before (`revive`, which ends in
 * time). Asking twice is asking once: the same call is the same request.
 */
export function askRevived(ask: AskPort, revive: (withinMs: number) => Promise<void>, withinMs: number): AskPort {
  const again = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const end = performance.now() + withinMs;
    for (let last = false; ; ) {
      try {
        return await work();
      } catch (error) {
        const left = end - performance.now();
        const { code, status } = factsOf(error);
        if (code !== "control_plane_unavailable" || last || left <= 0) throw error;
        last = status !== undefined && status < SERVER_ERROR; // such as a key that is not taken: it is there, and says the same next time
        await revive(left);
      }
    }
  };
  return {
    ...wholeOf(ask),
    join: (question, edit) => again(() => ask.join(question, edit)),
    rejoin: (requestId, question) => again(() => ask.rejoin?.(requestId, question)),
  };
}

/** Of a refusal, and of the answer that it was made of. */
function factsOf(error: unknown): { readonly code: unknown; readonly status: number | undefined } {
  const read = (from: unknown, member: string): unknown => (from !== null && typeof from === "object" ? Reflect.get(from, member) : undefined);
  const status = read(read(error, "cause"), "status");
  return { code: read(error, "code"), status: typeof status === "number" ? status : undefined };
}
