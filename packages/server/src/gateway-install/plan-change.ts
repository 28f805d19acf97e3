/**
 * What installing or uninstalling would make of one file, and the proof that it is only that: the new text is read again, and each
 * server must be what it was, but for those that change. Nothing is written here. Called by the commands.
 */
import { isDeepStrictEqual } from "node:util";
import type { ConfigProblem, LocalServer, RemoteServer, Server } from "./client-config.ts";
import type { ClientKind } from "./client-kinds.ts";
import { governedRemote, governRemote, keptRemote, readAddress, releaseRemote } from "./govern-remote.ts";
import { applyEdits, gatewayWords, governingOf, governServer, releaseServer, type Edit, type Launcher } from "./govern-server.ts";

export interface ConfigText {
  readonly text: string;
  readonly hasBom: boolean;
  readonly servers: readonly Server[];
  readonly warnings: readonly ConfigProblem[];
}

export type OpenedConfig = { readonly ok: true; readonly config: ConfigText } | { readonly ok: false; readonly problem: ConfigProblem };

const BOM = "\uFEFF";

export function openConfig(bytes: Buffer, { read }: ClientKind): OpenedConfig {
  let whole: string;
  try {
    whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, problem: { line: 1, column: 1, message: "it is no UTF-8 text: save it as UTF-8" } };
  }
  const hasBom = whole.startsWith(BOM);
  const text = hasBom ? whole.slice(BOM.length) : whole;
  const result = read(text);
  return result.ok ? { ok: true, config: { text, hasBom, servers: result.servers, warnings: result.warnings } } : result;
}

export interface Change {
  readonly before: Server;
  readonly after: Server;
}

export interface Plan {
  readonly bytes: Buffer;
  readonly changes: readonly Change[];
}

/** One entry that changes: the edits, and what the new text must say of it. */
interface Chosen {
  readonly server: Server;
  readonly edits: readonly Edit[];
  readonly facts: object;
}

/** `wanted`: which of those that could be governed are. */
export function planInstall(config: ConfigText, kind: ClientKind, launcher: Launcher, wanted: (server: Server) => boolean): Plan {
  const { text, servers } = config;
  return plan(config, kind, servers.filter(wanted).flatMap((server): readonly Chosen[] => {
    if (server.kind === "remote" && server.entry !== undefined) return chooseRemote(server, text.slice(server.entry.start, server.entry.end), governRemote(text, server, launcher), launcher);
    if (server.kind !== "local" || governingOf(server) !== undefined) return [];
    return [{ server, edits: governServer(text, server, launcher), facts: { ...factsOf(server), words: [...gatewayWords(server, launcher), ...wordsOf(server)] } }];
  }));
}

export function planUninstall(config: ConfigText, kind: ClientKind, wanted: (server: Server) => boolean): Plan {
  const { text, servers } = config;
  return plan(config, kind, servers.filter(wanted).flatMap((server): readonly Chosen[] => {
    if (server.kind !== "local") return [];
    if (keptRemote(text, server) !== undefined) return [{ server, edits: releaseRemote(text, server), facts: { ...namedFacts(server), kind: "remote" } }];
    const original = governingOf(server)?.original;
    return original === undefined ? [] : [{ server, edits: releaseServer(text, server), facts: { ...factsOf(server), words: wordsOf(server).slice(original + 1) } }];
  }));
}

function chooseRemote(server: RemoteServer, original: string, edits: readonly Edit[], launcher: Launcher): readonly Chosen[] {
  const address = readAddress(original);
  if (typeof address === "string") return [];
  const { words, env } = governedRemote(server.name, address, original, launcher);
  return [{ server, edits, facts: { ...namedFacts(server), kind: "local", env: env.map(([name]) => name), words } }];
}

function plan({ text, hasBom, servers }: ConfigText, { read }: ClientKind, chosen: readonly Chosen[]): Plan {
  const edited = applyEdits(text, chosen.flatMap(({ edits }) => edits));
  const again = read(edited);
  const changing = new Map(chosen.map(({ server, facts }) => [server, facts]));
  // A fault of ours or of the parser: better nothing than half a configuration.
  if (!again.ok || !isDeepStrictEqual(again.servers.map(factsOf), servers.map((server) => changing.get(server) ?? factsOf(server)))) throw new Error("the configuration that was made does not say what it should; nothing was written");
  const bytes = Buffer.from(`${hasBom ? BOM : ""}${edited}`, "utf8");
  return { bytes, changes: servers.flatMap((before, index) => ((after) => (after !== undefined && changing.has(before) ? [{ before, after }] : []))(again.servers[index])) };
}

export function wordsOf({ command, args }: LocalServer): readonly string[] {
  return [command.value, ...(args?.words ?? []).map(({ value }) => value)];
}

/** All but the places. */
function factsOf(server: Server): object {
  const named = { ...namedFacts(server), kind: server.kind };
  return server.kind === "local" ? { ...named, env: server.env, words: wordsOf(server) } : server.kind === "unclear" ? { ...named, why: server.why } : named;
}

function namedFacts({ name, project, isDisabled }: Server): object {
  return { name, project, isDisabled };
}
