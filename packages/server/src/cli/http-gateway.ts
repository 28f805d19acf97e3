/**
 * A gateway over HTTP, as one thing: its servers, who may call, what calls are governed by, its health. What it serves follows its
 * configuration while it runs: servers that are gone are drained, servers that stay notice nothing. Made by gateway-http.ts.
 */
import type { IncomingMessage } from "node:http";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { countCalls, type CallCounts } from "../gateway/health/count-calls.ts";
import { diagnoseGateway } from "../gateway/health/diagnose-gateway.ts";
import { createPages, type ResourceMetadata } from "../gateway/health/pages.ts";
import type { GatewayReadiness } from "../gateway/health/readiness.ts";
import { LOOPBACK_NAMES, type AllowedNames } from "../gateway/http/admit-request.ts";
import { serveGateway, type Identified, type ServedGateway } from "../gateway/http/serve-gateway.ts";
import { createMetrics, type Metrics } from "../metrics/metrics.ts";
import type { ControlLink } from "./control-link.ts";
import { watchHealth, type GatewayHealth } from "./gateway-health.ts";
import { openGovernances, type Governances } from "./governances.ts";
import { createCallers, type CalledServer, type Callers } from "./http-callers.ts";
import { ServedServers } from "./served-servers.ts";

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

export class HttpGateway {
  readonly #options: HttpGatewayOptions;
  readonly #metrics: Metrics = createMetrics();
  readonly #counts: CallCounts = countCalls(this.#metrics);
  readonly #governances: Governances;
  readonly #health: GatewayHealth;
  readonly #callers: Callers;
  readonly #servers: ServedServers;
  #config: GatewayConfig;
  #names: AllowedNames;
  #front: ServedGateway | undefined;
  #ending: Promise<void> | undefined;

  private constructor(config: GatewayConfig, options: HttpGatewayOptions) {
    const { directory, link, user, env, onWarning } = options;
    const { around } = this.#counts;
    this.#options = options;
    this.#config = config;
    this.#names = namesOf(config);
    this.#governances = openGovernances({ directory, link, max: config.limits.credentials * 2, around, onWarning });
    this.#health = watchHealth({ link, governances: this.#governances, around, metrics: this.#metrics, onWarning });
    this.#callers = createCallers({ link, governances: this.#governances, user });
    this.#servers = new ServedServers({ directory, env, onWarning });
    this.#addGauges();
  }

  /** Resolves once it serves; the canary was flown before. Rejects where the address cannot be had; throws TypeError where tokens cannot be trusted. */
  static async start(config: GatewayConfig, options: HttpGatewayOptions): Promise<HttpGateway> {
    const gateway = new HttpGateway(config, options);
    try {
      gateway.#take(config);
      await gateway.#health.prove();
      gateway.#front = await serveGateway(gateway.#served());
      return gateway;
    } catch (error) {
      await gateway.#servers.close();
      await gateway.#end();
      throw error;
    }
  }

  /** Where it listens. */
  get origin(): string {
    return `http://${hostText(this.#config.listen.host)}:${this.#front?.port}`;
  }

  /** Where this machine reaches it. */
  get localOrigin(): string {
    return isWildcard(this.#config.listen.host) ? `http://127.0.0.1:${this.#front?.port}` : this.origin;
  }

  /** Of each server, as its clients write it. */
  addresses(): readonly { readonly name: string; readonly url: string }[] {
    const { publicUrl } = this.#config;
    const base = publicUrl === undefined ? this.localOrigin : withoutSlash(publicUrl);
    return this.#servers.all().map(({ server: { name } }) => ({ name, url: `${base}/${encodeURIComponent(name)}/mcp` }));
  }

  /** Of all servers as one; undefined where they are not joined. */
  joinedAddress(): string | undefined {
    const { publicUrl } = this.#config;
    return this.#servers.isJoined ? `${publicUrl === undefined ? this.localOrigin : withoutSlash(publicUrl)}/mcp` : undefined;
  }

  readiness(): GatewayReadiness {
    return this.#health.readiness();
  }

  /**
   * Goes on by this configuration, but for what needs a start: where it listens, its limits, its control plane. Resolves when what is gone
   * has ended. Throws TypeError, and changes nothing, where it cannot be.
   */
  async apply(next: GatewayConfig): Promise<void> {
    const { listen, limits, controlPlane } = this.#config;
    this.#take({ ...next, listen, limits, controlPlane });
    const gone = this.#front?.replace(this.#servers.endpoints()) ?? [];
    const left = gone.map((endpoint) => this.#servers.leave(endpoint, next.drainMs));
    await this.#health.prove();
    await Promise.all(left);
  }

  /** Why the newest configuration is not in force. */
  refused(problem: string): void {
    this.#health.configurationProblem = problem;
  }

  /** Takes no new calls, lets those under way go on, at most for the configured time, and ends. */
  async drain(): Promise<void> {
    this.#health.isDraining = true;
    this.#servers.leaveWaiting();
    await this.#front?.drain(this.#config.drainMs);
    await this.#end();
  }

  async close(): Promise<void> {
    this.#health.isDraining = true;
    await this.#front?.close();
    await this.#end();
  }

  #take(config: GatewayConfig): void {
    this.#callers.configure(config);
    this.#servers.take(config);
    this.#config = config;
    this.#names = namesOf(config);
    this.#health.judgedBy([...config.servers.values()].map(({ policies }) => policies));
    this.#health.configurationProblem = undefined;
  }

  #served(): Parameters<typeof serveGateway>[0] {
    const { listen, limits } = this.#config;
    const config = (): GatewayConfig => this.#config;
    const names = (): AllowedNames => this.#names;
    return {
      host: listen.host,
      port: listen.port,
      endpoints: this.#servers.endpoints(),
      identify: (request) => this.#identify(request),
      // Read with each request: it follows the configuration.
      get names() {
        return names();
      },
      pages: createPages({
        readiness: () => this.#health.readiness(),
        details: () => this.#details(),
        metrics: () => this.#metrics.text(),
        resource: (path, request) => this.#resource(path, request),
        trustedHosts: () => config().allowedHosts,
      }),
      limits: { maxBodyBytes: limits.messageBytes, maxConnections: limits.connections },
      onWarning: this.#options.onWarning,
    };
  }

  #identify(request: IncomingMessage): Identified | Promise<Identified> {
    if (!this.#health.isProved) return { kind: "refused", refusal: { status: 503, reason: "it is not proved that a blocked call is blocked here, so nothing is served" } };
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const name = this.#servers.at(path)?.server.name;
    return this.#callers.identify(request, () => resourceOf(request, path, this.#config), (server) => this.#called(server ?? name));
  }

  #called(name: string | undefined): CalledServer {
    const served = name === undefined ? undefined : this.#servers.named(name);
    if (served === undefined) throw new Error("this server is not served here any more");
    return { policies: served.server.policies, leaving: served.leaving.signal };
  }

  /** RFC 9728. `path`: of the endpoint; empty: of the gateway as a whole. */
  #resource(path: string, request: IncomingMessage): ResourceMetadata | undefined {
    const { oauth } = this.#callers;
    const isWhole = path === "" || path === "/";
    if (oauth === undefined || (!isWhole && this.#servers.at(path) === undefined && !(path === "/mcp" && this.#servers.isJoined))) return undefined;
    const resource = resourceOf(request, isWhole ? "/" : path, this.#config);
    const scopes = oauth.scopes.length === 0 ? {} : { scopes_supported: oauth.scopes };
    return { resource: isWhole ? resource.origin : resource.href, authorization_servers: [oauth.issuer], bearer_methods_supported: ["header"], ...scopes };
  }

  #details(): object {
    const governed = this.#governances.status();
    const { joinedSessions } = this.#servers;
    return {
      servers: this.#servers.all().map(({ server, endpoint, state }) => ({ name: server.name, kind: server.upstream.kind, sessions: endpoint.sessions ?? null, connections: state.connections, failures: state.failures, policies: server.policies ?? null })),
      joined: joinedSessions === undefined ? null : { sessions: joinedSessions },
      policies: governed.map(({ policies, status }) => ({ file: policies ?? null, size: status.policies.size, digest: status.policies.digest })),
      calls: { open: this.#counts.open, held: this.#counts.held },
      diagnoses: diagnoseGateway({ config: this.#config, readiness: this.#health.readiness(), fileMode: this.#options.fileMode() }),
    };
  }

  #addGauges(): void {
    const each = (read: (served: ReturnType<ServedServers["all"]>[number]) => number) => () => this.#servers.all().map((served) => [{ server: served.server.name }, read(served)] as const);
    this.#metrics.gauge("countersign_gateway_sessions", "Open sessions of clients, by server", each(({ endpoint }) => endpoint.sessions ?? 0));
    this.#metrics.gauge("countersign_gateway_joined_sessions", "Open sessions of clients of all servers as one, where they are joined", () => {
      const { joinedSessions } = this.#servers;
      return joinedSessions === undefined ? [] : [[{}, joinedSessions]];
    });
    this.#metrics.gauge("countersign_gateway_upstream_connections", "Open connections to servers, and processes of them", each(({ state }) => state.connections));
    this.#metrics.gauge("countersign_gateway_upstream_failures", "How often a server could not be started or reached", each(({ state }) => state.failures));
    this.#metrics.gauge("countersign_gateway_governances", "What calls are governed by: open, for each credential and policy file", () => [[{}, this.#governances.size]]);
  }

  #end(): Promise<void> {
    return (this.#ending ??= this.#endNow());
  }

  async #endNow(): Promise<void> {
    this.#callers.close();
    this.#health.close();
    await this.#servers.left();
    await this.#options.link?.close();
    await this.#governances.close();
  }
}

/**
 * The address of an endpoint, as its clients write it. The front has made sure that the Host is one of ours; its port is the one that was
 * reached: a token for something else on this host, at another port, is none for us, whatever the header says.
 */
function resourceOf({ headers, socket }: IncomingMessage, path: string, { publicUrl }: GatewayConfig): URL {
  const base = publicUrl === undefined ? `http://${URL.parse(`http://${headers.host}`)?.hostname ?? "localhost"}:${socket.localPort}` : withoutSlash(publicUrl);
  return new URL(URL.canParse(`${base}${path}`) ? `${base}${path}` : base);
}

function namesOf({ listen, publicUrl, allowedHosts, allowedOrigins }: GatewayConfig): AllowedNames {
  const own = isWildcard(listen.host) ? [] : [hostText(listen.host)];
  const hosts = [...LOOPBACK_NAMES, ...own, ...(publicUrl === undefined ? [] : [publicUrl.hostname]), ...allowedHosts].map((name) => name.toLowerCase());
  return { hosts, origins: [...hosts, ...allowedOrigins.map((origin) => new URL(origin).hostname)] };
}

function withoutSlash({ href }: URL): string {
  return href.replace(/\/$/, "");
}

function hostText(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
