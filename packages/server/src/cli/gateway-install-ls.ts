/** `countersign gateway ls`: every client that is found, and for each of its servers whether a gateway stands in front. It writes nothing. */
import { escapeText } from "@countersign/sdk";
import { lineAndColumn, type ConfigProblem, type Server } from "../gateway-install/client-config.ts";
import { clientFiles, CLIENTS, type ClientFile, type ClientId } from "../gateway-install/client-files.ts";
import { CLIENT_KINDS } from "../gateway-install/client-kinds.ts";
import { governingOf } from "../gateway-install/govern-server.ts";
import { openConfig } from "../gateway-install/plan-change.ts";
import { takeSnapshot } from "../gateway-install/replace-file.ts";
import { surroundings } from "./gateway-install-files.ts";
import { printJson, type ExitCode } from "./ports.ts";
import type { UpPorts } from "./up.ts";

export type ServerState = "governed" | "not_governed" | "remote" | "unclear";

export interface ListedServer {
  readonly name: string;
  readonly project: string | null;
  /** All but the first run what they like. */
  readonly state: ServerState;
  readonly disabled: boolean;
  readonly line: number;
  readonly why: string | null;
}

interface ListedFile {
  readonly client: ClientId;
  readonly scope: ClientFile["scope"];
  readonly file: string;
  readonly problem: string | null;
  readonly warnings: readonly string[];
  readonly servers: readonly ListedServer[];
}

export function gatewayLs({ json }: { readonly json: boolean }, ports: UpPorts): ExitCode {
  const around = surroundings(ports.env);
  const files = CLIENTS.flatMap((client) => clientFiles(client, around).flatMap((file) => list(client, file)));
  if (json) printJson(ports, { files });
  else if (files.length === 0) ports.out(`No configuration of ${CLIENTS.map((client) => CLIENT_KINDS[client].title).join(", ")} was found.`);
  else ports.out(files.map(describe).join("\n\n"));
  return files.some(({ problem }) => problem !== null) ? 1 : 0;
}

function list(client: ClientId, { path, scope }: ClientFile): readonly ListedFile[] {
  const taken = takeSnapshot(path);
  if (taken.kind === "absent") return [];
  const file = { client, scope, file: path };
  if (taken.kind === "refused") return [{ ...file, problem: `${path}: ${taken.why}`, warnings: [], servers: [] }];
  const opened = openConfig(taken.snapshot.bytes, CLIENT_KINDS[client]);
  if (!opened.ok) return [{ ...file, problem: place(path, opened.problem), warnings: [], servers: [] }];
  const { text, servers, warnings } = opened.config;
  return [{ ...file, problem: null, warnings: warnings.map((warning) => place(path, warning)), servers: servers.map((server) => listServer(server, text)) }];
}

function place(path: string, { line, column, message }: ConfigProblem): string {
  return `${path}:${line}:${column}: ${message}`;
}

function listServer(server: Server, text: string): ListedServer {
  const { name, project = null, isDisabled, at } = server;
  return { name, project, state: stateOf(server), disabled: isDisabled, line: lineAndColumn(text, at).line, why: server.kind === "local" ? null : (server.why ?? null) };
}

function stateOf(server: Server): ServerState {
  if (server.kind !== "local") return server.kind;
  return governingOf(server) === undefined ? "not_governed" : "governed";
}

const STATE_WORDS: Readonly<Record<ServerState, string>> = {
  governed: "governed",
  not_governed: "not governed",
  remote: "not governed (remote)",
  unclear: "not governed (unclear)",
};

function describe({ client, scope, file, problem, warnings, servers }: ListedFile): string {
  const rows = servers.map(({ name, project, state, disabled, line, why }) => {
    const about = [`${escapeText(file)}:${line}`, ...(project === null ? [] : [`project ${escapeText(project)}`]), ...(disabled ? ["disabled"] : []), ...(why === null ? [] : [escapeText(why)])];
    return `  ${STATE_WORDS[state].padEnd(22)}  ${escapeText(name).padEnd(20)}  ${about.join(", ")}`;
  });
  const said = [...(problem === null ? [] : [problem]), ...warnings].map((text) => `  ! ${escapeText(text)}`);
  return [`${CLIENT_KINDS[client].title} (${scope})`, ...said, ...(rows.length === 0 && problem === null ? ["  no servers"] : rows)].join("\n");
}
