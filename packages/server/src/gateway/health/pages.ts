/**
 * What a gateway serves beside its endpoints: whether it lives and may serve, what it counts, and where its OAuth tokens come from (RFC
 * 9728). Nothing here needs a credential, so strangers learn little: what names servers or files is for this machine, and for hosts that
 * the operator named.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isFromHere, METADATA_PATH } from "../identity/identify-caller.ts";
import type { GatewayReadiness } from "./readiness.ts";

export interface PagesOptions {
  readonly readiness: () => GatewayReadiness;
  /** More than whether it is ready, for operators. Holds no secret and nothing of a call. */
  readonly details: () => object;
  readonly metrics: () => Promise<string>;
  /** Undefined where no OAuth tokens count, or the path is none of an endpoint. */
  readonly resource: (path: string, request: IncomingMessage) => ResourceMetadata | undefined;
  /** Hosts, besides this machine, that may look at details: as in Host, without a port. */
  readonly trustedHosts: () => readonly string[];
}

export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly bearer_methods_supported: readonly ["header"];
  readonly scopes_supported?: readonly string[];
}

const JSON_TYPE = "application/json";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** True where the request was for one of them, which is answered then. */
export function createPages({ readiness, details, metrics, resource, trustedHosts }: PagesOptions): (request: IncomingMessage, response: ServerResponse) => boolean {
  const isTrusted = (request: IncomingMessage): boolean => isFromHere(request) || trustedHosts().includes(hostOf(request));

  async function writeMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      write(request, response, 200, METRICS_TYPE, await metrics());
    } catch {
      write(request, response, 500, JSON_TYPE, '{"error":"the figures cannot be read"}');
    }
  }

  return (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const isMetadata = path === METADATA_PATH || path.startsWith(`${METADATA_PATH}/`);
    if (!isMetadata && path !== "/healthz" && path !== "/readyz" && path !== "/metrics") return false;
    if (request.method !== "GET" && request.method !== "HEAD") return write(request, response, 405, JSON_TYPE, '{"error":"GET only"}', { allow: "GET, HEAD" });
    if (path === "/healthz") return write(request, response, 200, JSON_TYPE, '{"status":"ok"}');
    if (path === "/readyz") {
      const { ready, conditions } = readiness();
      const body = isTrusted(request) ? { ready, conditions, ...details() } : { ready, conditions: conditions.map(({ mode }) => ({ mode })) };
      return write(request, response, ready ? 200 : 503, JSON_TYPE, JSON.stringify(body));
    }
    if (path === "/metrics") {
      if (!isTrusted(request)) return write(request, response, 403, JSON_TYPE, '{"error":"for this machine, and for hosts in allowedHosts"}');
      void writeMetrics(request, response);
      return true;
    }
    const found = resource(path.slice(METADATA_PATH.length), request);
    return found === undefined ? write(request, response, 404, JSON_TYPE, '{"error":"no OAuth tokens count here"}') : write(request, response, 200, JSON_TYPE, JSON.stringify(found));
  };
}

function write(request: IncomingMessage, response: ServerResponse, status: number, type: string, body: string, headers: Record<string, string> = {}): true {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body), "cache-control": "no-store", "x-content-type-options": "nosniff", ...headers });
  response.end(request.method === "HEAD" ? undefined : body);
  return true;
}

function hostOf({ headers }: IncomingMessage): string {
  return (headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
}
