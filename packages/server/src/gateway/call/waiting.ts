/**
 * How long a held call keeps its client waiting, and what keeps the client patient meanwhile. The approval request is a row of the control
 * plane and lives on whatever the client does: who gave a progress token is kept up to date until the request ends; who gave none is
 * answered before the usual 60 s are over, and told to call again.
 */
import type { AskPort } from "@countersign/sdk/enforcement";

export interface Waiting {
  /** How long a call without a progress token is held, in milliseconds. */
  readonly holdMs: number;
  /** Between two progress notifications, in milliseconds. */
  readonly progressMs: number;
}

export const WAITING: Waiting = Object.freeze({ holdMs: 45_000, progressMs: 5_000 });

/** Told at the beginning and again and again while somebody is waited for. */
export type TellWaiting = (request: { readonly requestId: string; readonly url: string | undefined }) => void;

/** `ask`, which tells while it waits. */
export function tellWhileWaiting(ask: AskPort, everyMs: number, tell: TellWaiting): AskPort {
  return {
    canMeet: (requirements) => ask.canMeet(requirements),
    join: (question, edit) => ask.join(question, edit),
    claim: (request) => ask.claim(request),
    supersede: (request) => ask.supersede(request),
    release: (request, gone) => ask.release?.(request, gone),
    report: (request, execution) => ask.report(request, execution),
    async wait(request, options) {
      const about = { requestId: request.id, url: request.url };
      tell(about);
      const timer = setInterval(() => tell(about), everyMs);
      try {
        return await ask.wait(request, options);
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** Numbers that rise with each notification and stay below whatever the upstream counts in: its own progress comes later, under the same token. */
const SMALL = 1e-9;

export function progressMessage(token: string | number, count: number, message: string): string {
  return `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: token, progress: count * SMALL, message } })}\n`;
}
