/**
 * `promptApproval`: asks whoever sits at the controlling terminal, y or n.
 * Only an answer that was typed after the whole call had been drawn approves; a paste, keys pressed too early, a hang-up,
 * silence and a missing terminal do not. It must never write to standard output, never read standard input, and never put
 * text on the screen that did not pass the display encoder. Called by the approval step like any handler.
 */
import { userInfo } from "node:os";
import { ApprovalDecision, type ApprovalContext, type ApprovalHandler } from "../approval/decision.ts";
import { escapeText } from "../approval/escape.ts";
import { createLineInput, type LineInput } from "./line-input.ts";
import { countLines, takePage, toPieces, type Piece } from "./prompt-pages.ts";
import { renderQuestion, type Question } from "./prompt-question.ts";
import { openTerminal, type OpenTerminal, type Terminal } from "./terminal.ts";

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
      const given = await ask(terminal, question, needsReason);
      // The window is judged by the clock as well: a busy process runs its timers late, and keys may come first.
      const late = isLate(context, ports);
      const answer: Answer = given.kind === "approved" && (late || context.signal.aborted) ? { kind: "unanswered", why: "aborted" } : given;
      const user = ports.userName();
      await terminal.write(`Question ${terminal.turn}: ${escapeText(outcomeText(answer, user, late), { ascii: terminal.ascii })}, ${question.summary}\r\n`);
      return decide(answer, user, elapsedSeconds(), late);
    } finally {
      await terminal.close();
    }
  };
}

type Answer =
  | { readonly kind: "approved"; readonly reason?: string }
  | { readonly kind: "denied"; readonly by: "answer" | "key" }
  | { readonly kind: "unanswered"; readonly why: "aborted" | "gone" | "small" };

/** The clock and the wrapper's timer may differ by a moment; whoever says first that the window has ended is right. */
function isLate({ deadline, signal }: ApprovalContext, ports: PromptPorts): boolean {
  const reason: unknown = signal.reason;
  return !(ports.now() < deadline.getTime()) || (reason instanceof Error && reason.name === "TimeoutError");
}

function decide(answer: Answer, user: string, elapsedSeconds: number, late: boolean): ApprovalDecision {
  const fields = { approved: answer.kind === "approved", channel: "terminal", elapsedSeconds };
  // Where nobody answered, nobody is named.
  if (answer.kind === "unanswered") return new ApprovalDecision({ ...fields, timedOut: answer.why === "aborted" && late });
  const reason = answer.kind === "approved" && answer.reason !== undefined ? { reason: answer.reason } : {};
  return new ApprovalDecision({ ...fields, ...reason, approver: user, human: true });
}

function outcomeText(answer: Answer, user: string, late: boolean): string {
  if (answer.kind === "approved") return `approved by ${user}`;
  if (answer.kind === "denied") return answer.by === "key" ? `denied by ${user} (Ctrl-C or Ctrl-D)` : `denied by ${user}`;
  if (answer.why === "small") return `denied, the terminal is too small to show the call (${LEAST_COLUMNS} by ${LEAST_ROWS} is the least)`;
  if (answer.why === "gone") return "denied, the terminal went away";
  return late ? "denied, nobody answered in time" : "denied, the question was withdrawn";
}

// Undoes what earlier output (a server's stderr, say) may have left behind: hidden text, a drawing alphabet, margins, no wrap.
const CLEAN_SLATE = "\u001B[!p\u001B[m\u001B(B\u000F\u001B[?7h\u001B[?25h";
const LEAST_COLUMNS = 30;
const LEAST_ROWS = 8;
const LONGEST_LINE = 200;

/** Draws the question, page by page where it is long, and reads the answer. Only behind the last page can it be yes. */
async function ask(terminal: Terminal, question: Question, needsReason: boolean): Promise<Answer> {
  const input = createLineInput(LONGEST_LINE);
  let pieces = toPieces(question.lines);
  for (;;) {
    const { columns, rows } = terminal.size();
    if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) return { kind: "unanswered", why: "small" };
    const closing = takePage(toPieces(question.closing), columns, Number.POSITIVE_INFINITY).lines;
    const { lines, rest } = takePage(pieces, columns, Math.max(1, rows - 1 - closing.length));
    const atEnd = rest.length === 0;
    await terminal.write(`${CLEAN_SLATE}\r\n${[...lines, ...(atEnd ? closing : [])].join("\r\n")}\r\n`);
    const reply = atEnd
      ? await readLine(terminal, input, "Approve this operation? (y/n): ", judgeAnswer)
      : await readLine(terminal, input, moreLabel(rest, columns, terminal.ascii), judgeMore);
    if (reply.kind === "ended") return await endLine(terminal, reply.answer);
    if (reply.kind === "redraw") continue;
    if (reply.text === "n") return { kind: "denied", by: "answer" };
    if (atEnd) return needsReason ? await askReason(terminal, input) : { kind: "approved" };
    pieces = rest;
  }
}

async function askReason(terminal: Terminal, input: LineInput): Promise<Answer> {
  for (;;) {
    const reply = await readLine(terminal, input, "Reason: ", (text) => (text === "" ? { again: "A reason is needed." } : { text }));
    if (reply.kind === "ended") return await endLine(terminal, reply.answer);
    if (reply.kind === "line") return { kind: "approved", reason: reply.text };
  }
}

/** What happened is said on a line of its own. */
async function endLine(terminal: Terminal, answer: Answer): Promise<Answer> {
  await terminal.write("\r\n");
  return answer;
}

function moreLabel(rest: readonly Piece[], columns: number, ascii: boolean): string {
  const left = countLines(rest, columns).toLocaleString("en-US");
  return `${ascii ? "..." : "…"} ${left} lines left, Enter shows more, n denies: `;
}

type Judged = { readonly text: string } | { readonly again: string };

function judgeAnswer(text: string): Judged {
  const word = text.toLowerCase();
  if (word === "y" || word === "yes") return { text: "y" };
  return word === "n" || word === "no" ? { text: "n" } : { again: "Please answer y or n." };
}

function judgeMore(text: string): Judged {
  if (text === "") return { text };
  const judged = judgeAnswer(text);
  return "text" in judged && judged.text === "n" ? judged : { again: "It cannot be approved before its end was shown. Enter shows more, n denies." };
}

type Reply =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "redraw" }
  | { readonly kind: "ended"; readonly answer: Answer };

const IGNORED_EARLY = "What was typed before the question was drawn is ignored.";
const IGNORED_PASTE = "Pasted text is ignored. Please type the answer.";

/** Keys that were under way when the question appeared must not answer it: reading starts after this much silence. */
const QUIET_MS = 120;
/** An answer counts after this much silence: the first line of an unmarked paste is followed by its second. */
const SETTLE_MS = 80;

async function readLine(terminal: Terminal, input: LineInput, label: string, judge: (text: string) => Judged): Promise<Reply> {
  let hint = "";
  for (;;) {
    await terminal.write(hint === "" ? label : `\r\n${hint}\r\n${label}`);
    const drained = await drain(terminal, input);
    input.clear();
    if (drained.ended !== undefined) return drained.ended;
    if (drained.dropped !== undefined) await terminal.write(`\r\n${drained.dropped}\r\n${label}`);
    const read = await readTyped(terminal, input, label);
    if (typeof read === "object") return read;
    const judged = read === undefined ? { again: IGNORED_PASTE } : judge(read.trim());
    if ("text" in judged) {
      await terminal.write("\r\n");
      return { kind: "line", text: judged.text };
    }
    hint = judged.again;
  }
}

/** One typed line, or undefined where it was a paste. */
async function readTyped(terminal: Terminal, input: LineInput, label: string): Promise<string | undefined | Reply> {
  for (;;) {
    const event = await terminal.next();
    if (event.type !== "input") {
      const ended = endOf(event.type);
      if (ended !== undefined) return ended;
      continue;
    }
    const typed = input.feed(event.text);
    switch (typed?.type) {
      case undefined:
        break;
      case "interrupted":
        return INTERRUPTED;
      case "pasted":
        return undefined;
      case "edited":
        await terminal.write(`\r\u001B[K${label}${escapeText(typed.text, { quoted: true, ascii: terminal.ascii })}`);
        break;
      case "line": {
        const more = await drain(terminal, input, SETTLE_MS);
        return more.ended ?? (more.dropped === undefined ? typed.text : undefined);
      }
    }
  }
}

interface Drained {
  readonly ended?: Reply;
  /** What to say about input that was dropped. */
  readonly dropped?: string;
}

async function drain(terminal: Terminal, input: LineInput, quietMs = QUIET_MS): Promise<Drained> {
  let dropped: string | undefined;
  for (;;) {
    const event = await terminal.next({ quietMs });
    if (event.type === "quiet") return dropped === undefined ? {} : { dropped };
    if (event.type !== "input") {
      const ended = endOf(event.type);
      if (ended !== undefined) return { ended };
      continue;
    }
    const typed = input.feed(event.text);
    if (typed?.type === "interrupted") return { ended: INTERRUPTED };
    dropped = typed?.type === "pasted" || dropped === IGNORED_PASTE ? IGNORED_PASTE : IGNORED_EARLY;
  }
}

const INTERRUPTED: Reply = { kind: "ended", answer: { kind: "denied", by: "key" } };

function endOf(type: "redraw" | "quiet" | "gone" | "aborted"): Reply | undefined {
  if (type === "quiet") return undefined;
  return type === "redraw" ? { kind: "redraw" } : { kind: "ended", answer: { kind: "unanswered", why: type } };
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry in the user database (a container): the number is what is known.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
