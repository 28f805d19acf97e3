/**
 * A gateway over HTTP, as one thing: its servers, who may call, what calls are governed by, its health. What it serves follows its
 * configuration while it runs: servers that are gone are drained, servers that stay notice nothing. Made by gateway-http.ts.
 */
import type { IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { GatewayConfig, ServerConfig } from "../config/gateway-config.ts";
import { countCalls } from "../gateway/health/count-calls.ts";
import { diagnoseGateway } from "../gateway/health/diagnose-gateway.ts";
import { createPages, type ResourceMetadata } from "../gateway/health/pages.ts";
import type { GatewayReadiness } from "../gateway/health/readiness.ts";
import { LOOPBACK_NAMES, type AllowedNames } from "../gateway/http/admit-request.ts";
import type { ServedEndpoint } from "../gateway/http/routes.ts";
import { serveGateway, type Identified, type ServedGateway } from "../gateway/http/serve-gateway.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { buildEndpoint, type BuiltEndpoint } from "./build-endpoint.ts";
import type { ControlLink } from "./control-link.ts";
import { watchHealth } from "./gateway-health.ts";
import { openGovernances } from "./governances.ts";
import { createCallers } from "./http-callers.ts";

export interface HttpGatewayOptions {
  /** Of the record. */
  readonly directory: string;
  readonly link: ControlLink | undefined;
  /** The id of local clients' user. */
  readonly user: string;
  readonly env: NodeJS.ProcessEnv;
  /** Mode bits of the configuration file, for `doctor`. */
  readonly fileMode: () => number | undefined;
  readonly onWarning: (message: string) => void;
}

export interface HttpGateway {
  /** Where it listens: `http://HOST:PORT`. */
  readonly origin: string;
  /** Of each server. */
  addresses(): readonly { readonly name: string; readonly url: string }[];
  readiness(): GatewayReadiness;
  /** Goes on by this configuration. Resolves when what is gone was drained. Throws TypeError, and changes nothing, where it cannot be. */
  apply(config: GatewayConfig): Promise<void>;
  /** Why the newest configuration is not in force. */
  refused(problem: string): void;
  /** Takes no new calls, finishes those under way, at most for the configured time, and ends. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

interface Served extends BuiltEndpoint {
  readonly server: ServerConfig;
}

/** Resolves once it serves, and the canary was flown before. */
export async function startHttpGateway(first: GatewayConfig, options: HttpGatewayOptions): Promise<HttpGateway> {
  const { directory, link, user, env, fileMode, onWarning } = options;
  const metrics = createMetrics();
  const { around } = countCalls(metrics);
  const governances = openGovernances({ directory, link, max: first.limits.credentials * 2, around, onWarning });
  const health = watchHealth({ link, governances, around, metrics, onWarning });
  const callers = createCallers({ link, governances, user });
  let config = first;
  let served: ReadonlyMap<string, Served> = new Map();
  let front: ServedGateway | undefined;
  const leaving = new Set<Promise<void>>();

  function take(next: GatewayConfig): void {
    callers.configure(next);
    served = new Map([...next.servers].map(([name, server]) => [name, keep(name, server) ?? { server, ...buildEndpoint(server, { env, limits: next.limits, onWarning }) }]));
    config = next;
    health.judgedBy([...next.servers.values()].map(({ policies }) => policies));
    health.configurationProblem = undefined;
  }

  /** A server whose entry says what it said stays as it is, sessions and all. Other policies are no other server. */
  function keep(name: string, next: ServerConfig): Served | undefined {
    const before = served.get(name);
    if (before === undefined || !isDeepStrictEqual({ ...before.server, policies: undefined }, { ...next, policies: undefined })) return undefined;
    return { ...before, server: next };
  }

  const endpoints = (): readonly ServedEndpoint[] => [...served].map(([name, { endpoint }]) => ({ name, endpoint }));
  const nameAt = (path: string): string | undefined => {
    if (path === "/mcp" && served.size === 1) return [...served.keys()][0];
    const named = /^\/([^/]+)\/mcp$/.exec(path)?.[1];
    return named === undefined ? undefined : [...served.keys()].find((name) => encodeURIComponent(name) === named);
  };

  function identify(request: IncomingMessage): Identified | Promise<Identified> {
    const path = pathOf(request);
    const name = nameAt(path);
    if (!health.isProved) return { kind: "refused", refusal: { status: 503, reason: "it is not proved that a blocked call is blocked here, so nothing is served" } };
    return callers.identify(request, resourceOf(request, path, config), () => policiesOf(name));
  }

  function policiesOf(name: string | undefined): string | undefined {
    const found = name === undefined ? undefined : served.get(name);
    if (found === undefined) throw new Error("this server is not served here any more");
    return found.server.policies;
  }

  function resource(path: string, request: IncomingMessage): ResourceMetadata | undefined {
    const { oauth } = callers;
    if (oauth === undefined || (path !== "" && path !== "/" && nameAt(path) === undefined)) return undefined;
    const scopes = oauth.scopes.length === 0 ? {} : { scopes_supported: oauth.scopes };
    return { resource: path === "" || path === "/" ? resourceOf(request, "/", config).origin : resourceOf(request, path, config).href, authorization_servers: [oauth.issuer], bearer_methods_supported: ["header"], ...scopes };
  }

  const details = (): object => ({
    servers: [...served.values()].map(({ server, endpoint, state }) => ({ name: server.name, kind: server.upstream.kind, sessions: endpoint.sessions ?? null, connections: state.connections, failures: state.failures, policies: server.policies ?? null })),
    policies: governances.status().map(({ policies, status }) => ({ file: policies ?? null, size: status.policies.size, digest: status.policies.digest })),
    credentials: governances.size,
    diagnoses: diagnoseGateway({ config, readiness: health.readiness(), fileMode: fileMode() }),
  });
  metrics.gauge("countersign_gateway_sessions", "Open sessions of clients, by server", () => [...served].map(([server, { endpoint }]) => [{ server }, endpoint.sessions ?? 0] as const));
  metrics.gauge("countersign_gateway_upstream_connections", "Open connections and processes of servers", () => [...served].map(([server, { state }]) => [{ server }, state.connections] as const));
  metrics.gauge("countersign_gateway_upstream_failures", "Servers that could not be started or reached, since the start", () => [...served].map(([server, { state }]) => [{ server }, state.failures] as const));
  metrics.gauge("countersign_gateway_credentials", "What calls are governed by: open, by credential and policy file", () => [[{}, governances.size]]);

  async function endAll(): Promise<void> {
    callers.close();
    health.close();
    await Promise.all(leaving);
    await link?.close();
    await governances.close();
  }

  try {
    take(first);
    await health.prove();
    front = await serveGateway({
      host: first.listen.host,
      port: first.listen.port,
      endpoints: endpoints(),
      identify,
      get names() {
        return namesOf(config);
      },
      pages: createPages({ readiness: () => health.readiness(), details, metrics: () => metrics.text(), resource, trustedHosts: () => config.allowedHosts }),
      limits: { maxBodyBytes: first.limits.messageBytes, maxConnections: first.limits.connections },
      onWarning,
    });
  } catch (error) {
    await Promise.all([...served.values()].map(({ endpoint }) => endpoint.close()));
    await endAll();
    throw error;
  }
  const listening = front;
  const origin = `http://${hostText(first.listen.host)}:${listening.port}`;

  return {
    origin,
    addresses: () => [...served.keys()].map((name) => ({ name, url: `${config.publicUrl === undefined ? origin : config.publicUrl.href.replace(/\/$/, "")}/${encodeURIComponent(name)}/mcp` })),
    readiness: () => health.readiness(),
    async apply(next) {
      const { drainMs } = next;
      take(next);
      const gone = listening.replace(endpoints()).map((endpoint) => leave(endpoint, drainMs));
      await health.prove();
      await Promise.all(gone);
    },
    refused: (problem) => void (health.configurationProblem = problem),
    async drain() {
      health.isDraining = true;
      await listening.drain(config.drainMs);
      await endAll();
    },
    async close() {
      health.isDraining = true;
      await listening.close();
      await endAll();
    },
  };

  function leave(endpoint: BuiltEndpoint["endpoint"], drainMs: number): Promise<void> {
    const left = drained(endpoint, drainMs).finally(() => leaving.delete(left));
    leaving.add(left);
    return left;
  }
}

async function drained(endpoint: BuiltEndpoint["endpoint"], drainMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, drainMs);
  await Promise.race([endpoint.drain(), promise]);
  clearTimeout(timer);
  await endpoint.close();
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}

/** The front has made sure that the Host is one of ours. */
function resourceOf({ headers }: IncomingMessage, path: string, { publicUrl }: GatewayConfig): URL {
  const base = publicUrl === undefined ? `http://${headers.host ?? "localhost"}` : publicUrl.href.replace(/\/$/, "");
  return new URL(URL.canParse(path, base) ? `${base}${path}` : base);
}

function namesOf({ listen, publicUrl, allowedHosts, allowedOrigins }: GatewayConfig): AllowedNames {
  const own = ["0.0.0.0", "::"].includes(listen.host) ? [] : [hostText(listen.host)];
  const hosts = [...LOOPBACK_NAMES, ...own, ...(publicUrl === undefined ? [] : [publicUrl.hostname]), ...allowedHosts].map((name) => name.toLowerCase());
  return { hosts, origins: [...hosts, ...allowedOrigins.map((origin) => new URL(origin).hostname)] };
}

function hostText(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
