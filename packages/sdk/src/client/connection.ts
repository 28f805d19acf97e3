/** What is known of one connection of a client: its transport, its server's identity, its tools. A new transport is a new connection. */
import { fileURLToPath } from "node:url";
import { createToolCatalog, type ToolCatalog } from "../call/tool-catalog.ts";
import { serverIdentity, type ServerLaunch } from "../call/server-identity.ts";
import type { ConnectionFacts, Transport } from "../call/call.ts";
import { protocolVersionOf, type ClientLike, type RequestLike, type TransportLike } from "./client-like.ts";

export interface Connection {
  readonly transport: TransportLike;
  readonly kind: Transport;
  readonly tools: ToolCatalog;
  /** Undefined until it was found out; then hex or null. */
  identity: string | null | undefined;
  /** Finds out and remembers `identity`. */
  readonly identify: () => Promise<string | null>;
  /** From the answer to `initialize`, for clients that do not tell it. */
  protocolVersion: string | undefined;
  readonly facts: ConnectionFacts;
  /** Aborted when the transport closes. Watching starts with the first use. */
  closed(): AbortSignal;
}

/** `request` past our own hook. */
export type RawRequest = (client: ClientLike, request: RequestLike, signal: AbortSignal) => Promise<unknown>;

export function openConnection(client: ClientLike, transport: TransportLike, request: RawRequest): Connection {
  const launch = launchOf(transport);
  const env = { ...process.env, ...environmentOf(transport) }; // a PATH of the transport's own decides what is started
  let closing: AbortController | undefined;
  const connection: Connection = {
    transport,
    kind: launch?.kind ?? (transport.constructor.name === "InMemoryTransport" ? "memory" : "unknown"),
    tools: createToolCatalog((cursor, signal) => request(client, { method: "tools/list", params: cursor === undefined ? {} : { cursor } }, signal)),
    identity: launch === undefined ? null : undefined,
    identify: async () => (connection.identity ??= launch === undefined ? null : await serverIdentity(launch, env)),
    protocolVersion: undefined,
    facts: {
      ...(launch?.kind === "http" ? addressOf(launch.url) : { address: undefined, port: undefined }),
      get sessionId() {
        return transport.sessionId;
      },
      get protocolVersion() {
        return protocolVersionOf(client) ?? connection.protocolVersion;
      },
    },
    closed: () => (closing ??= watchClose(transport)).signal,
  };
  return connection;
}

/** Chains onto the transport's own close handler; the handler that was there still runs. */
function watchClose(transport: TransportLike): AbortController {
  const controller = new AbortController();
  const previous = transport.onclose;
  transport.onclose = (...args) => {
    controller.abort(new DOMException("the connection closed", "AbortError"));
    return previous?.apply(transport, args);
  };
  return controller;
}

function environmentOf(transport: TransportLike): Record<string, string> {
  const started: unknown = Reflect.get(transport, "_serverParams");
  const env: unknown = started !== null && typeof started === "object" ? Reflect.get(started, "env") : undefined;
  const entries = env !== null && typeof env === "object" ? Object.entries(env) : [];
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** What a transport of the official SDKs says it started or opened; undefined for all others. */
function launchOf(transport: TransportLike): ServerLaunch | undefined {
  const started: unknown = Reflect.get(transport, "_serverParams");
  if (started !== null && typeof started === "object" && "command" in started && typeof started.command === "string") {
    const args: unknown = Reflect.get(started, "args");
    const env: unknown = Reflect.get(started, "env");
    const cwd: unknown = Reflect.get(started, "cwd");
    return {
      kind: "stdio",
      command: started.command,
      args: Array.isArray(args) ? args.map(String) : [],
      envNames: env !== null && typeof env === "object" ? Object.keys(env) : [],
      cwd: typeof cwd === "string" ? cwd : cwd instanceof URL ? fileURLToPath(cwd) : undefined,
    };
  }
  const url: unknown = Reflect.get(transport, "_url");
  return url instanceof URL ? { kind: "http", url: url.href } : undefined;
}

function addressOf(url: string): { readonly address: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { address: hostname, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}
