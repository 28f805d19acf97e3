/** From a server of the configuration to the endpoint that serves it: where the pieces of gateway/ are put together. Called by http-gateway.ts. */
import { serverIdentity } from "@countersign/sdk/enforcement";
import type { GatewayLimits, HttpUpstream, ServerConfig, StdioUpstream } from "../config/gateway-config.ts";
import { serverEnvironment } from "../config/server-environment.ts";
import { stateKey } from "../gateway/call/request-state.ts";
import { Rounds } from "../gateway/call/rounds.ts";
import { heldFor } from "../gateway/call/waiting.ts";
import { blockUnknownMethods } from "../gateway/http/block-unknown-methods.ts";
import { detectTransport } from "../gateway/http/detect-transport.ts";
import { createForwardEndpoint } from "../gateway/http/forward-endpoint.ts";
import type { HttpEndpoint } from "../gateway/http/http-endpoint.ts";
import { LateEndpoint } from "../gateway/http/late-endpoint.ts";
import { createSessionEndpoint } from "../gateway/http/session-endpoint.ts";
import type { JoinedServer } from "../gateway/joined/joined-servers.ts";
import { connectProcess } from "../gateway/upstream/connect-process.ts";
import { connectUrl, type UrlTransport } from "../gateway/upstream/connect-url.ts";
import type { Authorization, RemoteServer } from "../gateway/upstream/remote/remote-server.ts";
import { clientCredentials } from "../gateway/upstream/sign-in/client-credentials.ts";
import { keptAuthorization } from "../gateway/upstream/sign-in/kept-authorization.ts";
import { readSignIn } from "../gateway/upstream/sign-in/kept-file.ts";
import type { UpstreamConnection } from "../gateway/upstream/upstream-connection.ts";
import { lockUpstreams } from "./upstream-sign-in.ts";
import { startUpstream } from "../gateway/upstream/upstream-process.ts";

/** How an upstream stands, as its connections show. */
export interface UpstreamState {
  connections: number;
  /** Connections that could not be made. */
  failures: number;
}

export interface BuiltEndpoint {
  /** The same server, for those who serve several as one. */
  readonly joined: JoinedServer;
  readonly endpoint: HttpEndpoint;
  readonly state: UpstreamState;
}

export interface BuildPorts {
  /** The state directory: sign-ins at servers, and the key of what clients are sent round with. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: Pick<GatewayLimits, "sessions">;
  readonly onWarning: (message: string) => void;
}

export function buildEndpoint(server: ServerConfig, ports: BuildPorts): BuiltEndpoint {
  const state: UpstreamState = { connections: 0, failures: 0 };
  const { upstream } = server;
  return { joined: joinedServer(server, ports, state), endpoint: upstream.kind === "stdio" ? beforeProcess(server, upstream, state, ports) : beforeAddress(server, upstream, state, ports), state };
}

/** A server among others that are served as one: reached by connections, of its own for each session. */
export function joinedServer(server: ServerConfig, ports: Omit<BuildPorts, "limits">, state: UpstreamState = { connections: 0, failures: 0 }): JoinedServer {
  const { name, upstream, holdMs, unknownMethods } = server;
  const reached = upstream.kind === "stdio" ? reachProcess(name, upstream, state, ports) : reachAddress(name, remoteOf(upstream, ports), upstream.transport, state, ports);
  const key = (): Uint8Array => stateKey(ports.directory);
  return { name, ...reached, waiting: heldFor(holdMs), unknownMethods, rounds: new Rounds({ key, audience: `${name}, joined` }), stateKey: key };
}

type Reached = Pick<JoinedServer, "connect" | "server">;

function reachProcess(name: string, { command, args, env: set, cwd, inherits = false }: StdioUpstream, state: UpstreamState, { env, onWarning }: Pick<BuildPorts, "env" | "onWarning">): Reached {
  const own = inherits ? env : serverEnvironment(env, set);
  return {
    connect: (listener) => counted(connectProcess(startUpstream({ command, args, cwd }, own), listener), name, state, onWarning),
    server: async () => ({ name, identity: await serverIdentity({ kind: "stdio", command, args, envNames: Object.keys(set), cwd }, own), transport: "stdio" }),
  };
}

function reachAddress(name: string, remote: RemoteServer, transport: UrlTransport, state: UpstreamState, { onWarning }: Pick<BuildPorts, "onWarning">): Reached {
  return {
    connect: (listener) => counted(connectUrl(remote, transport, listener), name, state, onWarning),
    server: async () => ({ name, identity: await serverIdentity({ kind: "http", url: remote.url.href }), transport: "http" }),
  };
}

function remoteOf(upstream: HttpUpstream, ports: Pick<BuildPorts, "directory" | "onWarning">): RemoteServer {
  return { url: new URL(upstream.url), headers: upstream.headers, authorization: authorizationOf(upstream, ports) };
}

function beforeProcess({ name, holdMs, unknownMethods }: ServerConfig, upstream: StdioUpstream, state: UpstreamState, { directory, env, limits, onWarning }: BuildPorts): HttpEndpoint {
  return createSessionEndpoint({
    ...reachProcess(name, upstream, state, { env, onWarning }),
    waiting: heldFor(holdMs),
    rounds: roundsOf(name, directory),
    unknownMethods,
    limits,
    onWarning: (message) => onWarning(`${name}: ${message}`),
  });
}

function beforeAddress(server: ServerConfig, upstream: HttpUpstream, state: UpstreamState, ports: BuildPorts): HttpEndpoint {
  const remote = remoteOf(upstream, ports);
  const connected = (transport: UrlTransport): HttpEndpoint => connecting(server, remote, transport, state, ports);
  if (upstream.transport === "sse") return connected("sse");
  const forward = forwarding(server, upstream, ports);
  return new LateEndpoint(forward, async () => {
    // What is renewed while it is used, only a connection can show.
    const isLetIn = remote.authorization !== undefined && (upstream.oauth !== true || isSignedIn(remote, ports));
    return isLetIn ? connected(upstream.transport) : chosen(upstream, remote, forward, connected);
  });
}

async function chosen({ transport }: HttpUpstream, { url, headers }: RemoteServer, forward: HttpEndpoint, connected: (transport: UrlTransport) => HttpEndpoint): Promise<HttpEndpoint | undefined> {
  const found = transport === "auto" ? await detectTransport(url, headers) : "http";
  return found === "sse" ? connected("sse") : found === "http" ? forward : undefined;
}

/** Who gives a credential of their own is not signed in by us. */
function authorizationOf({ url, headers, oauth }: HttpUpstream, { directory, onWarning }: Pick<BuildPorts, "directory" | "onWarning">): Authorization | undefined {
  if (oauth === false || Object.keys(headers).some((name) => name.toLowerCase() === "authorization")) return undefined;
  if (oauth === true) return keptAuthorization(new URL(url), { stateDirectory: directory, lock: () => lockUpstreams(directory), onWarning, command: "countersign gateway login" });
  const { clientId, clientSecret, issuer, scopes } = oauth;
  return clientCredentials(new URL(url), { clientId, clientSecret, issuer, scope: scopes?.join(" ") }, onWarning);
}

function isSignedIn({ url, authorization }: RemoteServer, { directory, onWarning }: BuildPorts): boolean {
  if (authorization === undefined) return false;
  try {
    return readSignIn(directory, url) !== undefined;
  } catch (error) {
    onWarning(error instanceof Error ? error.message : String(error));
    return false;
  }
}

function forwarding({ name, holdMs, unknownMethods }: ServerConfig, { url, headers }: HttpUpstream, { directory, onWarning }: BuildPorts): HttpEndpoint {
  const endpoint = createForwardEndpoint({ name, url, headers, waiting: heldFor(holdMs), rounds: roundsOf(name, directory), onWarning: (message) => onWarning(`${name}: ${message}`) });
  return unknownMethods === "block" ? blockUnknownMethods(endpoint) : endpoint;
}

function connecting({ name, holdMs, unknownMethods }: ServerConfig, remote: RemoteServer, transport: UrlTransport, state: UpstreamState, { directory, limits, onWarning }: BuildPorts): HttpEndpoint {
  return createSessionEndpoint({
    ...reachAddress(name, remote, transport, state, { onWarning }),
    waiting: heldFor(holdMs),
    rounds: roundsOf(name, directory),
    unknownMethods,
    limits,
    onWarning: (message) => onWarning(`${name}: ${message}`),
  });
}

/** Of one server; a state that was sealed by another process of this machine is good here too. */
function roundsOf(name: string, directory: string): Rounds {
  return new Rounds({ key: () => stateKey(directory), audience: name });
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
