/**
 * A gateway, from its options on. A server that is a command is started before anything else is loaded, so that its start is not waited for
 * twice: what this file imports at once is loaded before. Called by gateway.ts and run-gateway.ts.
 */
import type { Readable, Writable } from "node:stream";
import { startUpstream } from "../gateway/upstream/upstream-process.ts";
import { heldFor, WAITING } from "../gateway/call/waiting.ts";
import type { StdioGatewayOptions } from "../gateway/stdio/run-stdio-gateway.ts";
import { UsageError } from "./ports.ts";
import { serverNameOf } from "./server-name.ts";
import type { UpPorts } from "./up.ts";

export interface GatewayOptions {
  readonly dir?: string | undefined;
  readonly name?: string | undefined;
  readonly policies?: string | undefined;
  readonly agent: string;
  readonly user: string;
  readonly hold: number;
  /** `--no-control-plane` makes it false. */
  readonly controlPlane: boolean;
  /** Instead of a command. */
  readonly url?: string | undefined;
  readonly urlEnv?: string | undefined;
  readonly transport: string;
  readonly header: readonly string[];
  readonly headerEnv: readonly string[];
  /** HOST:PORT; true where none is given. */
  readonly http?: string | boolean | undefined;
  readonly config?: string | undefined;
  readonly oauthClientId?: string | undefined;
  readonly oauthClientSecretEnv?: string | undefined;
  readonly oauthIssuer?: string | undefined;
  readonly oauthScope?: string | undefined;
}

export interface GatewayPorts extends UpPorts {
  /** The client's messages, and where its answers go. Opened when somebody asks. */
  readonly streams: () => { readonly input: Readable; readonly output: Writable };
}

/** What counts where nothing else is said. */
export const GATEWAY_DEFAULTS = Object.freeze({ agent: "", user: "", hold: WAITING.holdMs / 1_000, controlPlane: true, transport: "auto", header: [], headerEnv: [] }) satisfies GatewayOptions;

/** Undefined where it is no number of seconds that calls may be held for. */
export function holdSeconds(value: string): number | undefined {
  const given = Number(value);
  return given >= 0.1 && given <= 3_600 ? given : undefined;
}

/** What stands behind the gateway. */
interface Upstream extends Pick<StdioGatewayOptions, "connect" | "server" | "name"> {
  stop(): Promise<void>;
}

/** Resolves with the exit code. Throws UsageError before anything is started. */
export async function startGateway(command: readonly string[], given: GatewayOptions, ports: GatewayPorts): Promise<number> {
  const { env, err } = ports;
  const options = withAddress(given, env);
  if (options.config !== undefined && (options.url !== undefined || command.length > 0)) throw new UsageError("--config: the file says which servers there are. Leave out --url and the command.");
  if (options.config !== undefined && (options.policies !== undefined || options.name !== undefined)) throw new UsageError("--config: names and policies stand in the file (`policies: FILE`). Leave out --name and --policies.");
  if (options.config === undefined && (options.url === undefined) === (command.length === 0)) throw new UsageError(options.url === undefined ? NO_SERVER : "Give a command after --, or an address with --url: the gateway stands in front of one server.");
  const policies = options.policies ?? nonEmpty(env["COUNTERSIGN_POLICIES"]);
  if (!options.controlPlane && policies === undefined && options.config === undefined) throw new UsageError("--no-control-plane: there are no policies then. Name a file with --policies.");
  const remote = remoteOf(env);
  if (options.config !== undefined && options.http === undefined) return (await import("./gateway-joined.ts")).gatewayJoined(options.config, options, remote, ports);
  if (options.http !== undefined) return (await import("./gateway-http.ts")).gatewayHttp(command, options, remote, ports);
  const [upstream, { runStdioGateway }, { openGatewayGovernance }, { stateKey }, { stateDirectory }] = await Promise.all([
    options.url === undefined ? startedServer(command, options.name, env) : addressedServer(options.url, options, ports),
    import("../gateway/stdio/run-stdio-gateway.ts"),
    import("./open-gateway-governance.ts"),
    import("../gateway/call/request-state.ts"),
    import("@countersign/sdk/record"),
  ]);
  try {
    const directory = options.dir ?? stateDirectory(env);
    const governance = openGatewayGovernance({ directory, policies, controlPlane: options.controlPlane, remote }, ports);
    let broken: Error | undefined;
    const seenBroken = governance.broken.then((error) => void (broken = error));
    const stopped = Promise.race([ports.stopped, seenBroken]);
    try {
      const code = await runStdioGateway(
        {
          ...upstream,
          agent: options.agent,
          user: options.user,
          governance: governance.current,
          onListed: governance.begin,
          waiting: heldFor(options.hold * 1_000),
          stateKey: () => stateKey(directory),
        },
        { ...ports.streams(), stopped, onWarning: (message) => err(`countersign: ${message}`) },
      );
      if (broken !== undefined) throw broken;
      return code;
    } finally {
      await governance.close();
    }
  } finally {
    await upstream.stop();
  }
}

/** It runs from the first moment on; what speaks to it is loaded meanwhile. */
async function startedServer([command = "", ...args]: readonly string[], name: string | undefined, env: NodeJS.ProcessEnv): Promise<Upstream> {
  const upstream = startUpstream({ command, args }, env);
  try {
    const [{ connectProcess }, { serverIdentity }] = await Promise.all([import("../gateway/upstream/connect-process.ts"), import("@countersign/sdk/enforcement")]);
    const named = name ?? serverNameOf([command, ...args]);
    return {
      name: named,
      connect: (listener) => connectProcess(upstream, listener),
      server: async () => ({ name: named, identity: await serverIdentity({ kind: "stdio", command, args, envNames: [] }, env), transport: "stdio" }),
      stop: () => upstream.stop(),
    };
  } catch (error) {
    await upstream.stop();
    throw error;
  }
}

async function addressedServer(url: string, options: GatewayOptions, { env, err }: GatewayPorts): Promise<Upstream> {
  const [{ urlUpstream }, { stateDirectory }] = await Promise.all([import("./url-upstream.ts"), import("@countersign/sdk/record")]);
  const upstream = urlUpstream({ ...options, url }, { stateDirectory: options.dir ?? stateDirectory(env), named: options.dir, env, warn: (message) => err(`countersign: ${message}`) });
  const named = options.name ?? upstream.name;
  return { ...upstream, name: named, server: () => upstream.server(named) };
}

function withAddress(options: GatewayOptions, env: NodeJS.ProcessEnv): GatewayOptions {
  if (options.urlEnv === undefined) return options;
  if (options.url !== undefined) throw new UsageError("--url and --url-env: give one of them.");
  const url = nonEmpty(env[options.urlEnv]);
  if (url === undefined) throw new UsageError("--url-env: the environment variable is not set.");
  return { ...options, url };
}

const NO_SERVER = "Give the command that starts the server after --: countersign gateway -- npx -y @modelcontextprotocol/server-filesystem /data. Or its address: countersign gateway --url https://example.com/mcp";

function remoteOf(env: NodeJS.ProcessEnv): { readonly url: string; readonly apiKey: string } | undefined {
  const url = nonEmpty(env["COUNTERSIGN_URL"]);
  if (url === undefined) return undefined;
  const apiKey = nonEmpty(env["COUNTERSIGN_API_KEY"]);
  if (apiKey === undefined) throw new UsageError("COUNTERSIGN_URL is set: COUNTERSIGN_API_KEY is needed too, a key of the agent (countersign key add).");
  return { url, apiKey };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
