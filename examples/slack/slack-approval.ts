/**
 * An approval handler that asks in Slack and waits for the click on a button. Whoever is in the channel can answer.
 * It must never offer to approve what the message does not show in full, and never hand Slack text that Slack would take for
 * its own: mentions, links and formatting.
 */
import { randomUUID } from "node:crypto";
import type { SocketModeClient } from "@slack/socket-mode";
import type { WebClient } from "@slack/web-api";
import { ApprovalDecision, escapeText, extractBlockMetadata, renderCall, viewLines } from "@countersign/sdk";
import type { ApprovalHandler } from "@countersign/sdk";

export interface SlackApprovalOptions {
  readonly web: WebClient;
  /** Started by you. */
  readonly socket: SocketModeClient;
  /** Id of the channel to ask in. */
  readonly channel: string;
}

interface Click {
  readonly action: string;
  readonly userId: string;
}

/** What is used here of the `block_actions` payload. It comes from Slack, over a socket that Slack opened for our token. */
interface Interaction {
  readonly ack: () => Promise<void>;
  readonly body: { readonly user: { readonly id: string }; readonly actions?: readonly { readonly action_id: string; readonly value?: string }[] };
}

// #region handler
export function slackApproval({ web, socket, channel }: SlackApprovalOptions): ApprovalHandler {
  const waiting = new Map<string, (click: Click) => void>();
  socket.on("interactive", ({ ack, body }: Interaction) => {
    // Slack shows an error to the person after 3 seconds without this; the click counts all the same.
    ack().catch(() => undefined);
    for (const { action_id, value = "" } of body.actions ?? []) waiting.get(value)?.({ action: action_id, userId: body.user.id });
  });

  return async (blocked, { call, signal }) => {
    const started = performance.now();
    const view = renderCall(call);
    const { reason, actionType, approvers } = extractBlockMetadata(blocked);
    const facts = [`Reason: ${escapeText(reason)}`, `Operation: ${escapeText(actionType)}`, `Approvers: ${approvers.map((name) => escapeText(name)).join(", ") || "any"}`];
    const question = [header("MCP Tool Blocked"), ...sections([...facts, ...viewLines(view)])];
    const text = escapeForSlack(`Approval needed: ${view.summary}`);

    const id = randomUUID(); // in both buttons: a click on another message answers nothing here
    const answered = Promise.withResolvers<Click | undefined>();
    waiting.set(id, answered.resolve);
    signal.addEventListener("abort", () => answered.resolve(undefined), { once: true });
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's, not a window's
      const message = await web.chat.postMessage({ channel, text, blocks: [...question, buttons(id)], unfurl_links: false, unfurl_media: false });
      const click = await answered.promise;
      const approved = click?.action === "approve";
      const approver = click === undefined ? "" : await emailOf(web, click.userId);
      const outcome = click === undefined ? "Closed: nobody answered." : `${approved ? "Approved" : "Denied"} by ${approver}`;
      // The buttons go. That they could not be taken away changes no decision, and a click on them answers nothing any more.
      const update = { channel: message.channel ?? channel, ts: message.ts ?? "", text, blocks: [...question, ...sections([escapeText(outcome)])] };
      web.chat.update(update).catch((cause: unknown) => console.warn("The message in Slack still shows its buttons:", String(cause)));
      if (click === undefined) return new ApprovalDecision({ approved: false, timedOut: true, channel: "slack" });
      return new ApprovalDecision({ approved, approver, channel: "slack", human: true, elapsedSeconds: (performance.now() - started) / 1000 });
    } finally {
      waiting.delete(id);
    }
  };
}
// #endregion

async function emailOf(web: WebClient, userId: string): Promise<string> {
  const known = await web.users.info({ user: userId }).catch(() => undefined);
  return known?.user?.profile?.email ?? `slack:${userId}`;
}

/** Slack refuses messages of more than about 13,000 characters in all, and sections of more than 3,000. */
const SECTION_LENGTH = 3000;
const MAX_SECTIONS = 3;

function header(text: string) {
  return { type: "header", text: { type: "plain_text", text, emoji: false } } as const;
}

/** The lines in as many sections as they need. Throws where that is too many, which denies: it is asked in full or not at all. */
function sections(lines: readonly string[]) {
  const texts = [""];
  for (const char of lines.join("\n")) {
    const piece = escapeForSlack(char);
    const last = texts.length - 1;
    if ((texts[last] ?? "").length + piece.length > SECTION_LENGTH) texts.push(piece);
    else texts[last] += piece;
  }
  if (texts.length > MAX_SECTIONS) throw new RangeError("the call is too long to be shown in a Slack message");
  return texts.map((text) => ({ type: "section", text: { type: "plain_text", text, emoji: false } }) as const);
}

function buttons(id: string) {
  const button = (action: string, text: string, style: "primary" | "danger") =>
    ({ type: "button", action_id: action, value: id, style, text: { type: "plain_text", text, emoji: false } }) as const;
  return { type: "actions", block_id: id, elements: [button("approve", "Approve", "primary"), button("deny", "Deny", "danger")] } as const;
}

/** The three characters with which Slack's own markup begins, as Slack wants them written. */
function escapeForSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
