/**
 * The control plane as one object: resources behind the HTTP API on a listening socket, with an end in good order. Reads no
 * configuration and takes no lock: `countersign up` does that, opens the store, and hands over what is used here.
 */
import type { Limits } from "./http/limits.ts";
import { createApp } from "./http/app.ts";
import { BINDINGS } from "./http/bindings.ts";
import { createEventHub } from "./http/events.ts";
import { createHealth } from "./http/health.ts";
import { createHttpServer } from "./http/http-server.ts";
import { DEFAULT_LIMITS } from "./http/limits.ts";
import type { Metrics } from "./http/metrics.ts";
import { createNewsOf } from "./http/news.ts";
import { buildOpenApi } from "./http/openapi.ts";
import { createRateLimiter } from "./http/rate-limit.ts";
import { ownNames } from "./http/request-head.ts";
import type { OwnNames } from "./http/request-head.ts";
import type { Services } from "./http/services.ts";
import type { ServePorts } from "./http/serve-route.ts";
import { REQUEST_STATES } from "../store/entity/approval-request.ts";
import type { Store } from "../store/store.ts";
import type { Ledger } from "./ledger.ts";
import type { Requests } from "./request/requests.ts";

export interface ControlPlaneParts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly services: Services & { readonly requests: Requests };
  readonly metrics: Metrics;
}

export interface ControlPlaneOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** URLs under which people and agents reach this, beside the loopback names. */
  readonly publicUrls?: readonly string[];
  /** Addresses of proxies whose `X-Forwarded-For` counts. */
  readonly trustedProxies?: readonly string[];
  readonly version: string;
  readonly limits?: Limits;
  /** How long requests under way may take when it closes. Default 5,000. */
  readonly closeWaitMs?: number;
  /** What nobody expected. Default: one line on standard error. */
  readonly onError?: (error: unknown, route: string) => void;
}

export interface ControlPlane {
  /** Answers the URL on this machine. */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /** Ends streams and waits, then the socket, then the ledger and the store. Safe to call again. */
  close(): Promise<void>;
}

export function openControlPlane(parts: ControlPlaneParts, options: ControlPlaneOptions): ControlPlane {
  const { store, ledger, services, metrics } = parts;
  const { host = "127.0.0.1", limits = DEFAULT_LIMITS, publicUrls = [], closeWaitMs = 5000, onError = printError } = options;
  let names: OwnNames = ownNames(options.port, publicUrls);
  const closing = new AbortController();
  const hub = createEventHub(newsSourceOf(parts), limits.streams);
  const ready = createHealth({ ledger, readStore: async () => (await store.read(ledger.tenant, [])).now, wallClock: Date.now });
  const openApiText = once(() => JSON.stringify(buildOpenApi(BINDINGS, options.version)));
  addGauges(parts, hub);
  const app = createApp({
    services,
    metrics,
    limits,
    names: () => names,
    rates: ratesOf(limits),
    trustedProxies: new Set(options.trustedProxies),
    closing: closing.signal,
    onError,
    system: { ready, openApiText, metricsText: () => metrics.text(), openStream: (seat) => hub.open(seat) },
  });
  const server = createHttpServer(app, limits);
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    const ended = server.close(closeWaitMs); // from here on nobody new comes in
    closing.abort();
    services.requests.close();
    hub.close();
    await ended;
    await ledger.close();
    await store.close();
  }

  return {
    async listen() {
      const { port } = await server.listen(host, options.port);
      names = ownNames(port, publicUrls);
      const shown = host.includes(":") ? `[${host}]` : host;
      return { url: `http://${shown}:${port}`, port };
    },
    close: () => (closed ??= close()),
  };
}

function newsSourceOf({ store, ledger, services }: ControlPlaneParts): Parameters<typeof createEventHub>[0] {
  return {
    installationId: store.installationId,
    head: () => ledger.head.seq,
    now: () => ledger.resident.now,
    onRows: (listener) => ledger.onRows(listener),
    readRows: ({ after, limit }) => store.readRecord({ tenant: ledger.tenant, after, limit }),
    newsOf: createNewsOf(services.requests, ledger),
  };
}

function addGauges({ store, ledger, services, metrics }: ControlPlaneParts, hub: { readonly size: number; readonly dropped: number }): void {
  metrics.gauge("countersign_requests", "Approval requests by state", () =>
    Promise.all(REQUEST_STATES.map(async (state) => [{ state }, await store.count(ledger.tenant, "approval", { state })] as const)),
  );
  metrics.gauge("countersign_waiting_callers", "Callers that wait for a request to move", () => [[{}, services.requests.waiting]]);
  metrics.gauge("countersign_event_streams", "Open streams of live events", () => [[{}, hub.size]]);
  metrics.gauge("countersign_event_streams_dropped", "Streams ended because they read too slowly", () => [[{}, hub.dropped]]);
  metrics.gauge("countersign_record_seq", "Seq of the last row of the record", () => [[{}, ledger.head.seq]]);
  const rows = metrics.counter("countersign_rows_total", "Rows of the record seen by this process, by kind and event");
  ledger.onRows((lines) => {
    for (const { type, event } of lines) rows.add({ type, event: event ?? "" });
  });
}

function ratesOf({ rates }: Limits): ServePorts["rates"] {
  const now = (): number => performance.now();
  return {
    key: createRateLimiter(rates.key, now),
    person: createRateLimiter(rates.person, now),
    operator: createRateLimiter(rates.operator, now),
    stranger: createRateLimiter(rates.stranger, now),
    signIn: createRateLimiter(rates.signIn, now),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function printError(error: unknown, route: string): void {
  process.stderr.write(`countersign: ${route}: ${error instanceof Error ? (error.stack ?? error.message) : "unknown error"}\n`);
}
