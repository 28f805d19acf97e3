/**
 * What a client's configuration file says of its MCP servers, as places in its text. Both readers (read-json-config.ts,
 * read-toml-config.ts) answer with this, so that governing, releasing and listing know no format. Offsets count UTF-16
 * units of the text. Nothing here reads or writes files; the commands are in cli/gateway-install*.ts.
 */

export interface Word {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface Args {
  /** Of the key, such as `"args"`. */
  readonly keyStart: number;
  /** Behind the opening bracket. */
  readonly inside: number;
  /** Of the closing bracket. */
  readonly close: number;
  readonly words: readonly Word[];
}

interface Named {
  readonly name: string;
  /** Whose own server it is, where a file speaks of many projects. */
  readonly project: string | undefined;
  /** Where the entry begins. */
  readonly at: number;
  /** The file itself says that it is switched off. */
  readonly isDisabled: boolean;
}

export interface LocalServer extends Named {
  readonly kind: "local";
  readonly command: Word;
  readonly commandKeyStart: number;
  readonly args: Args | undefined;
  /** How `args` is written in front of `command` where it is not there. */
  readonly addArgs: { readonly key: string; readonly between: string };
  /** Names only: values are secrets. */
  readonly env: readonly string[];
  /** Of all that stands for it, in a JSON file. */
  readonly entry?: Span;
  /** What it was before a gateway was put in front of its address; see govern-remote.ts. */
  readonly keptEntry?: string | undefined;
}

export interface RemoteServer extends Named {
  readonly kind: "remote";
  /** Undefined where no gateway can be put in front of it, for which `why` has the words. */
  readonly entry: Span | undefined;
  readonly why: string | undefined;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** An entry that no one should touch, since what its client makes of it is not certain. */
export interface UnclearServer extends Named {
  readonly kind: "unclear";
  readonly why: string;
}

export type Server = LocalServer | RemoteServer | UnclearServer;

export interface ConfigProblem {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type ReadConfig =
  | { readonly ok: true; readonly servers: readonly Server[]; /** The client itself may not read it so. */ readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problem: ConfigProblem };

export function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}

/** What stands between a key and one that is put in front of it: a line of its own where the key has one. */
export function lineBreakBefore(text: string, keyStart: number): string | undefined {
  const lineStart = text.lastIndexOf("\n", keyStart - 1) + 1;
  const indent = text.slice(lineStart, keyStart);
  if (lineStart === 0 || !/^[ \t]*$/.test(indent)) return undefined;
  return (text[lineStart - 2] === "\r" ? "\r\n" : "\n") + indent;
}

/** Why a command cannot be started by anybody but a shell, or undefined. A path with spaces is one word. */
export function whyNoProgram(command: string): string | undefined {
  if (command.trim() === "") return "its command is empty";
  const first = /^\s*(\S+)\s/.exec(command)?.[1];
  return first === undefined || /[\\/$]/.test(first) ? undefined : "its command is a whole line: write the program as command, and each argument as a word of args";
}
