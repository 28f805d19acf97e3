/**
 * The race of several handlers for one answer, behind firstOf and escalate.
 * A yes or a no decides; silence, a throw and a malformed answer never do, and never turn into a yes. When it ends, every
 * signal it handed out that still waits is aborted, and no timer and no listener is left.
 */
import { ApprovalDecision } from "../approval/decision.ts";
import type { ApprovalContext, ApprovalHandler } from "../approval/decision.ts";
import { setLongTimeout } from "../approval/timer.ts";
import type { LongTimer } from "../approval/timer.ts";
import type { PolicyViolationError } from "../errors.ts";
import { askOne, linkAbort } from "./ask-one.ts";
import type { Asked, Asking } from "./ask-one.ts";

export interface Starter {
  /** Milliseconds from the start of the race; 0 starts in the same turn. */
  readonly afterMs: number;
  readonly handler: ApprovalHandler;
}

/** Why one handler gave no yes and no no. */
interface Silence {
  readonly what: string;
  /** What was thrown; none where its window ended. */
  readonly causes: readonly unknown[];
}

/**
 * Resolves with the first yes or no, or with a time-out where every handler's own window ended.
 * Rejects with AggregateError where all failed, and with the reason of the context's signal when that is aborted.
 */
export async function raceHandlers(
  name: string,
  starters: readonly Starter[],
  error: PolicyViolationError,
  context: ApprovalContext,
): Promise<ApprovalDecision> {
  const askings: Asking[] = [];
  const timers: LongTimer[] = [];
  const silences = new Map<number, Silence>();
  const linked = linkAbort(context.signal);
  try {
    return await new Promise<ApprovalDecision>((resolve, reject) => {
      linked.onAbort(reject);
      if (linked.signal.aborted) return;
      const start = ({ handler }: Starter, index: number): void => {
        const asking = askOne(handler, error, context, { label: `${name}: handler ${index + 1}`, amongOthers: true });
        askings.push(asking);
        void asking.ended.then((asked) => {
          const silence = silenceOf(asked);
          if (silence !== undefined) silences.set(index, silence);
          else if (asked.kind === "decision") return resolve(asked.decision);
          return silences.size === starters.length ? giveUp(name, silences, resolve, reject) : undefined;
        });
      };
      starters.forEach((starter, index) => {
        if (starter.afterMs === 0) start(starter, index);
        else timers.push(setLongTimeout(() => start(starter, index), starter.afterMs));
      });
    });
  } finally {
    for (const timer of timers) timer.clear();
    for (const asking of askings) asking.abort(new DOMException("another handler answered, or the question ended", "AbortError"));
    linked.release();
  }
}

/** Undefined for a yes, a no and an abort. A time-out is no answer: another handler may still get one. */
function silenceOf(asked: Asked): Silence | undefined {
  if (asked.kind === "failed") return { what: asked.what, causes: [asked.cause] };
  return asked.kind === "decision" && asked.decision.timedOut ? { what: "timed out", causes: [] } : undefined;
}

function giveUp(
  name: string,
  silences: ReadonlyMap<number, Silence>,
  resolve: (decision: ApprovalDecision) => void,
  reject: (reason: Error) => void,
): void {
  const inOrder = [...silences].toSorted(([one], [other]) => one - other);
  const causes = inOrder.flatMap(([, silence]) => silence.causes);
  if (causes.length === 0) return resolve(new ApprovalDecision({ approved: false, timedOut: true }));
  const told = inOrder.map(([index, { what }]) => `handler ${index + 1} ${what}`).join("; ");
  return reject(new AggregateError(causes, `${name}: no handler gave an answer: ${told}`));
}
