/** A terminal that stays open while one question on it is withdrawn. Called by inbox.ts. */
import type { Terminal } from "@countersign/sdk/terminal";

const LOOK_MS = 50;

/** The same terminal, whose next event is `aborted` once the signal is: what was typed and not read yet answers nothing. */
export function withdrawable(terminal: Terminal, signal: AbortSignal): Terminal {
  return {
    ...terminal,
    async next({ quietMs = Infinity } = {}) {
      const until = performance.now() + quietMs;
      for (;;) {
        const left = until - performance.now();
        // Not in a race with the signal: an event that nobody waits for any more would be lost.
        const event = await terminal.next({ quietMs: Math.max(0, Math.min(LOOK_MS, left)) });
        if (signal.aborted && event.type !== "gone") return { type: "aborted" };
        if (event.type !== "quiet" || left <= LOOK_MS) return event;
      }
    },
  };
}

/** Forgets what is typed until nothing came for so long, or the terminal is gone. */
export async function forgetKeys(terminal: Terminal, quietMs: number): Promise<void> {
  for (;;) {
    const { type } = await terminal.next({ quietMs });
    if (type === "quiet" || type === "gone" || type === "aborted") return;
  }
}
