/**
 * `countersign gateway --http …`, with `--config FILE` for many servers: a gateway over HTTP, in the foreground until it is told to end. A
 * configuration file is watched: a good one takes effect at once, a broken one changes nothing and is told.
 */
import { statSync } from "node:fs";
import { stateDirectory } from "@countersign/sdk/record";
import { DEFAULT_DRAIN_MS, DEFAULT_LIMITS, DEFAULT_LISTEN, type GatewayConfig, type HttpUpstream, type ServerConfig } from "../config/gateway-config.ts";
import { parseListen } from "../config/gateway-document.ts";
import { isLoopbackHost } from "../gateway/identity/identify-caller.ts";
import { fixedControl, linkControl, type ControlLink } from "./control-link.ts";
import type { GatewayOptions } from "./start-gateway.ts";
import { clientSnippet } from "./gateway-snippet.ts";
import { registerGateway } from "./gateway-register.ts";
import { localUser } from "./http-callers.ts";
import { HttpGateway, type HttpGatewayOptions } from "./http-gateway.ts";
import { CheckFailure, UsageError } from "./ports.ts";
import { serverNameOf, serverNameOfUrl } from "./server-name.ts";
import type { UpPorts } from "./up.ts";
import { readAddress } from "./url-upstream.ts";
import { loadConfig, watchConfig } from "./watched-config.ts";

/** `remote`: a control plane that the environment names. */
export async function gatewayHttp(command: readonly string[], options: GatewayOptions, remote: { readonly url: string; readonly apiKey: string } | undefined, ports: UpPorts): Promise<number> {
  const { env, err } = ports;
  const onWarning = (message: string): void => err(`countersign: ${message}`);
  const listen = listenOf(options.http);
  const { config: path } = options;
  const directory = options.dir ?? stateDirectory(env);
  const loaded = path === undefined ? { config: configOfOptions(command, options, directory, ports), text: "" } : await loadConfig(path, ports);
  const first = withListen(loaded.config, listen);
  const link = linkOf(first, { ...options, remote, directory }, ports);
  const fileMode = (): number | undefined => (path === undefined || process.platform === "win32" ? undefined : statSync(path, { throwIfNoEntry: false })?.mode);
  const gateway = await start(first, { directory, link, user: options.user === "" ? localUser() : options.user, env, fileMode, onWarning });
  const registered = registerGateway(directory, { url: gateway.localOrigin, config: path });
  const ended = ports.stopped;
  const watch = path === undefined ? undefined : watchConfig(path, loaded.text, ports, { onGood: (config) => void change(withListen(config, listen)), onBroken: refuse });
  let current = first;

  async function change(next: GatewayConfig): Promise<void> {
    const before = gateway.addresses();
    for (const what of needsRestart(current, next)) onWarning(`${what} changed in ${path}: that takes effect when the gateway is started again`);
    try {
      const applied = gateway.apply(next);
      current = next;
      announce(before, gateway, ports);
      await applied;
    } catch (error) {
      refuse(error instanceof Error ? error.message : String(error));
    }
  }

  function refuse(problem: string): void {
    gateway.refused(problem);
    onWarning(`the configuration was refused; the last good one stays in force:\n${problem}`);
  }

  try {
    greet(gateway, first, ports);
    await ended;
    onWarning(`ending; calls under way have ${current.drainMs / 1_000} s`);
    watch?.close();
    await gateway.drain();
    return 0;
  } finally {
    watch?.close();
    registered.remove();
    await gateway.close();
  }
}

async function start(config: GatewayConfig, options: HttpGatewayOptions): Promise<HttpGateway> {
  try {
    return await HttpGateway.start(config, options);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    const { host, port } = config.listen;
    if (code === "EADDRINUSE") throw new CheckFailure(`${host}:${port} is taken by another program. Give another address: --http ${host}:0 takes any port that is free.`);
    if (code === "EADDRNOTAVAIL" || code === "EACCES" || code === "ENOTFOUND") throw new CheckFailure(`${host}:${port} cannot be listened on (${code}). Give another address with --http HOST:PORT.`);
    throw error;
  }
}

function listenOf(given: string | boolean | undefined): GatewayConfig["listen"] | undefined {
  if (typeof given !== "string") return undefined;
  const read = parseListen(given) ?? parseListen(`127.0.0.1:${given}`);
  if (read === undefined) throw new UsageError("--http: HOST:PORT is expected, such as 127.0.0.1:7434, or a port.");
  return read;
}

function withListen(config: GatewayConfig, listen: GatewayConfig["listen"] | undefined): GatewayConfig {
  return listen === undefined ? config : { ...config, listen };
}

/** One server, as the command line names it. */
function configOfOptions(command: readonly string[], options: GatewayOptions, directory: string, { env, err }: UpPorts): GatewayConfig {
  const [program = "", ...args] = command;
  const address = options.url === undefined ? undefined : readAddress({ ...options, url: options.url }, { stateDirectory: directory, named: options.dir, env, warn: (message) => err(`countersign: ${message}`) });
  const name = options.name ?? (address === undefined ? serverNameOf(command) : serverNameOfUrl(address.url));
  const policies = options.policies ?? (env["COUNTERSIGN_POLICIES"] === "" ? undefined : env["COUNTERSIGN_POLICIES"]);
  const server: ServerConfig = {
    name,
    upstream: address === undefined ? { kind: "stdio", command: program, args, env: {}, cwd: process.cwd(), inherits: true } : { kind: "http", url: address.url.href, transport: address.transport, headers: address.headers, oauth: oauthOf(options, env) },
    policies,
    holdMs: options.hold * 1_000,
    unknownMethods: "pass",
    join: false,
  };
  return {
    listen: DEFAULT_LISTEN,
    publicUrl: undefined,
    servers: new Map([[name, server]]),
    join: false,
    controlPlane: options.controlPlane ? undefined : "none",
    clients: { local: true, keys: true, oauth: undefined },
    agent: options.agent,
    drainMs: DEFAULT_DRAIN_MS,
    allowedHosts: [],
    allowedOrigins: [],
    limits: DEFAULT_LIMITS,
  };
}

/** As a machine, where the options say so; readAddress has checked them. */
function oauthOf({ oauthClientId: clientId, oauthClientSecretEnv: variable, oauthIssuer: issuer, oauthScope: scope }: GatewayOptions, env: NodeJS.ProcessEnv): HttpUpstream["oauth"] {
  if (clientId === undefined || variable === undefined || issuer === undefined) return true;
  return { clientId, clientSecret: env[variable] ?? "", issuer, scopes: scope === undefined ? undefined : [scope] };
}

function linkOf({ controlPlane }: GatewayConfig, { controlPlane: wanted, remote, directory }: { readonly controlPlane: boolean; readonly remote: { readonly url: string; readonly apiKey: string } | undefined; readonly directory: string }, ports: UpPorts): ControlLink | undefined {
  if (controlPlane === "none" || !wanted) return undefined;
  const named = controlPlane ?? remote;
  return named === undefined ? linkControl(directory, ports) : fixedControl(named);
}

function needsRestart(before: GatewayConfig, next: GatewayConfig): readonly string[] {
  const differs = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other);
  return (["listen", "limits", "controlPlane"] as const).filter((key) => differs(before[key], next[key]));
}

function greet(gateway: HttpGateway, { clients, listen, publicUrl }: GatewayConfig, { out }: UpPorts): void {
  const addresses = gateway.addresses();
  const needsKey = !clients.local || !isLoopbackHost(listen.host) || (publicUrl !== undefined && !isLoopbackHost(publicUrl.hostname));
  const { ready } = gateway.readiness();
  out(`Countersign gateway at ${gateway.origin}${ready ? "" : ", not ready: see the warnings, and /readyz"}`);
  for (const { name, url } of addresses) out(`  ${name}  ${url}${addresses.length === 1 ? ` (and ${gateway.localOrigin}/mcp)` : ""}`);
  const joined = gateway.joinedAddress();
  if (joined !== undefined) out(`  all as one  ${joined} (their tools are NAME__tool)`);
  out(`\nFor a client's configuration:\n${clientSnippet(addresses, needsKey)}`);
  out("\nCtrl-C ends it, once calls under way are finished; again, at once.");
}

function announce(before: readonly { readonly name: string }[], gateway: HttpGateway, { out }: UpPorts): void {
  const now = gateway.addresses();
  const names = new Set(before.map(({ name }) => name));
  out(`The configuration changed; ${now.length} ${now.length === 1 ? "server is" : "servers are"} served.`);
  for (const { name, url } of now) if (!names.has(name)) out(`  new: ${name}  ${url}`);
  for (const { name } of before) if (now.every((one) => one.name !== name)) out(`  gone: ${name}`);
}
