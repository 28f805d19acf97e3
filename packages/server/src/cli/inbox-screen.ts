/** What the list of `countersign inbox` looks like: one line a request, cut to the screen. Nothing is decided on what stands here. Pure. */
import { quoteText } from "@countersign/sdk";
import { takePage, toPieces } from "@countersign/sdk/terminal";
import type { people } from "@countersign/sdk/wire";

export interface InboxView {
  readonly requests: readonly people.RequestSummary[];
  /** Beyond those of the list. */
  readonly total: number;
  readonly selected: number;
  readonly note: string;
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const KEYS = "j/k move   Enter or a shows it and asks   d denies   q quits";
const FRAME_LINES = 5;

/** Exactly the lines of one screen, none longer than it is wide. */
export function inboxLines({ requests, total, selected, note, url, now }: InboxView, { columns, rows, ascii }: { readonly columns: number; readonly rows: number; readonly ascii: boolean }): readonly string[] {
  const cut = (text: string): string => takePage(toPieces([text]), columns, 1).lines[0] ?? "";
  const height = Math.max(1, rows - FRAME_LINES);
  const first = Math.max(0, Math.min(selected - Math.floor(height / 2), requests.length - height));
  const list = requests.slice(first, first + height).map((request, index) => {
    const isSelected = first + index === selected;
    const line = cut(`${isSelected ? "> " : "  "}${lineOf(request, now, ascii)}`);
    return isSelected ? `\u001B[7m${line}\u001B[m` : line;
  });
  return [cut(`Waiting: ${total} ${total === 1 ? "call" : "calls"}   ${url}`), "", ...(list.length === 0 ? ["  Nothing waits."] : list), "", cut(note), cut(KEYS)];
}

function lineOf({ tool, server, agent, progress, reason, expiresAt }: people.RequestSummary, now: number, ascii: boolean): string {
  const show = (text: string): string => quoteText(text, { ascii });
  const have = progress.map(({ have: count, need }) => `${count}/${need}`).join(" ");
  return `${left(expiresAt - now).padStart(7)}  ${have}  ${show(tool)} on ${server === null ? "an unknown server" : show(server)}, agent ${show(agent)}: ${show(reason)}`;
}

function left(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds >= 7200) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
