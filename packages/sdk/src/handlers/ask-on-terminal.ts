/**
 * One question on an open terminal, y or n: drawn page by page up to its end, and only then answered. What was typed before, pasted, or
 * sent by a terminal that hangs up is never a yes. Called by prompt-approval.ts, and by the command line for requests of a control plane.
 */
import { escapeText } from "../approval/escape.ts";
import { createLineInput, type LineInput } from "./line-input.ts";
import { countLines, takePage, toPieces, type Piece } from "./prompt-pages.ts";
import type { Question } from "./prompt-question.ts";
import type { Terminal } from "./terminal.ts";

export type TerminalAnswer =
  | { readonly kind: "approved"; readonly reason?: string }
  | { readonly kind: "denied"; readonly by: "answer" | "key" }
  | { readonly kind: "unanswered"; readonly why: "aborted" | "gone" | "small" };

// Undoes what earlier output (a server's stderr, say) may have left behind: hidden text, a drawing alphabet, margins, no wrap.
const CLEAN_SLATE = "\u001B[!p\u001B[m\u001B(B\u000F\u001B[?7h\u001B[?25h";
export const LEAST_COLUMNS = 30;
export const LEAST_ROWS = 8;
const LONGEST_LINE = 200;

export interface AskOnTerminalOptions {
  readonly needsReason: boolean;
  /** What stands before the answer. Default: Approve this operation? (y/n): */
  readonly label?: string;
  /** What n does, for the line below a page that is not the last. Default: denies */
  readonly no?: string;
  /** What y does, for whoever presses it too early. Default: approved */
  readonly yes?: string;
}

/** Draws the question, page by page where it is long, and reads the answer. Only behind the last page can it be yes. */
export async function askOnTerminal(terminal: Terminal, question: Pick<Question, "lines" | "closing">, options: AskOnTerminalOptions): Promise<TerminalAnswer> {
  const { needsReason, label = "Approve this operation? (y/n): ", no = "denies", yes = "approved" } = options;
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
      ? await readLine(terminal, input, label, judgeAnswer)
      : await readLine(terminal, input, moreLabel(rest, columns, terminal.ascii, no), (text) => judgeMore(text, yes, no));
    if (reply.kind === "ended") return await endLine(terminal, reply.answer);
    if (reply.kind === "redraw") continue;
    if (reply.text === "n") return { kind: "denied", by: "answer" };
    if (atEnd) return needsReason ? await askReason(terminal, input) : { kind: "approved" };
    pieces = rest;
  }
}

async function askReason(terminal: Terminal, input: LineInput): Promise<TerminalAnswer> {
  for (;;) {
    const reply = await readLine(terminal, input, "Reason: ", (text) => (text === "" ? { again: "A reason is needed." } : { text }));
    if (reply.kind === "ended") return await endLine(terminal, reply.answer);
    if (reply.kind === "line") return { kind: "approved", reason: reply.text };
  }
}

/** A line of text, such as a reason. Undefined where nobody typed it to its end. */
export async function readTextOnTerminal(terminal: Terminal, label: string): Promise<string | undefined> {
  for (;;) {
    const reply = await readLine(terminal, createLineInput(LONGEST_LINE), label, (text) => ({ text }));
    if (reply.kind === "line") return reply.text;
    if (reply.kind === "ended") return undefined;
  }
}

/** What happened is said on a line of its own. */
async function endLine(terminal: Terminal, answer: TerminalAnswer): Promise<TerminalAnswer> {
  await terminal.write("\r\n");
  return answer;
}

function moreLabel(rest: readonly Piece[], columns: number, ascii: boolean, no: string): string {
  const left = countLines(rest, columns).toLocaleString("en-US");
  return `${ascii ? "..." : "…"} ${left} lines left, Enter shows more, n ${no}: `;
}

type Judged = { readonly text: string } | { readonly again: string };

function judgeAnswer(text: string): Judged {
  const word = text.toLowerCase();
  if (word === "y" || word === "yes") return { text: "y" };
  return word === "n" || word === "no" ? { text: "n" } : { again: "Please answer y or n." };
}

function judgeMore(text: string, yes: string, no: string): Judged {
  if (text === "") return { text };
  const judged = judgeAnswer(text);
  return "text" in judged && judged.text === "n" ? judged : { again: `It cannot be ${yes} before its end was shown. Enter shows more, n ${no}.` };
}

type Reply =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "redraw" }
  | { readonly kind: "ended"; readonly answer: TerminalAnswer };

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
