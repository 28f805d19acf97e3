/**
 * What installing or uninstalling would make of one file, and the proof that it is only that: the new text is read again, and each
 * server must be what it was, but for those that change. Nothing is written here. Called by the commands.
 */
import { isDeepStrictEqual } from "node:util";
import type { ConfigProblem, LocalServer, Server } from "./client-config.ts";
import type { ClientKind } from "./client-kinds.ts";
import { applyEdits, gatewayWords, governingOf, governServer, releaseServer, type Launcher } from "./govern-server.ts";

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
  readonly before: LocalServer;
  readonly after: LocalServer;
}

export interface Plan {
  readonly bytes: Buffer;
  readonly changes: readonly Change[];
}

/** `wanted`: which of those that could be governed are. */
export function planInstall(config: ConfigText, kind: ClientKind, launcher: Launcher, wanted: (server: Server) => boolean): Plan {
  const chosen = config.servers.filter((server): server is LocalServer => server.kind === "local" && governingOf(server) === undefined && wanted(server));
  return plan(config, kind, chosen, (server) => governServer(config.text, server, launcher), (server) => [...gatewayWords(server, launcher), ...wordsOf(server)]);
}

export function planUninstall(config: ConfigText, kind: ClientKind, wanted: (server: Server) => boolean): Plan {
  const chosen = config.servers.filter((server): server is LocalServer => server.kind === "local" && governingOf(server)?.original !== undefined && wanted(server));
  return plan(config, kind, chosen, (server) => releaseServer(config.text, server), (server) => wordsOf(server).slice((governingOf(server)?.original ?? 0) + 1));
}

type Edits = ReturnType<typeof governServer>;

function plan({ text, hasBom, servers }: ConfigText, { read }: ClientKind, chosen: readonly LocalServer[], edit: (server: LocalServer) => Edits, expected: (server: LocalServer) => readonly string[]): Plan {
  const edited = applyEdits(text, chosen.flatMap(edit));
  const again = read(edited);
  const wanted = servers.map((server) => (server.kind === "local" ? { ...factsOf(server), words: chosen.includes(server) ? expected(server) : wordsOf(server) } : factsOf(server)));
  // A fault of ours or of the parser: better nothing than half a configuration.
  if (!again.ok || !isDeepStrictEqual(again.servers.map(factsOf), wanted)) throw new Error("the configuration that was made does not say what it should; nothing was written");
  const bytes = Buffer.from(`${hasBom ? BOM : ""}${edited}`, "utf8");
  return { bytes, changes: servers.flatMap((before, index) => toChange(before, again.servers[index], chosen)) };
}

function toChange(before: Server, after: Server | undefined, chosen: readonly Server[]): readonly Change[] {
  return before.kind === "local" && after?.kind === "local" && chosen.includes(before) ? [{ before, after }] : [];
}

export function wordsOf({ command, args }: LocalServer): readonly string[] {
  return [command.value, ...(args?.words ?? []).map(({ value }) => value)];
}

/** All but the places. */
function factsOf(server: Server): object {
  const { kind, name, project, isDisabled } = server;
  return { kind, name, project, isDisabled, ...(server.kind === "local" ? { env: server.env, words: wordsOf(server) } : {}), ...(server.kind === "unclear" ? { why: server.why } : {}) };
}
