/**
 * Asking one handler on behalf of a combinator: under a signal of its own, its answer judged, whatever it does.
 * It must never let a handler hold up an abort, never let an answer count that came after one, and never leave a listener
 * on the signal it was given. Called by the combinators of this folder.
 */
import type { ApprovalContext, ApprovalDecision, ApprovalHandler } from "../approval/decision.ts";
import { judgeAnswer } from "../approval/judge-answer.ts";
import type { PolicyViolationError } from "../errors.ts";

/** How asking one handler ended. `failed` covers a throw and a malformed answer; `what` says which, without quoting. */
export type Asked =
  | { readonly kind: "decision"; readonly decision: ApprovalDecision }
  | { readonly kind: "failed"; readonly what: string; readonly cause: unknown }
  | { readonly kind: "aborted"; readonly reason: unknown };

export interface Asking {
  /** Never rejects. */
  readonly ended: Promise<Asked>;
  /** Aborts the handler's signal and ends the asking, unless it has ended. */
  abort(reason: unknown): void;
}

export interface AskOptions {
  /** Names the handler in messages, such as "firstOf: handler 2". */
  readonly label: string;
  /** Milliseconds since the epoch; the handler is told the earlier of this and its context's deadline. */
  readonly deadlineAt?: number;
  /** True where other handlers are asked beside this one. */
  readonly amongOthers: boolean;
}

/** Contexts under which a handler is one of several. See withTimeout. */
const amongOthers = new WeakSet<ApprovalContext>();

/** True where the handler is one of several that a combinator asks. */
export function isAskedAmongOthers(context: ApprovalContext): boolean {
  return amongOthers.has(context);
}

/** Starts the handler at once, in this turn. */
export function askOne(handler: ApprovalHandler, error: PolicyViolationError, context: ApprovalContext, options: AskOptions): Asking {
  const linked = linkAbort(context.signal);
  const own = deriveContext(context, linked.signal, options);
  let open = true;
  const ended = new Promise<Asked>((resolve) => {
    const end = (asked: Asked): void => {
      open = false;
      linked.release();
      resolve(asked);
    };
    linked.onAbort((reason) => end({ kind: "aborted", reason }));
    if (open) void answerOf(handler, error, own, options.label).then(end);
  });
  return { ended, abort: (reason) => open && linked.abort(reason) };
}

function deriveContext(context: ApprovalContext, signal: AbortSignal, options: AskOptions): ApprovalContext {
  const deadline = new Date(Math.min(context.deadline.getTime(), options.deadlineAt ?? Number.POSITIVE_INFINITY));
  const derived = Object.freeze({ ...context, signal, deadline });
  if (options.amongOthers || isAskedAmongOthers(context)) amongOthers.add(derived);
  return derived;
}

async function answerOf(handler: ApprovalHandler, error: PolicyViolationError, context: ApprovalContext, label: string): Promise<Asked> {
  try {
    const judged = judgeAnswer(await handler(error, context));
    if (judged.kind === "decision") return judged;
    const what = `answered ${judged.what}`;
    return { kind: "failed", what, cause: new TypeError(`${label} ${what}; only true, false and an ApprovalDecision count`) };
  } catch (cause) {
    return { kind: "failed", what: `threw ${classOf(cause)}`, cause };
  }
}

/** The class of what was thrown; its message may hold arguments of the call, so it is not repeated. */
function classOf(thrown: unknown): string {
  try {
    const name: unknown = thrown instanceof Error ? thrown.name : undefined;
    return typeof name === "string" && /^[A-Za-z_$][\w$]{0,63}$/u.test(name) ? name : "something that is no Error";
  } catch {
    // A getter or a Proxy trap of the thrown value threw in turn.
    return "something that cannot be read";
  }
}

export interface LinkedAbort {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  /** Calls back at most once: at the abort, or at once where it has happened already. */
  readonly onAbort: (run: (reason: unknown) => void) => void;
  /** Takes every listener away. Idempotent. */
  readonly release: () => void;
}

/**
 * An abort that follows `parent` until it is released. Not AbortSignal.any: what that leaves on a parent that lives long
 * goes only when garbage is collected.
 */
export function linkAbort(parent: AbortSignal): LinkedAbort {
  const controller = new AbortController();
  let listener: ((reason: unknown) => void) | undefined;
  const abort = (reason: unknown): void => {
    if (controller.signal.aborted) return;
    controller.abort(reason);
    listener?.(controller.signal.reason);
  };
  const follow = (): void => abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort,
    onAbort: (run) => {
      listener = run;
      if (controller.signal.aborted) run(controller.signal.reason);
    },
    release: () => {
      listener = undefined;
      parent.removeEventListener("abort", follow);
    },
  };
}

/** Throws TypeError unless every member is a function and there is at least one. */
export function assertHandlers(name: string, handlers: readonly unknown[]): void {
  if (handlers.length === 0) throw new TypeError(`${name}: give at least one handler`);
  handlers.forEach((handler, index) => assertHandler(`${name}: handler ${index + 1}`, handler));
}

/** Throws TypeError unless it is a function. */
export function assertHandler(label: string, handler: unknown): asserts handler is ApprovalHandler {
  if (typeof handler !== "function") throw new TypeError(`${label} must be a function, not ${handler === null ? "null" : typeof handler}`);
}
