/**
 * How long a held call keeps its client waiting, and what keeps the client patient meanwhile. The approval request is a row of the control
 * plane and lives on whatever the client does. In a session, who gave a progress token is kept up to date until the request ends; who gave
 * none is answered before the usual 60 s are over, and told to call again. Without sessions the client is sent round, a few times.
 */
import type { AskPort } from "@countersign/sdk/enforcement";

export interface Waiting {
  /** How long a call without a progress token is held in a session, in milliseconds. */
  readonly holdMs: number;
  /** Between two progress notifications, in milliseconds. */
  readonly progressMs: number;
  /** How long one round lasts in the protocol without sessions, in milliseconds. */
  readonly roundMs: number;
  /** How many such rounds a call is held for. Clients stop at ten, and the server may need some. */
  readonly rounds: number;
}

export const WAITING: Waiting = Object.freeze({ holdMs: 45_000, progressMs: 5_000, roundMs: 50_000, rounds: 7 });

/** Where an operator says how long calls are held: rounds are no longer either. */
export function heldFor(holdMs: number): Waiting {
  return { ...WAITING, holdMs, roundMs: Math.min(holdMs, WAITING.roundMs) };
}

/** Told at the beginning and again and again while somebody is waited for. */
export type TellWaiting = (request: { readonly requestId: string; readonly url: string | undefined }) => void;

/** `ask`, which tells while it waits. */
export function tellWhileWaiting(ask: AskPort, everyMs: number, tell: TellWaiting): AskPort {
  return {
    ...wholeOf(ask),
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

/** `ask`, whose first question is the one that an earlier round asked: how that has ended counts, and nobody is asked anew about it. */
export function rejoinFirst(ask: AskPort, requestId: string): AskPort {
  let first = true;
  return {
    ...wholeOf(ask),
    async join(question, edit) {
      const before = first && edit === undefined ? await ask.rejoin?.(requestId, question) : undefined;
      first = false;
      return before ?? ask.join(question, edit);
    },
  };
}

/** All that a port has, wherever it has it from. */
export function wholeOf(ask: AskPort): AskPort {
  return {
    canMeet: (requirements) => ask.canMeet(requirements),
    join: (question, edit) => ask.join(question, edit),
    rejoin: async (requestId, question) => ask.rejoin?.(requestId, question),
    wait: (request, options) => ask.wait(request, options),
    claim: (request) => ask.claim(request),
    supersede: (request) => ask.supersede(request),
    dropEdit: (edit, reason) => ask.dropEdit?.(edit, reason),
    release: (request, gone) => ask.release?.(request, gone),
    report: (request, execution) => ask.report(request, execution),
  };
}

/**
 * What is told while people are asked rises with each notification and stays below zero, where servers begin to count: their own progress
 * comes later, under the same token, and has to rise from there.
 */
export function progressMessage(token: string | number, count: number, message: string): string {
  return `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: token, progress: -1 / count, message } })}\n`;
}
