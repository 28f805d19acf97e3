/**
 * A change as people read it before it is made: the keys that change, old and new. Values of `env` are secrets and arguments may
 * be, so neither is ever shown: what stays is counted. Called by the commands.
 */
import { escapeText, quoteText } from "@countersign/sdk";
import { lineAndColumn, type LocalServer } from "./client-config.ts";
import type { ClientKind } from "./client-kinds.ts";
import { governingOf } from "./govern-server.ts";
import { wordsOf, type Change } from "./plan-change.ts";

/** `text`: what the places of `before` are in. */
export function describeChange({ before, after }: Change, text: string, { syntax }: Pick<ClientKind, "syntax">): readonly string[] {
  const assign = (key: string, value: string): string => (syntax === "json" ? `"${key}": ${value}` : `${key} = ${value}`);
  const side = (mark: "-" | "+", server: LocalServer): readonly string[] => [
    `${mark} ${assign("command", quoteText(server.command.value))}`,
    ...(server.args === undefined ? [] : [`${mark} ${assign("args", `[${argsOf(server).join(", ")}]`)}`]),
  ];
  const env = before.env.map((name) => `${escapeText(name)}: ***`).join(", ");
  return [
    `@@ line ${lineAndColumn(text, before.at).line}: ${serverTitle(before)} @@`,
    ...side("-", before),
    ...side("+", after),
    ...(env === "" ? [] : [`  ${assign("env", `{ ${env} }`)}`]),
  ];
}

function argsOf(server: LocalServer): readonly string[] {
  const args = wordsOf(server).slice(1);
  const original = governingOf(server)?.original;
  const ours = original === undefined ? 0 : original + 1;
  const kept = args.length - ours;
  const shown = args.slice(0, ours).map((word, index) => (isOurs(args, index, ours) ? quoteText(word) : "..."));
  return [...shown, ...(kept === 0 ? [] : [`... ${kept} ${kept === 1 ? "word" : "words"}, the same`])];
}

/** Somebody may have written other options by hand, a key among them. */
function isOurs(args: readonly string[], index: number, ours: number): boolean {
  const word = args[index] ?? "";
  const isOption = index > args.indexOf("gateway") && index < ours - 2;
  return !isOption || word.startsWith("--name") || args[index - 1] === "--name";
}

export function serverTitle({ name, project }: Pick<LocalServer, "name" | "project">): string {
  return project === undefined ? escapeText(name) : `${escapeText(name)} (project ${escapeText(project)})`;
}
