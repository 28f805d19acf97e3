/**
 * `countersign inbox`: what waits, live, at the terminal. A key in the list only opens the question; it is answered as everywhere else, by y and
 * Enter after the whole call was drawn. The screen that was there before comes back on every way out that a process can see.
 */
import { escapeText } from "@countersign/sdk";
import { people as wire } from "@countersign/sdk/wire";
import { openTerminal, type Terminal } from "@countersign/sdk/terminal";
import type { ControlClient } from "./control-client.ts";
import { askWhilePending, castBallot, endWords, readRequest } from "./decide.ts";
import { followEvents } from "./follow-events.ts";
import { inboxLines } from "./inbox-screen.ts";
import { CheckFailure, UsageError, type ExitCode, type Ports } from "./ports.ts";
import { forgetKeys, withdrawable } from "./withdrawable-terminal.ts";

const LISTED = 200;
const TICK_MS = 250;
/** What was on its way to a question that is gone is not meant for the list. */
const FORGET_MS = 400;
const CLEAR = "\u001B[?25l\u001B[m\u001B[H\u001B[2J";
const CTRL_C = "\u0003";

interface Waiting {
  requests: readonly wire.RequestSummary[];
  total: number;
  selected: number;
  note: string;
}

export async function inbox(client: ControlClient, ports: Ports): Promise<ExitCode> {
  const waiting: Waiting = { requests: [], total: 0, selected: 0, note: "" };
  await list(client, waiting); // what is refused is said before the screen is taken
  const ending = new AbortController();
  const opened = await openTerminal(ending.signal, { ownScreen: true });
  if (opened.kind !== "open") throw new UsageError(`${opened.kind === "none" ? opened.why : "there is no terminal"}: the list needs one. See: countersign watch`);
  const following = followEvents(
    client,
    ending.signal,
    async ({ event }) => {
      if (event === "hello" || event === "request") await list(client, waiting);
    },
    (why) => (waiting.note = `The connection was lost, and what stands here may be old: ${escapeText(why)}`),
  ).catch((error: unknown) => void (waiting.note = `What stands here is not kept up to date any more. ${said(error)}`));
  try {
    await run(client, noticing(opened.terminal), waiting, ports);
  } finally {
    await opened.terminal.close();
    ending.abort();
    await following;
  }
  return 0;
}

interface NoticedTerminal extends Terminal {
  /** The terminal went away, whoever was reading then. */
  readonly isOver: () => boolean;
}

function noticing(terminal: Terminal): NoticedTerminal {
  let over = false;
  return {
    ...terminal,
    isOver: () => over,
    async next(options) {
      const event = await terminal.next(options);
      over ||= event.type === "gone" || event.type === "aborted";
      return event;
    },
  };
}

async function run(client: ControlClient, terminal: NoticedTerminal, waiting: Waiting, { now }: Ports): Promise<void> {
  let drawn = "";
  while (!terminal.isOver()) {
    const size = terminal.size();
    const frame = inboxLines({ ...waiting, url: client.url, now: now() }, { ...size, ascii: terminal.ascii }).slice(0, size.rows).join("\r\n");
    if (frame !== drawn) await terminal.write(CLEAR + frame);
    drawn = frame;
    const event = await terminal.next({ quietMs: TICK_MS });
    if (event.type === "redraw") drawn = "";
    if (event.type !== "input") continue;
    const pressed = waiting.requests[waiting.selected];
    if (event.text === "q" || event.text === CTRL_C) return;
    if (event.text === "j" || event.text === "\u001B[B") move(waiting, 1);
    else if (event.text === "k" || event.text === "\u001B[A") move(waiting, -1);
    else if (pressed !== undefined && /^[\rad]$/.test(event.text)) {
      waiting.note = await answer(client, terminal, pressed.id, event.text === "d" ? "deny" : "approve").catch(said);
      await list(client, waiting).catch((error: unknown) => (waiting.note = said(error)));
      drawn = "";
    }
  }
}

/** Shows one request in full, for as long as it waits, and casts what was answered. Says how that went. */
async function answer(client: ControlClient, terminal: Terminal, id: string, intent: "approve" | "deny"): Promise<string> {
  const request = await readRequest(client, id);
  if (request.state !== "pending") return endWords(request);
  await terminal.write("\u001B[?25h\u001B[m\u001B[H\u001B[2J");
  const withdrawn = new AbortController();
  const ballot = await askWhilePending(client, withdrawable(terminal, withdrawn.signal), request, intent, withdrawn);
  if (ballot === "elsewhere") {
    await terminal.write(`${CLEAR}This question is over: it was answered elsewhere, its time has ended, or the control plane is gone. What you type is ignored.\r\n`);
    await forgetKeys(terminal, FORGET_MS);
    return `Not decided here. ${endWords(await readRequest(client, id))}`;
  }
  if (ballot === undefined) return "Nothing was decided.";
  const { state } = await castBallot(client, request, ballot);
  return state === "pending" ? "Your approval counts; others are needed too." : `${ballot.choice === "approve" ? "Approved" : "Denied"}: ${request.id}`;
}

/** What the control plane says is for people; anything else is a mistake of ours. */
function said(error: unknown): string {
  if (error instanceof CheckFailure) return escapeText(error.message);
  throw error;
}

function move(waiting: Waiting, by: number): void {
  waiting.selected = Math.max(0, Math.min(waiting.requests.length - 1, waiting.selected + by));
}

/** The selection stays on its request, or where it was. */
async function list(client: ControlClient, waiting: Waiting): Promise<void> {
  const { requests, total } = wire.requestList.parse(await client.request("GET", `/v1/approvals?state=pending&order=urgent&limit=${LISTED}`));
  const id = waiting.requests[waiting.selected]?.id;
  const found = requests.findIndex((request) => request.id === id);
  Object.assign(waiting, { requests, total, selected: Math.max(0, found >= 0 ? found : Math.min(waiting.selected, requests.length - 1)) });
}
