/**
 * `countersign gateway install` and `uninstall`: what would change is shown, asked about on the controlling terminal, and only then
 * written, a copy kept beside it. Called by gateway-install.ts.
 */
import { readFileSync, realpathSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { escapeText } from "@countersign/sdk";
import { askOnTerminal, openTerminal } from "@countersign/sdk/terminal";
import type { Server } from "../gateway-install/client-config.ts";
import type { ClientId } from "../gateway-install/client-files.ts";
import { CLIENT_KINDS } from "../gateway-install/client-kinds.ts";
import { describeChange, serverTitle } from "../gateway-install/describe-change.ts";
import { keptRemote } from "../gateway-install/govern-remote.ts";
import { governingOf, policyName, type Launcher } from "../gateway-install/govern-server.ts";
import { planInstall, planUninstall, type Plan } from "../gateway-install/plan-change.ts";
import { copiesOf, replaceFile, type ChangeName, type Snapshot } from "../gateway-install/replace-file.ts";
import { plural } from "../trial/verdict-words.ts";
import { findFiles, openFiles, surroundings, type Chosen, type OpenFile } from "./gateway-install-files.ts";
import { CheckFailure, UsageError, type ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

export interface ChangeOptions extends Chosen {
  readonly server?: readonly string[] | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

export interface InstallOptions extends ChangeOptions {
  /** Write `countersign`, and no paths of this machine. Default: only for a project's files, which others share. */
  readonly portable?: boolean | undefined;
}

export interface UninstallOptions extends ChangeOptions {
  readonly fromCopy: boolean;
}

export async function gatewayInstall(client: ClientId, options: InstallOptions, ports: UpPorts): Promise<ExitCode> {
  const kind = CLIENT_KINDS[client];
  const files = openFiles(client, options, surroundings(ports.env));
  checkNames(files, options.server);
  const launcher = launcherOf(options.portable ?? options.scope === "project", ports);
  const wanted = wantedBy(options.server);
  const writes = files.map((file) => toWrite(file, planInstall(file.config, kind, launcher, wanted), client));
  const notes = [...files.flatMap((file) => notesOn(file, wanted)), ...environmentNotes(ports.env), ...(kind.writesItsFile ? [`! If ${kind.title} runs, end it first: it writes this file itself, and would undo the change.`] : [])];
  return makeChange("install", writes, notes, options, ports, (count) => `${plural(count, "server")} of ${kind.title} will run behind Countersign. ${kind.afterwards}`);
}

export async function gatewayUninstall(client: ClientId, options: UninstallOptions, ports: UpPorts): Promise<ExitCode> {
  const kind = CLIENT_KINDS[client];
  if (options.fromCopy) return restoreCopies(client, options, ports);
  const files = openFiles(client, options, surroundings(ports.env));
  checkNames(files, options.server);
  const wanted = wantedBy(options.server);
  const writes = files.map((file) => toWrite(file, planUninstall(file.config, kind, wanted), client));
  const lost = files.flatMap(({ config }) => config.servers.filter((server) => wanted(server) && isGovernedOtherwise(server, config.text)).map((server) => `! ${serverTitle(server)} starts a gateway, and what it was before is not in it, or was changed since: change it by hand.`));
  return makeChange("uninstall", writes, lost, options, ports, (count) => `${plural(count, "server")} of ${kind.title} will run without Countersign. ${kind.afterwards}`);
}

async function restoreCopies(client: ClientId, options: UninstallOptions, ports: UpPorts): Promise<ExitCode> {
  if (options.server !== undefined) throw new UsageError("--from-copy puts back whole files: leave out --server.");
  const kind = CLIENT_KINDS[client];
  const writes = findFiles(client, options, surroundings(ports.env)).map(({ snapshot }): Write => {
    const copy = copiesOf(snapshot.target, "install").at(-1);
    if (copy === undefined) throw new UsageError(`${snapshot.path}: there is no copy beside it. Leave out --from-copy: the entries hold what they were.`);
    const bytes = readFileSync(copy);
    const isSame = bytes.equals(snapshot.bytes);
    return { snapshot, bytes, count: isSame ? 0 : 1, lines: [`- the file as it is (${snapshot.bytes.length} bytes)`, `+ ${escapeText(copy)} (${bytes.length} bytes)`] };
  });
  return makeChange("uninstall", writes, ["! What was changed in the file since then goes too; a copy of it is kept."], options, ports, () => `${kind.title} has its file as it was before. ${kind.afterwards}`);
}

interface Write {
  readonly snapshot: Snapshot;
  readonly bytes: Buffer;
  /** How many entries change. */
  readonly count: number;
  readonly lines: readonly string[];
}

function toWrite({ snapshot, config }: OpenFile, { bytes, changes }: Plan, client: ClientId): Write {
  return { snapshot, bytes, count: changes.length, lines: changes.flatMap((change) => describeChange(change, config.text, CLIENT_KINDS[client])) };
}

async function makeChange(change: ChangeName, writes: readonly Write[], notes: readonly string[], { dryRun, yes }: ChangeOptions, ports: UpPorts, words: (count: number) => string): Promise<ExitCode> {
  const pending = writes.filter(({ count }) => count > 0);
  if (pending.length === 0) {
    ports.out([...notes.filter((note) => !note.startsWith("!")), `Nothing to change in ${writes.map(({ snapshot }) => snapshot.path).join(", ")}.`].join("\n"));
    return 0;
  }
  const shown = [...pending.flatMap(({ snapshot, lines }) => [`--- ${escapeText(snapshot.path)}`, ...lines]), ...notes];
  if (dryRun || yes) ports.out(shown.join("\n"));
  if (dryRun) {
    ports.out("Nothing was written (--dry-run).");
    return 0;
  }
  if (!yes && !(await askWhether(shown))) {
    ports.err("Nothing was written.");
    return 1;
  }
  for (const { snapshot, bytes } of pending) write(change, snapshot, bytes, ports);
  ports.out(words(pending.reduce((sum, { count }) => sum + count, 0)));
  return 0;
}

async function askWhether(lines: readonly string[]): Promise<boolean> {
  const opened = await openTerminal(new AbortController().signal);
  if (opened.kind !== "open") throw new UsageError(`${opened.kind === "none" ? opened.why : "the question was withdrawn"}: there is nobody to ask here. Look with --dry-run, and write with --yes.`);
  const { terminal } = opened;
  try {
    const answer = await askOnTerminal(terminal, { lines: terminal.ascii ? lines.map(inAscii) : lines, closing: [] }, { needsReason: false, label: "Write this? (y/n): ", yes: "written", no: "leaves all as it is" });
    return answer.kind === "approved";
  } finally {
    await terminal.close();
  }
}

/** The lines are escaped already, so backslashes stay as they are. */
function inAscii(line: string): string {
  return line.replaceAll(/[^ -~]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}

function write(change: ChangeName, snapshot: Snapshot, bytes: Buffer, ports: UpPorts): void {
  const replaced = replaceFile(snapshot, bytes, change, ports.now());
  if (!replaced.ok) throw replaced.changed ? new CheckFailure(`${snapshot.path}: ${replaced.why}.`) : new UsageError(`${snapshot.path}: ${replaced.why}.`);
  ports.out(`${snapshot.path} is written. As it was: ${replaced.copy}`);
}

function wantedBy(names: readonly string[] | undefined): (server: Server) => boolean {
  return ({ name }) => names === undefined || names.includes(name);
}

/** What was asked for by name must be there, and be something that can be governed. */
function checkNames(files: readonly OpenFile[], names: readonly string[] = []): void {
  const all = files.flatMap(({ config }) => config.servers);
  for (const name of names) {
    const named = all.filter((server) => server.name === name);
    const [first] = named;
    if (first === undefined) throw new UsageError(`--server ${name}: there is none of this name. There are: ${[...new Set(all.map((server) => server.name))].map((one) => escapeText(one)).join(", ")}`);
    if (named.every((server) => server.kind === "unclear" || (server.kind === "remote" && server.entry === undefined))) throw new UsageError(`--server ${name}: ${whyNot(first)}.`);
  }
}

function whyNot(server: Server): string {
  return server.kind === "local" ? "it is a program" : (server.why ?? "it is remote");
}

function isGovernedOtherwise(server: Server, text: string): boolean {
  if (server.kind !== "local" || keptRemote(text, server) !== undefined) return false;
  const governing = governingOf(server);
  return governing !== undefined && governing.original === undefined;
}

/** What stays as it is although somebody may think otherwise. */
function notesOn({ config, snapshot }: OpenFile, wanted: (server: Server) => boolean): readonly string[] {
  const isNews = (server: Server): boolean => (server.kind === "local" ? governingOf(server) === undefined : server.kind === "remote" && server.entry !== undefined) && wanted(server) && policyName(server.name) !== server.name;
  return [
    ...config.warnings.map(({ line, column, message }) => `! ${escapeText(snapshot.path)}:${line}:${column}: ${message}.`),
    ...config.servers.filter((server) => wanted(server) && (server.kind === "unclear" || (server.kind === "remote" && server.entry === undefined))).map((server) => `  ${serverTitle(server)}: not governed (${escapeText(whyNot(server))})`),
    ...config.servers.filter((server) => wanted(server) && server.kind === "remote" && server.entry !== undefined).map((server) => `! ${serverTitle(server)}: where it asks for a sign-in, that is the gateway's now: countersign gateway login ADDRESS`),
    ...config.servers.filter(isNews).map((server) => `! ${serverTitle(server)} is called ${escapeText(policyName(server.name))} in policies.`),
  ];
}

/** Clients start gateways with an environment of their own. */
function environmentNotes(env: NodeJS.ProcessEnv): readonly string[] {
  const set = ["COUNTERSIGN_DIR", "COUNTERSIGN_URL", "COUNTERSIGN_API_KEY", "COUNTERSIGN_POLICIES", "XDG_STATE_HOME"].filter((name) => (env[name] ?? "") !== "");
  return set.length === 0 ? [] : [`! ${set.join(", ")}: set in this shell. The client must have it too, or the entry's env, else its gateways do without, and use the usual state directory.`];
}

/** Clients with windows do not have the PATH of a shell, so Node and the script are named in full. */
function launcherOf(isPortable: boolean, { self, env }: UpPorts): Launcher {
  if (isPortable) return ["countersign"];
  const [node = "node", script] = [self[0], self.at(-1)];
  if (script === undefined || script === "") throw new UsageError("It is not known how this program was started. Write --portable.");
  if (/[\\/]_npx[\\/]/.test(script)) throw new UsageError("This runs from the cache of npx, which may be emptied at any time. Install it (npm install --global countersign), and run this again.");
  return [lastingPath(node, env["PATH"] ?? ""), script];
}

/** Package managers keep each version of Node in a folder of its own, and a link on PATH that outlives it. */
function lastingPath(node: string, path: string): string {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const target = realPath(node);
  const candidates = path.split(delimiter).filter((folder) => isAbsolute(folder)).map((folder) => join(folder, name));
  return candidates.find((candidate) => realPath(candidate) === target) ?? node;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
