/**
 * Asking a handler in this process. The wrapper owns the clock: it enforces the window whatever the handler does, aborts
 * the handler's signal when the answer can no longer count, and takes nothing for a yes that is not one (judge-answer.ts).
 */
import { randomUUID } from "node:crypto";
import { requestDigest } from "../call/digest.ts";
import type { JsonValue } from "../call/json.ts";
import type { Requirement } from "../policy/result.ts";
import type { Answer, AskPort, JoinedRequest, Question, WaitOptions } from "./ask.ts";
import { ApprovalDecision, type ApprovalHandler } from "./decision.ts";
import { escapeText } from "./escape.ts";
import { handlerTimeoutMs } from "./handler-timeout.ts";
import { judgeAnswer } from "./judge-answer.ts";
import { setLongTimeout } from "./timer.ts";

export interface HandlerAskOptions {
  readonly handler: ApprovalHandler;
  /** The window where neither a policy nor the handler sets one, in milliseconds. */
  readonly defaultTimeoutMs: number;
  readonly onWarning: (message: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

type State = "pending" | "approved" | "executing" | "ended";

export function createHandlerAsk(options: HandlerAskOptions): AskPort {
  const { handler, now } = options;
  const states = new WeakMap<JoinedRequest, State>();

  /** Moves a request on, if it is where the caller thinks it is. */
  function move(request: JoinedRequest, from: State, to: State): boolean {
    if (states.get(request) !== from) return false;
    states.set(request, to);
    return true;
  }

  return {
    canMeet: (requirements) => requirements.every(isLocal),

    join(question) {
      const id = randomUUID();
      const expiresAt = now() + windowMs(question, options);
      const { call, requirements } = question;
      const digest = requestDigest({
        id,
        nonce: randomUUID(),
        tenant: "local",
        callDigest: call.digest,
        principal: call.caller.principal,
        agent: call.caller.agent.name,
        // Requirements are flat data; optional members that are undefined drop out, as in JSON.
        requirement: JSON.parse(JSON.stringify(requirements)) as JsonValue,
        expiresAt,
      });
      const request = { id, digest, expiresAt, question };
      states.set(request, "pending");
      return request;
    },

    async wait(request, { signal }) {
      const answer = await askHandler(handler, request, options, signal);
      move(request, "pending", answer.kind === "approved" ? "approved" : "ended");
      return answer;
    },

    // The window bounds the answer, not the moment after it: an approved call goes on at once or not at all.
    claim: (request) => move(request, "approved", "executing"),
    supersede: (request) => void states.set(request, "ended"),
    report: (request) => void states.set(request, "ended"),
  };
}

/** An in-process answer proves nobody's identity: it counts where one local yes is all that is asked. */
function isLocal({ quorum, assurance, selfApproval }: Requirement): boolean {
  return quorum === 1 && (assurance === undefined || assurance === "local") && selfApproval !== false;
}

/** Shortest written by a policy, else the handler's own, else the default. */
function windowMs(question: Question, { handler, defaultTimeoutMs }: HandlerAskOptions): number {
  const written = question.requirements.flatMap(({ timeoutMinutes }) => (timeoutMinutes === null ? [] : [timeoutMinutes * 60_000]));
  return written.length > 0 ? Math.min(...written) : (handlerTimeoutMs(handler) ?? defaultTimeoutMs);
}

async function askHandler(handler: ApprovalHandler, request: JoinedRequest, options: HandlerAskOptions, callerSignal: WaitOptions["signal"]): Promise<Answer> {
  const started = performance.now();
  const window = new AbortController();
  const ended = Promise.withResolvers<"timeout" | "cancelled">();
  const leftMs = request.expiresAt - options.now();
  const timer = setLongTimeout(() => ended.resolve("timeout"), leftMs);
  const cancel = (): void => ended.resolve("cancelled");
  callerSignal?.addEventListener("abort", cancel, { once: true });
  if (callerSignal?.aborted === true) cancel();
  try {
    const asked = runHandler(handler, request, window.signal);
    const first = await Promise.race([asked, ended.promise]);
    // A timer that fires late must not let an answer through that came after the end: the monotonic clock decides.
    const elapsedMs = performance.now() - started;
    const result = typeof first === "string" ? first : elapsedMs >= leftMs ? "timeout" : first;
    return answerOf(result, elapsedMs, request, options);
  } finally {
    timer.clear();
    callerSignal?.removeEventListener("abort", cancel);
    window.abort(new DOMException("the approval request ended", "AbortError"));
  }
}

type HandlerResult = { readonly answer: unknown } | { readonly thrown: unknown };

/** Calls the handler. Never rejects, so a handler that fails after the deadline is not an unhandled rejection. */
async function runHandler(handler: ApprovalHandler, { question, expiresAt }: JoinedRequest, signal: AbortSignal): Promise<HandlerResult> {
  try {
    const { call } = question;
    const context = Object.freeze({ call, digest: call.digest, deadline: new Date(expiresAt), signal });
    return { answer: await handler(question.error, context) };
  } catch (thrown) {
    return { thrown };
  }
}

const NOBODY = { approved: false, approver: "" } as const;

function answerOf(result: HandlerResult | "timeout" | "cancelled", elapsedMs: number, request: JoinedRequest, options: HandlerAskOptions): Answer {
  if (result === "timeout") return { kind: "timeout", decision: new ApprovalDecision({ ...NOBODY, timedOut: true }), elapsedMs };
  if (result === "cancelled") return { kind: "denied", decision: new ApprovalDecision(NOBODY), elapsedMs, error: "cancelled" };
  if ("thrown" in result) {
    const error = `the handler threw ${kindOf(result.thrown)}`;
    return { kind: "denied", decision: new ApprovalDecision(NOBODY), elapsedMs, error, cause: result.thrown };
  }
  const judged = judgeAnswer(result.answer);
  if (judged.kind === "malformed") {
    const error = `the handler returned ${judged.what}`;
    // The tool's name is the model's or the server's, and warnings end on terminals.
    options.onWarning(`${escapeText(request.question.call.policyId)}: ${error}, which approves nothing. Return new ApprovalDecision({ approved: true | false }).`);
    return { kind: "denied", decision: new ApprovalDecision(NOBODY), elapsedMs, error };
  }
  const { decision } = judged;
  if (decision.timedOut) return { kind: "timeout", decision, elapsedMs };
  if (!decision.approved) return { kind: "denied", decision, elapsedMs };
  const needsReason = request.question.requirements.some(({ requireReason }) => requireReason);
  if (needsReason && (decision.reason ?? "").trim() === "") {
    return { kind: "denied", decision, elapsedMs, error: "approved without the reason that the policy requires" };
  }
  return { kind: "approved", decision, elapsedMs };
}

/** The class of what was thrown; the message stays in `cause`, since it may quote arguments. */
function kindOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `a ${typeof thrown}`;
  return /^\w{1,60}$/.test(thrown.name) ? thrown.name : "an Error"; // a name is free text too
}
