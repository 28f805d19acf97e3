/**
 * The one change that is made to a configuration: a server's command becomes the gateway's, with the command that was there behind
 * `--`, written as it was. So the entry itself holds what undoing needs, and what is not ours is never touched. Only text is
 * edited here; plan-change.ts proves the outcome before anything is written.
 */
import type { LocalServer, Word } from "./client-config.ts";

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The words that start this program: `countersign`, or Node with a script. */
export type Launcher = readonly [string, ...string[]];

/** Where the gateway's own words end in `args`: `original` is the index of the command that was there. */
export interface Governing {
  readonly original: number | undefined;
  /** The entry had no `args`. */
  readonly addedArgs: boolean;
}

const GATEWAY = "gateway";
/** Node and a script, `npx -y countersign`: no launcher is longer. */
const LONGEST_LAUNCHER = 3;

/** Undefined: the entry does not start a gateway of ours. */
export function governingOf({ command, args }: LocalServer): Governing | undefined {
  const words = [command.value, ...(args?.words ?? []).map(({ value }) => value)];
  const at = words.indexOf(GATEWAY);
  if (at < 1 || at > LONGEST_LAUNCHER || !isOurProgram(words[at - 1] ?? "")) return undefined;
  const dashes = words.indexOf("--", at);
  // One less: the command is no word of args.
  const original = dashes === -1 || dashes + 1 >= words.length ? undefined : dashes;
  return { original, addedArgs: words.slice(at, dashes).some((word) => word.startsWith("--name=")) };
}

function isOurProgram(word: string): boolean {
  return /(?:^|[\\/])countersign(?:@[\w.^~-]+)?(?:\.(?:cmd|exe|ps1))?$/.test(word) || /[\\/](?:countersign|packages[\\/]server)[\\/](?:dist|src)[\\/]cli[\\/]main\.[jt]s$/.test(word);
}

/** A server's name as policies can hold it, and as no command line takes for an option or the end of them. */
export function policyName(name: string): string {
  return name.replaceAll(/[:*\p{Cc}]/gu, "-").replace(/^-/, "_");
}

/** The words in front of the command that is there. `--name=NAME` in one word says that there were no `args`. */
export function gatewayWords({ name, args }: Pick<LocalServer, "name" | "args">, launcher: Launcher): readonly string[] {
  const called = policyName(name);
  return [...launcher, GATEWAY, ...(args === undefined ? [`--name=${called}`] : ["--name", called]), "--"];
}

export function governServer(text: string, server: LocalServer, launcher: Launcher): readonly Edit[] {
  const { command, commandKeyStart, args, addArgs } = server;
  const [program = "", ...rest] = gatewayWords(server, launcher);
  const ours = [...rest.map(quote), text.slice(command.start, command.end)].join(", ");
  const changed: Edit = { start: command.start, end: command.end, text: quote(program) };
  if (args === undefined) return [{ start: commandKeyStart, end: commandKeyStart, text: `${addArgs.key}[${ours}]${addArgs.between}` }, changed];
  const [first] = args.words;
  const at = first?.start ?? args.inside;
  return [{ start: at, end: at, text: first === undefined ? ours : `${ours},${gapBefore(text, args.inside, first)}` }, changed];
}

/** The first word that was there goes on a line of its own where it had one. */
function gapBefore(text: string, inside: number, first: Word): string {
  return /\r?\n[ \t]*$/.exec(text.slice(inside, first.start))?.[0] ?? " ";
}

/** Puts back what stood there. Nothing where the entry does not hold it. */
export function releaseServer(text: string, server: LocalServer): readonly Edit[] {
  const { original, addedArgs } = governingOf(server) ?? {};
  const { command, commandKeyStart, args } = server;
  const was = original === undefined ? undefined : args?.words[original];
  const first = args?.words[0];
  if (args === undefined || original === undefined || was === undefined || first === undefined) return [];
  const changed: Edit = { start: command.start, end: command.end, text: text.slice(was.start, was.end) };
  const next = args.words[original + 1];
  if (next !== undefined) return [{ start: first.start, end: next.start, text: "" }, changed];
  const isBefore = args.keyStart < commandKeyStart && /^\s*,?\s*$/.test(text.slice(args.close + 1, commandKeyStart));
  if (addedArgs === true && isBefore) return [{ start: args.keyStart, end: commandKeyStart, text: "" }, changed];
  // A comma that a formatter put behind the last word would stand alone.
  const comma = /^\s*,/.exec(text.slice(was.end, args.close))?.[0].length ?? 0;
  return [{ start: first.start, end: was.end + comma, text: "" }, changed];
}

export function applyEdits(text: string, edits: readonly Edit[]): string {
  let edited = text;
  for (const { start, end, text: by } of edits.toSorted((a, b) => b.start - a.start)) edited = edited.slice(0, start) + by + edited.slice(end);
  return edited;
}

/** A string of JSON that is one of TOML too. */
function quote(word: string): string {
  return JSON.stringify(word).replaceAll("\u007F", "\\u007f");
}
