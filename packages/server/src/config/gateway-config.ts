/** A gateway's configuration as the program uses it: every default filled in, every path absolute. Made by read-gateway-document.ts. */
import type { ClientOAuth } from "./gateway-document.ts";

export interface GatewayConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where clients reach it; undefined: where it listens. */
  readonly publicUrl: URL | undefined;
  readonly servers: ReadonlyMap<string, ServerConfig>;
  /** Whether several servers are served as one too. */
  readonly join: boolean;
  readonly controlPlane: "none" | { readonly url: string; readonly apiKey: string } | undefined;
  readonly clients: ClientsConfig;
  /** The agent's name for local clients. */
  readonly agent: string;
  readonly drainMs: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly limits: GatewayLimits;
}

export interface ClientsConfig {
  readonly local: boolean;
  readonly keys: boolean;
  readonly oauth: ClientOAuth | undefined;
}

export interface GatewayLimits {
  readonly messageBytes: number;
  readonly connections: number;
  readonly sessions: number;
  readonly credentials: number;
}

export interface ServerConfig {
  readonly name: string;
  readonly upstream: StdioUpstream | HttpUpstream;
  /** Absolute. Undefined: the policies of the control plane. */
  readonly policies: string | undefined;
  readonly holdMs: number;
  readonly unknownMethods: "pass" | "block";
  /** Among those that are served as one. */
  readonly join: boolean;
}

export interface StdioUpstream {
  readonly kind: "stdio";
  readonly command: string;
  readonly args: readonly string[];
  /** What the document sets; see `serverEnvironment` for what else it is started with. */
  readonly env: { readonly [name: string]: string };
  readonly cwd: string;
  /** It gets all of the gateway's own environment, as one that the gateway stands in the place of. */
  readonly inherits?: boolean;
}

export interface HttpUpstream {
  readonly kind: "http";
  readonly url: string;
  readonly transport: "auto" | "http" | "sse";
  readonly headers: { readonly [name: string]: string };
  /** False: where it asks for a sign-in, that is said, and nothing else. */
  readonly oauth: boolean | { readonly clientId: string; readonly clientSecret: string; readonly issuer: string; readonly scopes?: readonly string[] | undefined };
}

export const DEFAULT_LISTEN = Object.freeze({ host: "127.0.0.1", port: 7434 });
export const DEFAULT_LIMITS: GatewayLimits = Object.freeze({ messageBytes: 10 * 1024 * 1024, connections: 2_000, sessions: 200, credentials: 200 });
export const DEFAULT_HOLD_MS = 45_000;
export const DEFAULT_DRAIN_MS = 10_000;

/** Those that are served as one: at /mcp where there are several, and over standard streams. */
export function joinedServers({ join, servers }: Pick<GatewayConfig, "join" | "servers">): readonly ServerConfig[] {
  return join ? [...servers.values()].filter((server) => server.join) : [];
}
