/** The servers that a gateway serves now, each with its endpoint: what a change of the configuration makes of them. Used by http-gateway.ts. */
import { isDeepStrictEqual } from "node:util";
import { joinedServers, type GatewayConfig, type ServerConfig } from "../config/gateway-config.ts";
import type { HttpEndpoint } from "../gateway/http/http-endpoint.ts";
import { createJoinedEndpoint } from "../gateway/joined/joined-endpoint.ts";
import { JoinedServers } from "../gateway/joined/joined-servers.ts";
import type { ServedEndpoint } from "../gateway/http/routes.ts";
import { buildEndpoint, type BuildPorts, type BuiltEndpoint } from "./build-endpoint.ts";

export interface Served extends BuiltEndpoint {
  readonly server: ServerConfig;
  /** Aborted when it is about to end, or to be judged by other policies. */
  readonly leaving: AbortController;
}

export class ServedServers {
  readonly #ports: Omit<BuildPorts, "limits">;
  readonly #leaving = new Set<Promise<void>>();
  #served: ReadonlyMap<string, Served> = new Map();
  #joined: { readonly servers: JoinedServers; readonly endpoint: HttpEndpoint } | undefined;

  constructor(ports: Omit<BuildPorts, "limits">) {
    this.#ports = ports;
  }

  all(): readonly Served[] {
    return [...this.#served.values()];
  }

  endpoints(): readonly ServedEndpoint[] {
    const own = this.all().map(({ server: { name }, endpoint }) => ({ name, endpoint }));
    return this.#joined === undefined ? own : [...own, { name: undefined, endpoint: this.#joined.endpoint }];
  }

  /** All of them are served as one too. */
  get isJoined(): boolean {
    return this.#joined !== undefined;
  }

  /** Open sessions of clients of all of them as one; undefined where they are not joined. */
  get joinedSessions(): number | undefined {
    return this.#joined === undefined ? undefined : (this.#joined.endpoint.sessions ?? 0);
  }

  /** Those that are gone are still served by whoever serves them: `leave` ends them. */
  take(config: Pick<GatewayConfig, "servers" | "limits" | "join" | "drainMs">): void {
    const { servers, limits } = config;
    const before = this.all();
    this.#served = new Map([...servers].map(([name, server]) => [name, this.#kept(name, server) ?? { server, leaving: new AbortController(), ...buildEndpoint(server, { ...this.#ports, limits }) }]));
    for (const { leaving } of before) if (this.all().every((one) => one.leaving !== leaving)) leaving.abort();
    this.#join(config);
  }

  /** By a path such as /NAME/mcp, or /mcp where there is one alone. */
  at(path: string): Served | undefined {
    if (path === "/mcp") return this.#served.size === 1 ? this.all()[0] : undefined;
    return this.all().find(({ server: { name } }) => path === `/${encodeURIComponent(name)}/mcp`);
  }

  named(name: string): Served | undefined {
    return this.#served.get(name);
  }

  /** Takes no new calls, lets those under way go on, at most so long, and ends. */
  leave(endpoint: HttpEndpoint, withinMs: number): Promise<void> {
    const left = drained(endpoint, withinMs).finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
    return left;
  }

  /** Who waits for people is answered now. */
  leaveWaiting(): void {
    for (const { leaving } of this.all()) leaving.abort();
  }

  /** Resolves when those that were left have ended. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving);
  }

  /** Where nobody serves them yet. */
  async close(): Promise<void> {
    await Promise.all(this.endpoints().map(({ endpoint }) => endpoint.close()));
  }

  /** As one, where there are several. */
  #join(config: Pick<GatewayConfig, "servers" | "limits" | "join" | "drainMs">): void {
    const joined = config.servers.size > 1 ? joinedServers(config).flatMap(({ name }) => this.named(name)?.joined ?? []) : [];
    if (joined.length === 0) this.#joined = undefined;
    else if (this.#joined !== undefined) this.#joined.servers.replace(joined);
    else {
      const servers = new JoinedServers(joined);
      const { limits, drainMs: leaveMs } = config;
      this.#joined = { servers, endpoint: createJoinedEndpoint({ servers, limits, joinedLimits: { leaveMs }, onWarning: this.#ports.onWarning }) };
    }
  }

  /** A server whose entry says what it said stays as it is, sessions and all. Other policies make no other server, but a yes under those before is none any more. */
  #kept(name: string, next: ServerConfig): Served | undefined {
    const before = this.#served.get(name);
    if (before === undefined || !isDeepStrictEqual(entryOf(before.server), entryOf(next))) return undefined;
    return { ...before, server: next, ...(before.server.policies === next.policies ? {} : { leaving: new AbortController() }) };
  }
}

function entryOf(server: ServerConfig): object {
  return { ...server, policies: undefined, join: undefined };
}

async function drained(endpoint: HttpEndpoint, withinMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  await Promise.race([endpoint.drain(), promise]);
  clearTimeout(timer);
  await endpoint.close();
}
