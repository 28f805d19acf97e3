/** The configuration files that a command works on, read and understood, or a message about what keeps it from that. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { clientFiles, type ClientId, type Scope, type Surroundings } from "../gateway-install/client-files.ts";
import { CLIENT_KINDS } from "../gateway-install/client-kinds.ts";
import { openConfig, type ConfigText } from "../gateway-install/plan-change.ts";
import { takeSnapshot, type Snapshot } from "../gateway-install/replace-file.ts";
import { UsageError } from "./ports.ts";

export interface Chosen {
  readonly config?: string | undefined;
  readonly scope?: Scope | undefined;
}

export interface FoundFile {
  readonly scope: Scope;
  readonly snapshot: Snapshot;
}

export interface OpenFile extends FoundFile {
  readonly config: ConfigText;
}

export function surroundings(env: NodeJS.ProcessEnv): Surroundings {
  const home = process.platform === "win32" ? env["USERPROFILE"] : env["HOME"];
  return { platform: process.platform, env, home: home === undefined || home === "" ? homedir() : home, directory: resolve(".") };
}

/** The files that are there; the user's own where nothing else is said. */
export function findFiles(client: ClientId, { config, scope }: Chosen, around: Surroundings): readonly FoundFile[] {
  const wanted = scope ?? "user";
  const places = config === undefined ? clientFiles(client, around).filter((file) => file.scope === wanted) : [{ path: resolve(config), scope: wanted }];
  const found = new Map<string, FoundFile>();
  for (const { path, scope: of } of places) {
    const taken = takeSnapshot(path);
    if (taken.kind === "refused") throw new UsageError(`${path}: ${taken.why}.`);
    if (taken.kind === "taken") found.set(taken.snapshot.target, { scope: of, snapshot: taken.snapshot });
  }
  if (found.size > 0) return [...found.values()];
  const { title } = CLIENT_KINDS[client];
  if (config !== undefined) throw new UsageError(`${config}: it is not there.`);
  if (places.length === 0) throw new UsageError(`${title} has no configuration of a project. Leave out --scope.`);
  throw new UsageError(`No configuration of ${title} is at ${places.map(({ path }) => path).join(" or ")}. If it is elsewhere: --config PATH.`);
}

/** Broken files are said, and nothing is done: half of a client governed is worse than an error. */
export function openFiles(client: ClientId, chosen: Chosen, around: Surroundings): readonly OpenFile[] {
  return findFiles(client, chosen, around).map((file) => {
    const opened = openConfig(file.snapshot.bytes, CLIENT_KINDS[client]);
    if (opened.ok) return { ...file, config: opened.config };
    const { line, column, message } = opened.problem;
    throw new UsageError(`${file.snapshot.path}:${line}:${column}: ${message}. Nothing was changed: mend it there, and run this again.`);
  });
}
