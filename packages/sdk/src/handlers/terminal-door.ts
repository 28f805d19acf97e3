/**
 * The door `@countersign/sdk/terminal`: how a question is drawn and answered on the controlling terminal, for whoever asks people there
 * beside `promptApproval`. The same pages, the same rules: only what was typed after everything had been shown is a yes.
 */
export { askOnTerminal, readTextOnTerminal } from "./ask-on-terminal.ts";
export type { AskOnTerminalOptions, TerminalAnswer } from "./ask-on-terminal.ts";
export { takePage, toPieces } from "./prompt-pages.ts";
export { openTerminal } from "./terminal.ts";
export type { OpenedTerminal, OpenTerminal, Terminal, TerminalEvent } from "./terminal.ts";
