/**
 * Asking handlers in this process and the control plane about one call: `firstOf(promptApproval, inboxApproval)` and the like.
 * A local answer counts only where the requirement takes one, and never as a vote on the row. Where it counts, the row is
 * taken back as "answered locally"; where the row was decided before that, the row wins. The request then has the row's id, so
 * that record, span and permit say which of the two it was; and so it has where nobody answered, since the row is what people know.
 */
import type { Answer, AskPort, JoinedRequest, Question } from "../approval/ask.ts";
import type { ApprovalContext, ApprovalDecision, ApprovalHandler } from "../approval/decision.ts";
import { handlerTimeoutMs } from "../approval/handler-timeout.ts";
import type { Edit } from "../approval/edit.ts";
import { inboxPartOf, openInbox } from "../approval/inbox.ts";
import { Refusal } from "../errors.ts";
import { answerOf, type WireAsk } from "./wire-ask.ts";

const LOCALLY = "answered locally";

/** One call's two requests: the one with the handlers here, and the row, once a handler asked for it. */
class BothRequest implements JoinedRequest {
  readonly local: JoinedRequest;
  /** The row is about what an approver made of the call. */
  readonly edit: Edit | undefined;
  row: JoinedRequest | undefined;
  /** The row while it is being made. Never rejects. */
  joining: Promise<JoinedRequest | undefined> | undefined;
  rowAnswer: Exclude<Answer, { kind: "pending" }> | undefined;
  /** Why the inbox gave no answer, as the handler was told. */
  failure: Error | undefined;
  /** It was decided there, or by nobody. */
  isRow = false;

  constructor(local: JoinedRequest, edit: Edit | undefined) {
    this.local = local;
    this.edit = edit;
  }

  get id(): string {
    return this.#decisive.id;
  }
  get digest(): string {
    return this.#decisive.digest;
  }
  get expiresAt(): number {
    return this.#decisive.expiresAt;
  }
  get question(): Question {
    return this.local.question;
  }
  get url(): string | undefined {
    return this.row?.url;
  }
  get #decisive(): JoinedRequest {
    return this.isRow && this.row !== undefined ? this.row : this.local;
  }
}

/** Why the row goes. */
function reasonOf(answer: Answer): string {
  if (answer.kind === "approved") return LOCALLY;
  if (answer.kind === "denied") return answer.error === "cancelled" ? "the caller is gone" : LOCALLY;
  return answer.kind === "timeout" ? "nobody answered in time" : "the question is over";
}

/** Whether somebody said it, rather than time, a fault or the caller. */
function isAnswered(answer: Answer): boolean {
  return answer.kind === "denied" && answer.error === undefined;
}

export function createBothAsk(handler: ApprovalHandler, local: AskPort, wire: WireAsk, now: () => number): AskPort {
  async function askRow(both: BothRequest, context: ApprovalContext): Promise<ApprovalDecision> {
    try {
      const joining = both.row ?? wire.join(both.question, both.edit, Math.max(1, context.deadline.getTime() - now()));
      both.joining = Promise.resolve(joining).catch(() => undefined);
      both.row = await joining;
      if (context.signal.aborted) throw new DOMException("the question ended", "AbortError");
      const answer = await wire.follow(both.row, context.signal);
      if (answer === undefined) throw new DOMException("the question ended", "AbortError");
      if (answer.kind === "superseded") throw new Error("the control plane's policy now asks another question");
      both.rowAnswer = answer;
      return answer.decision;
    } catch (error) {
      both.failure = error instanceof Refusal ? new Error(error.reason, { cause: error }) : error instanceof Error ? error : new Error("the inbox gave no answer", { cause: error });
      throw both.failure;
    }
  }

  /** A local yes, while a row is open: the row goes, unless people have decided meanwhile. */
  async function settle(both: BothRequest, row: JoinedRequest, answer: Extract<Answer, { kind: "approved" }>): Promise<Answer> {
    const before = await wire.look(row);
    const open = before === undefined || before.state === "pending";
    if (open && (await wire.cancel(row, LOCALLY))) return answer;
    const decided = open ? await wire.look(row) : before;
    // Ended, and nobody can say how: nothing may run on it.
    both.row = row;
    both.isRow = true;
    return answerOf(decided === undefined ? { kind: "silent" } : { kind: "moved", request: decided }, answer.elapsedMs);
  }

  const isBoth = (request: JoinedRequest): request is BothRequest => request instanceof BothRequest;

  return {
    canMeet: (requirements) => local.canMeet(requirements) || inboxPartOf(handler) !== undefined,

    async join(question, edit) {
      // Where no local answer counts, nobody here is asked.
      if (!local.canMeet(question.requirements)) return wire.join(question, edit, handlerTimeoutMs(handler));
      // Handlers here said nothing about other arguments: they are asked anew.
      const both = new BothRequest(await local.join(question), edit);
      openInbox(question.error, (context) => askRow(both, context));
      return both;
    },

    async wait(request, options) {
      if (!isBoth(request)) return wire.wait(request, options);
      const answer = await local.wait(request.local, options);
      const { rowAnswer, edit } = request;
      // People were asked about it, and no handler here got as far as them.
      if (edit !== undefined && request.joining === undefined) wire.dropEdit(edit, reasonOf(answer));
      if (answer.kind === "denied" && answer.cause !== undefined && answer.cause === request.failure && answer.cause instanceof Error && answer.cause.cause instanceof Refusal) throw answer.cause.cause;
      // The row's own handler could only say no to the call as it was.
      if (rowAnswer?.kind === "edited" && answer.kind === "denied" && answer.error !== "cancelled") {
        request.isRow = true;
        return rowAnswer;
      }
      if (rowAnswer !== undefined && rowAnswer.kind === answer.kind) {
        request.isRow = true;
        return answer;
      }
      if (answer.kind === "approved") {
        const row = await request.joining; // it may be under way, and must not be left behind
        return row === undefined ? answer : settle(request, row, answer);
      }
      if (request.row !== undefined && !isAnswered(answer)) request.isRow = true;
      void request.joining?.then((row) => (row === undefined ? undefined : wire.cancelLater(row, reasonOf(answer))));
      return answer;
    },

    claim: (request) => (isBoth(request) && !request.isRow ? local.claim(request.local) : wire.claim(rowOf(request))),
    supersede: (request) => (isBoth(request) && !request.isRow ? local.supersede(request.local) : wire.supersede(rowOf(request))),
    dropEdit: (edit, reason) => wire.dropEdit(edit, reason),
    release: (request, gone) => (isBoth(request) && !request.isRow ? undefined : wire.release?.(rowOf(request), gone)),
    report: (request, execution) => (isBoth(request) && !request.isRow ? local.report(request.local, execution) : wire.report(rowOf(request), execution)),
  };

  function rowOf(request: JoinedRequest): JoinedRequest {
    return isBoth(request) && request.row !== undefined ? request.row : request;
  }
}
