/** From a server of the configuration to the endpoint that serves it: where the pieces of gateway/ are put together. Called by http-gateway.ts. */
import { serverIdentity } from "@countersign/sdk/enforcement";
import type { GatewayLimits, HttpUpstream, ServerConfig, StdioUpstream } from "../config/gateway-config.ts";
import { serverEnvironment } from "../config/server-environment.ts";
import { WAITING } from "../gateway/call/waiting.ts";
import { blockUnknownMethods } from "../gateway/http/block-unknown-methods.ts";
import { detectTransport } from "../gateway/http/detect-transport.ts";
import { createForwardEndpoint } from "../gateway/http/forward-endpoint.ts";
import type { HttpEndpoint } from "../gateway/http/http-endpoint.ts";
import { LateEndpoint } from "../gateway/http/late-endpoint.ts";
import { createSessionEndpoint } from "../gateway/http/session-endpoint.ts";
import { connectProcess } from "../gateway/upstream/connect-process.ts";
import { connectUrl } from "../gateway/upstream/connect-url.ts";
import type { UpstreamConnection } from "../gateway/upstream/upstream-connection.ts";
import { startUpstream } from "../gateway/upstream/upstream-process.ts";

/** How an upstream stands, as its connections show. */
export interface UpstreamState {
  connections: number;
  /** Connections that could not be made. */
  failures: number;
}

export interface BuiltEndpoint {
  readonly endpoint: HttpEndpoint;
  readonly state: UpstreamState;
}

export interface BuildPorts {
  readonly env: NodeJS.ProcessEnv;
  readonly limits: Pick<GatewayLimits, "sessions">;
  readonly onWarning: (message: string) => void;
}

export function buildEndpoint(server: ServerConfig, ports: BuildPorts): BuiltEndpoint {
  const state: UpstreamState = { connections: 0, failures: 0 };
  const { upstream } = server;
  return { endpoint: upstream.kind === "stdio" ? beforeProcess(server, upstream, state, ports) : beforeAddress(server, upstream, state, ports), state };
}

function beforeProcess({ name, holdMs, unknownMethods }: ServerConfig, { command, args, env: set, cwd, inherits = false }: StdioUpstream, state: UpstreamState, { env, limits, onWarning }: BuildPorts): HttpEndpoint {
  const own = inherits ? env : serverEnvironment(env, set);
  return createSessionEndpoint({
    connect: (listener) => counted(connectProcess(startUpstream({ command, args, cwd }, own), listener), name, state, onWarning),
    server: async () => ({ name, identity: await serverIdentity({ kind: "stdio", command, args, envNames: Object.keys(set), cwd }, own), transport: "stdio" }),
    waiting: { ...WAITING, holdMs },
    unknownMethods,
    limits,
    onWarning: (message) => onWarning(`${name}: ${message}`),
  });
}

function beforeAddress(server: ServerConfig, upstream: HttpUpstream, state: UpstreamState, ports: BuildPorts): HttpEndpoint {
  switch (upstream.transport) {
    case "http":
      return forwarding(server, upstream, ports);
    case "sse":
      return connecting(server, upstream, state, ports);
    case "auto": {
      const forward = forwarding(server, upstream, ports);
      return new LateEndpoint(forward, async () => {
        const found = await detectTransport(new URL(upstream.url), upstream.headers);
        return found === "sse" ? connecting(server, upstream, state, ports) : found === "http" ? forward : undefined;
      });
    }
  }
}

function forwarding({ name, holdMs, unknownMethods }: ServerConfig, { url, headers }: HttpUpstream, { onWarning }: BuildPorts): HttpEndpoint {
  const endpoint = createForwardEndpoint({ name, url, headers, waiting: { ...WAITING, holdMs }, onWarning: (message) => onWarning(`${name}: ${message}`) });
  return unknownMethods === "block" ? blockUnknownMethods(endpoint) : endpoint;
}

function connecting({ name, holdMs, unknownMethods }: ServerConfig, { url, headers, transport }: HttpUpstream, state: UpstreamState, { limits, onWarning }: BuildPorts): HttpEndpoint {
  const remote = { url: new URL(url), headers, authorization: undefined };
  return createSessionEndpoint({
    connect: (listener) => counted(connectUrl(remote, transport === "auto" ? "sse" : transport, listener), name, state, onWarning),
    server: async () => ({ name, identity: await serverIdentity({ kind: "http", url }), transport: "http" }),
    waiting: { ...WAITING, holdMs },
    unknownMethods,
    limits,
    onWarning: (message) => onWarning(`${name}: ${message}`),
  });
}

function counted(connection: UpstreamConnection, name: string, state: UpstreamState, onWarning: (message: string) => void): UpstreamConnection {
  state.connections += 1;
  void connection.ended.then((end) => {
    state.connections -= 1;
    if (end.kind === "ended") return;
    state.failures += 1;
    onWarning(`${name}: the server could not be started: ${end.why}`);
  });
  return connection;
}
