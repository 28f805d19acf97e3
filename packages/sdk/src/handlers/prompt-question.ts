/** What the terminal prompt shows: the block of lines everyone knows, the whole call, and a short line for the end. */
import { renderCall, viewLines } from "../approval/call-view.ts";
import type { ApprovalContext } from "../approval/decision.ts";
import { escapeText } from "../approval/escape.ts";
import { extractBlockMetadata } from "../approval/metadata.ts";
import type { PolicyViolationError } from "../errors.ts";

export interface Question {
  /** Everything there is to see, in order. */
  readonly lines: readonly string[];
  /** Stands right above the place for the answer, so that no argument can push the trusted facts away. */
  readonly closing: readonly string[];
  /** Tool and server, for the line that says what happened. */
  readonly summary: string;
}

export interface QuestionOptions {
  readonly ascii: boolean;
  /** Counts the questions of this process, from 1. */
  readonly turn: number;
  readonly waiting: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Every word that comes from a policy, an agent or a server is escaped here, and nowhere is one left out. */
export function renderQuestion(error: PolicyViolationError, context: ApprovalContext, options: QuestionOptions): Question {
  const { ascii, turn, waiting, now } = options;
  const show = (text: string): string => escapeText(text, { ascii });
  const { reason, actionType, approvers, timeoutMinutes } = extractBlockMetadata(error);
  const view = renderCall(context.call, { ascii });
  const minutes = timeoutMinutes ?? (context.deadline.getTime() - now) / 60_000;
  return {
    lines: [
      "!! BLOCKED BY APPROVAL POLICY",
      `Reason: ${show(reason)}`,
      `Operation: ${show(actionType === "" ? context.call.tool : actionType)}`,
      `Approvers: ${approvers.length === 0 ? "any" : approvers.map(show).join(", ")}`,
      `Timeout: ${minutesText(minutes)}`,
      "",
      `Question: ${turn} of this process, ${waiting === 0 ? "none" : waiting} waiting behind it, open until ${clockText(context.deadline)}`,
      ...viewLines(view),
    ],
    closing: [
      "",
      `Question ${turn}: ${view.summary}`,
      ...(view.noteCount === 0 ? [] : [`! ${view.noteCount} note${view.noteCount === 1 ? "" : "s"} above, on lines that start with "! "`]),
    ],
    summary: view.summary,
  };
}

function minutesText(minutes: number): string {
  const rounded = Math.round(minutes * 10) / 10;
  return rounded > 0 ? `${rounded} min` : "less than 0.1 min";
}

function clockText(at: Date): string {
  return Number.isNaN(at.getTime()) ? "an unknown time" : at.toISOString().replace(/\.\d+Z$/, "Z");
}
