/**
 * `promptApproval`: asks whoever sits at the controlling terminal, y or n.
 * Only an answer that was typed after the whole call had been drawn approves; a paste, keys pressed too early, a hang-up,
 * silence and a missing terminal do not. It must never write to standard output, never read standard input, and never put
 * text on the screen that did not pass the display encoder. Called by the approval step like any handler.
 */
import { userInfo } from "node:os";
import { ApprovalDecision, type ApprovalContext, type ApprovalHandler } from "../approval/decision.ts";
import { escapeText } from "../approval/escape.ts";
import { askOnTerminal, LEAST_COLUMNS, LEAST_ROWS, type TerminalAnswer } from "./ask-on-terminal.ts";
import { renderQuestion } from "./prompt-question.ts";
import { openTerminal, type OpenTerminal } from "./terminal.ts";

export interface PromptPorts {
  readonly openTerminal: OpenTerminal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Who sits there, as the operating system says. */
  readonly userName: () => string;
  /** Takes one line where there is no terminal to write it to. */
  readonly warn: (line: string) => void;
}

/** A handler that always answers with a decision. `human` is false where there was no terminal to ask at. */
export type PromptHandler = (...asked: Parameters<ApprovalHandler>) => Promise<ApprovalDecision>;

/**
 * Asks on the controlling terminal (/dev/tty), one question at a time; long arguments page by page, up to their end.
 * y approves. n, Ctrl-C, Ctrl-D, a hang-up, the end of the window and a process without a terminal deny.
 */
export const promptApproval: PromptHandler = (error, context) => systemPrompt(error, context);

const systemPrompt = createPromptApproval({
  openTerminal,
  now: Date.now,
  userName: currentUser,
  warn: (line) => void process.stderr.write(`${line}\n`),
});

/** `promptApproval` on another terminal. */
export function createPromptApproval(ports: PromptPorts): PromptHandler {
  return async (error, context) => {
    const startedAt = ports.now();
    const elapsedSeconds = (): number => Math.max(0, ports.now() - startedAt) / 1000;
    const opened = await ports.openTerminal(context.signal);
    if (opened.kind === "none") {
      ports.warn(`countersign: a call was denied because nobody could be asked: ${opened.why}. Run it in a terminal, or configure another approval handler.`);
      return new ApprovalDecision({ approved: false, channel: "terminal", human: false, elapsedSeconds: elapsedSeconds(), reason: opened.why });
    }
    if (opened.kind === "aborted") return decide({ kind: "unanswered", why: "aborted" }, "", elapsedSeconds(), isLate(context, ports));
    const { terminal } = opened;
    try {
      const question = renderQuestion(error, context, {
        ascii: terminal.ascii,
        turn: terminal.turn,
        waiting: terminal.waiting(),
        now: ports.now(),
      });
      const needsReason = error.policyResult?.requirements.some(({ requireReason }) => requireReason) ?? false;
      const given = await askOnTerminal(terminal, question, { needsReason });
      // The window is judged by the clock as well: a busy process runs its timers late, and keys may come first.
      const late = isLate(context, ports);
      const answer: TerminalAnswer = given.kind === "approved" && (late || context.signal.aborted) ? { kind: "unanswered", why: "aborted" } : given;
      const user = ports.userName();
      await terminal.write(`Question ${terminal.turn}: ${escapeText(outcomeText(answer, user, late), { ascii: terminal.ascii })}, ${question.summary}\r\n`);
      return decide(answer, user, elapsedSeconds(), late);
    } finally {
      await terminal.close();
    }
  };
}

/** The clock and the wrapper's timer may differ by a moment; whoever says first that the window has ended is right. */
function isLate({ deadline, signal }: ApprovalContext, ports: PromptPorts): boolean {
  const reason: unknown = signal.reason;
  return !(ports.now() < deadline.getTime()) || (reason instanceof Error && reason.name === "TimeoutError");
}

function decide(answer: TerminalAnswer, user: string, elapsedSeconds: number, late: boolean): ApprovalDecision {
  const fields = { approved: answer.kind === "approved", channel: "terminal", elapsedSeconds };
  // Where nobody answered, nobody is named.
  if (answer.kind === "unanswered") return new ApprovalDecision({ ...fields, timedOut: answer.why === "aborted" && late });
  const reason = answer.kind === "approved" && answer.reason !== undefined ? { reason: answer.reason } : {};
  return new ApprovalDecision({ ...fields, ...reason, approver: user, human: true });
}

function outcomeText(answer: TerminalAnswer, user: string, late: boolean): string {
  if (answer.kind === "approved") return `approved by ${user}`;
  if (answer.kind === "denied") return answer.by === "key" ? `denied by ${user} (Ctrl-C or Ctrl-D)` : `denied by ${user}`;
  if (answer.why === "small") return `denied, the terminal is too small to show the call (${LEAST_COLUMNS} by ${LEAST_ROWS} is the least)`;
  if (answer.why === "gone") return "denied, the terminal went away";
  return late ? "denied, nobody answered in time" : "denied, the question was withdrawn";
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry in the user database (a container): the number is what is known.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
