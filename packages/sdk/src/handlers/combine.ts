/**
 * Handlers made of handlers: `firstOf` (any one decides) and `allOf` (all must agree).
 * A combinator never approves unless a handler it was given did. Both run inside one process and their answers have
 * assurance `local`: n people who sign in are a policy's `quorum`, not `allOf`.
 */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalContext, ApprovalDecisionFields, ApprovalHandler } from "../approval/decision.ts";
import { stampAmong } from "../approval/inbox.ts";
import type { PolicyViolationError } from "../errors.ts";
import { askOne, assertHandlers } from "./ask-one.ts";
import type { Asked } from "./ask-one.ts";
import { raceHandlers } from "./race.ts";

/**
 * Asks all at once; the first yes or no decides and aborts the others. A handler that throws, answers something else or
 * times out gave no answer. Where none did: a time-out if all timed out, else an AggregateError (which denies).
 */
export function firstOf(...handlers: readonly ApprovalHandler[]): ApprovalHandler {
  assertHandlers("firstOf", handlers);
  const starters = handlers.map((handler) => ({ afterMs: 0, handler }));
  return stampAmong((error, context) => raceHandlers("firstOf", starters, error, context), handlers);
}

/**
 * Asks all at once; all must approve. The first denial, time-out, throw or malformed answer decides and aborts the others.
 * `approver`, `channel` and `reason` are joined; `human` is true only if all say true, false if any says false.
 */
export function allOf(...handlers: readonly ApprovalHandler[]): ApprovalHandler {
  assertHandlers("allOf", handlers);
  const asked = [...handlers];
  return (error, context) => askAll(asked, error, context);
}

async function askAll(handlers: readonly ApprovalHandler[], error: PolicyViolationError, context: ApprovalContext): Promise<ApprovalDecision> {
  context.signal.throwIfAborted();
  const askings = handlers.map((handler, index) =>
    askOne(handler, error, context, { label: `allOf: handler ${index + 1}`, amongOthers: true }),
  );
  try {
    return await unanimous(askings.map(({ ended }) => ended));
  } finally {
    for (const asking of askings) asking.abort(new DOMException("another handler decided, or the question ended", "AbortError"));
  }
}

/** Settles with the first that is no approval, else with all approvals joined. */
function unanimous(endings: readonly Promise<Asked>[]): Promise<ApprovalDecision> {
  return new Promise((resolve, reject) => {
    const approvals = new Map<number, ApprovalDecision>();
    endings.forEach((ended, index) => {
      void ended.then((asked) => {
        if (asked.kind === "failed") return reject(asked.cause);
        if (asked.kind === "aborted") return reject(asked.reason);
        if (!asked.decision.approved || asked.decision.timedOut) return resolve(asked.decision);
        approvals.set(index, asked.decision);
        if (approvals.size === endings.length) resolve(joined([...approvals].toSorted(([one], [other]) => one - other).map(([, each]) => each)));
        return undefined;
      });
    });
  });
}

function joined(decisions: readonly ApprovalDecision[]): ApprovalDecision {
  const humans = decisions.map(({ human }) => human);
  const channel = list(new Set(decisions.map((decision) => decision.channel)), ", ");
  const reason = list(decisions.map((decision) => decision.reason), "; ");
  const elapsed = decisions.map(({ elapsedSeconds }) => elapsedSeconds ?? 0);
  const fields: ApprovalDecisionFields = {
    approved: true,
    approver: list(decisions.map(({ approver }) => approver), ", "),
    ...(channel === "" ? {} : { channel }),
    ...(reason === "" ? {} : { reason }),
    ...(Math.max(...elapsed) > 0 ? { elapsedSeconds: Math.max(...elapsed) } : {}),
    ...(humans.includes(false) ? { human: false } : humans.every((human) => human === true) ? { human: true } : {}),
  };
  return new ApprovalDecision(fields);
}

function list(texts: Iterable<string | undefined>, separator: string): string {
  return [...texts].filter((text) => text !== undefined && text !== "").join(separator);
}
