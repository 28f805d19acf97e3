/**
 * A change as people read it before it is made: the keys that change, old and new. Values of `env` are secrets and arguments may
 * be, so neither is ever shown: what stays is counted. Called by the commands.
 */
import { escapeText, quoteText } from "@countersign/sdk";
import { lineAndColumn, type LocalServer, type Server } from "./client-config.ts";
import type { ClientKind } from "./client-kinds.ts";
import { governingOf } from "./govern-server.ts";
import { wordsOf, type Change } from "./plan-change.ts";

/** `text`: what the places of `before` are in. */
export function describeChange({ before, after }: Change, text: string, { syntax }: Pick<ClientKind, "syntax">): readonly string[] {
  const assign = (key: string, value: string): string => (syntax === "json" ? `"${key}": ${value}` : `${key} = ${value}`);
  const kept = before.kind === "local" && after.kind === "local" ? before.env.map((name) => `${escapeText(name)}: ***`).join(", ") : "";
  return [`@@ line ${lineAndColumn(text, before.at).line}: ${serverTitle(before)} @@`, ...sideOf("-", before, assign), ...sideOf("+", after, assign), ...(kept === "" ? [] : [`  ${assign("env", `{ ${kept} }`)}`])];
}

function sideOf(mark: "-" | "+", server: Server, assign: (key: string, value: string) => string): readonly string[] {
  if (server.kind !== "local") return [`${mark} ${assign("url", "... the address, and the headers there are")}`];
  const isRemote = server.keptEntry !== undefined;
  return [
    `${mark} ${assign("command", quoteText(server.command.value))}`,
    ...(server.args === undefined ? [] : [`${mark} ${assign("args", `[${(isRemote ? remoteArgs(server) : argsOf(server)).join(", ")}]`)}`]),
    ...(isRemote ? [`${mark} ${assign("env", `{ ${server.env.map((name) => `${escapeText(name)}: ***`).join(", ")} }`)}`] : []),
  ];
}

/** All of them are ours, and none is a secret. */
function remoteArgs(server: LocalServer): readonly string[] {
  return wordsOf(server).slice(1).map((word) => quoteText(word));
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

export function serverTitle({ name, project }: Pick<Server, "name" | "project">): string {
  return project === undefined ? escapeText(name) : `${escapeText(name)} (project ${escapeText(project)})`;
}
