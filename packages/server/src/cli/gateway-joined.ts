/**
 * `countersign gateway --config FILE` without `--http`: all servers of the file as one, for the client that starts this, over stdio. The file
 * is watched: servers come and go while the client is there.
 */
import { isDeepStrictEqual } from "node:util";
import { stateDirectory } from "@countersign/sdk/record";
import type { Governance } from "@countersign/sdk/enforcement";
import { joinedServers, type GatewayConfig, type ServerConfig } from "../config/gateway-config.ts";
import { whyNotJoined } from "../config/joined-server-name.ts";
import { JoinedServers, type JoinedServer } from "../gateway/joined/joined-servers.ts";
import { beginJoined } from "../gateway/joined/joined-session.ts";
import { runCanary } from "../gateway/health/canary.ts";
import { serveStdioClient } from "../gateway/stdio/run-stdio-gateway.ts";
import { joinedServer } from "./build-endpoint.ts";
import { fixedControl, linkControl, type ControlLink } from "./control-link.ts";
import type { GatewayOptions, GatewayPorts } from "./start-gateway.ts";
import { openGovernances } from "./governances.ts";
import { leavingGovernance } from "./leaving-governance.ts";
import { CheckFailure, UsageError } from "./ports.ts";
import { loadConfig, watchConfig } from "./watched-config.ts";

interface KeptServer {
  readonly entry: object;
  readonly joined: JoinedServer;
  readonly policies: string | undefined;
  /** Aborted when it is to be judged by other policies. */
  readonly leaving: AbortController;
}
type Kept = Map<string, KeptServer>;

/** `remote`: a control plane that the environment names. */
export async function gatewayJoined(path: string, options: GatewayOptions, remote: { readonly url: string; readonly apiKey: string } | undefined, ports: GatewayPorts): Promise<number> {
  const { env, err } = ports;
  const onWarning = (message: string): void => err(`countersign: ${message}`);
  const directory = options.dir ?? stateDirectory(env);
  const { config, text } = await loadConfig(path, ports);
  let kept: Kept = new Map();
  const build = (server: ServerConfig): JoinedServer => joinedServer(server, { directory, env, onWarning });
  const take = (next: GatewayConfig): readonly JoinedServer[] => {
    const chosen = chosenOf(next, path);
    const before = kept;
    kept = new Map(chosen.map((server) => [server.name, keptOf(server, before, build)]));
    for (const { leaving } of before.values()) if ([...kept.values()].every((one) => one.leaving !== leaving)) leaving.abort();
    return [...kept.values()].map(({ joined }) => joined);
  };
  const servers = new JoinedServers(take(config));
  const link = linkOf(config, options, remote, directory, ports);
  const governances = openGovernances({ directory, link, max: config.limits.credentials, onWarning });
  const leavingWith = leavingGovernance();
  const governance = (name = ""): Governance | Promise<Governance> => {
    const server = kept.get(name);
    if (server === undefined) throw new Error("this server is not served here any more");
    const found = governances.of(undefined, server.policies);
    const { signal } = server.leaving;
    return found instanceof Promise ? found.then((opened) => leavingWith(signal, opened)) : leavingWith(signal, found);
  };
  const watch = watchConfig(path, text, ports, {
    onGood(next) {
      try {
        servers.replace(take(next));
        onWarning(`the configuration changed; joined are ${[...kept.keys()].join(", ")}`);
      } catch (error) {
        refuse(error instanceof Error ? error.message : String(error));
      }
    },
    onBroken: refuse,
  });

  function refuse(problem: string): void {
    onWarning(`the configuration was refused; the last good one stays in force:\n${problem}`);
  }

  try {
    const canary = await runCanary();
    if (!canary.ok) throw new CheckFailure(`nothing is served, since it is not proved that a blocked call is blocked: ${canary.why}`);
    const client = { agent: options.agent === "" ? config.agent : options.agent, user: options.user, governance, maxMessageBytes: config.limits.messageBytes };
    const streams = ports.streams();
    if (Reflect.get(streams.input, "isTTY") === true) onWarning("this serves one MCP client over standard streams, and waits for it; --http serves clients over HTTP");
    return await serveStdioClient(beginJoined(servers, { leaveMs: config.drainMs }), client, { ...streams, stopped: ports.stopped, onWarning });
  } finally {
    watch.close();
    await link?.close();
    await governances.close();
  }
}

/** Throws UsageError. */
function chosenOf(config: GatewayConfig, path: string): readonly ServerConfig[] {
  if (!config.join) throw new UsageError(`${path} has \`join: false\`: its servers are not served as one. Serve them over HTTP: --http.`);
  const chosen = joinedServers(config);
  if (chosen.length === 0) throw new UsageError(`${path}: each server has \`join: false\`, so there is none to serve here. Serve them over HTTP: --http.`);
  for (const { name } of chosen) {
    const why = whyNotJoined(name); // one alone is not looked at before
    if (why !== undefined) throw new UsageError(`${path}: ${name} ${why}. Give it another name.`);
  }
  return chosen;
}

/** A server whose entry says what it said stays as it is. Other policies make no other server, but a yes under those before is none any more. */
function keptOf(server: ServerConfig, kept: Kept, build: (server: ServerConfig) => JoinedServer): KeptServer {
  const [before, entry, { policies }] = [kept.get(server.name), entryOf(server), server];
  const stays = before !== undefined && isDeepStrictEqual(before.entry, entry) ? before : undefined;
  if (stays?.policies === policies && stays !== undefined) return stays;
  return { entry, joined: stays?.joined ?? build(server), policies, leaving: new AbortController() };
}

function entryOf(server: ServerConfig): object {
  return { ...server, policies: undefined, join: undefined };
}

function linkOf({ controlPlane }: GatewayConfig, { controlPlane: wanted }: GatewayOptions, remote: { readonly url: string; readonly apiKey: string } | undefined, directory: string, ports: GatewayPorts): ControlLink | undefined {
  if (controlPlane === "none" || !wanted) return undefined;
  const named = controlPlane ?? remote;
  return named === undefined ? linkControl(directory, ports) : fixedControl(named);
}
