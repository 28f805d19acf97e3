/**
 * The control plane as one object: the ledger over a store, the resources over the ledger, the HTTP API over the resources, and
 * an end in good order. Reads no configuration and takes no lock: `countersign up` does, and calls this with an open store.
 */
import type { KeyObject } from "node:crypto";
import { cookieNames } from "../auth/cookie.ts";
import type { Store } from "../store/store.ts";
import { createGrants } from "./grant/create-grants.ts";
import { createApp } from "./http/app.ts";
import { addGauges } from "./http/gauges.ts";
import { BINDINGS } from "./http/bindings.ts";
import { createEventHub } from "./http/events.ts";
import { createHealth } from "./http/health.ts";
import { createHttpServer, type HttpServer } from "./http/http-server.ts";
import { readInboxFiles } from "./http/inbox-files.ts";
import { DEFAULT_LIMITS } from "./http/limits.ts";
import type { Limits } from "./http/limits.ts";
import { measureStore } from "./http/measure-store.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { createNewsOf } from "./http/news.ts";
import { buildOpenApi } from "./http/openapi.ts";
import { createPages } from "./http/pages.ts";
import { createRates } from "./http/rate-limit.ts";
import { ownNames } from "./http/request-head.ts";
import type { Resources } from "./http/resources.ts";
import { createInsights, type Insights } from "./insights/create-insights.ts";
import { createKeys } from "./key/create-keys.ts";
import type { Ledger } from "./ledger.ts";
import { openLedger } from "./open-ledger.ts";
import { createPeople } from "./people/create-people.ts";
import type { People } from "./people/people.ts";
import { createRequests } from "./request/create-requests.ts";
import type { Requests } from "./request/requests.ts";
import { createSealer } from "./seal/sealer.ts";
import type { Sealer } from "./seal/sealer.ts";
import type { SignInsOptions } from "./sign-in/context.ts";
import { createSignIns } from "./sign-in/create-sign-ins.ts";
import { startSweeper } from "./sweeper.ts";
import { createTrials } from "./trial/trials.ts";

/** Of rows that a stream catches up with at a time. */
const NEWS_BYTES = 8 * 1024 * 1024;

/** What the other resources are made from. */
export interface Core {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly sealer: Sealer;
  readonly requests: Requests;
  /** How people reach it, once it listens. */
  readonly origin: () => string;
}
export type OtherResources = Pick<Resources, "policies" | "record" | "throttle" | "bundle" | "installation">;

export interface ControlPlaneOptions extends Pick<SignInsOptions, "plainCookies" | "operatorHash" | "oidc"> {
  /** Open; closed with the control plane, also where opening this fails. */
  readonly store: Store;
  /** 32 bytes. Arguments are sealed under it. */
  readonly installationKey: KeyObject;
  readonly others: (core: Core) => OtherResources | Promise<OtherResources>;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Tried in order; the first that is free. 0: any. */
  readonly ports: readonly number[];
  /** URLs under which people and agents reach this, beside the loopback names; links for people carry the first. */
  readonly publicUrls?: readonly string[];
  /** Addresses of proxies whose `X-Forwarded-For` counts. */
  readonly trustedProxies?: readonly string[];
  /** An installation of one machine, which starts in one-person mode. */
  readonly embedded: boolean;
  readonly version: string;
  readonly limits?: Limits;
  /** How long a claim is believed to be executed without news from its holder. Default 30,000. */
  readonly leaseMs?: number | undefined;
  /** How long requests under way may take when it closes. Default 5,000. */
  readonly closeWaitMs?: number;
  /** What nobody expected. Default: a line on standard error. */
  readonly onError?: (error: unknown, where: string) => void;
}

export interface ControlPlane extends Core {
  readonly people: People;
  /** Answers the URL on this machine. Rejects where the port is taken. */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /** Ends streams and waits, then the socket, then the ledger and the store. Safe to call again. */
  close(): Promise<void>;
}

const FORGET_EVERY_MS = 3_600_000;

/** Rejects with StoreUnavailableError or StoreError where the store does not answer. */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { host = "127.0.0.1", limits = DEFAULT_LIMITS, publicUrls = [], closeWaitMs = 5000, onError = printError, plainCookies = false } = options;
  const metrics = createMetrics();
  const store = measureStore(options.store, metrics);
  const ledger = await openLedger(store, { onProblem: (problem) => onError(problem, "ledger") }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  let port = options.ports[0] ?? 0;
  let names = ownNames(port, publicUrls);
  const own = (): string => `http://${addressOn(host)}:${port}`;
  // Not 127.0.0.1: a passkey is bound to a name.
  const origin = (): string => (publicUrls[0] === undefined ? (isOnLoopback(host) ? `http://localhost:${port}` : own()) : new URL(publicUrls[0]).origin);
  const opened = await openResources(options, store, ledger, origin).catch(async (error: unknown) => {
    await ledger.close();
    await store.close();
    throw error;
  });
  const { resources, requests } = opened;
  const closing = new AbortController();
  const hub = createEventHub(
    {
      installationId: store.installationId,
      head: () => ledger.head.seq,
      now: () => ledger.resident.now,
      onRows: (listener) => ledger.onRows(listener),
      readRows: ({ after, limit }) => store.readRecord({ tenant: ledger.tenant, after, limit, maxBytes: NEWS_BYTES }),
      newsOf: createNewsOf(requests, ledger),
    },
    limits.streams,
  );
  addGauges(metrics, { store, ledger, requests, hub });
  const ready = createHealth({ ledger, readStore: async () => (await store.read(ledger.tenant, [])).now, wallClock: Date.now });
  const openApiText = once(() => JSON.stringify(buildOpenApi(BINDINGS, options.version)));
  const app = createApp({
    resources,
    metrics,
    pages: createPages(readInboxFiles()),
    limits,
    names: () => names,
    cookieNames: () => cookieNames(origin(), plainCookies),
    rates: createRates(limits.rates, () => performance.now()),
    trustedProxies: new Set(options.trustedProxies),
    closing: closing.signal,
    onError,
    system: { ready, openApiText, metricsText: () => metrics.text(), openStream: (seat) => hub.open(seat) },
  });
  const server = createHttpServer(app, limits);
  const sweeper = startSweeper(ledger, store, { onProblem: (problem) => onError(problem, "sweeper") });
  const forgetting = setInterval(() => void opened.forget().catch((error: unknown) => onError(error, "sign-ins")), FORGET_EVERY_MS);
  forgetting.unref();

  async function close(): Promise<void> {
    clearInterval(forgetting);
    const ended = server.close(closeWaitMs); // from here on nobody new comes in
    closing.abort();
    requests.close();
    hub.close();
    await Promise.all([ended, sweeper.close(), opened.insights.close()]);
    await ledger.close();
    await store.close();
  }

  let closed: Promise<void> | undefined;
  return {
    store,
    ledger,
    sealer: opened.sealer,
    requests,
    people: resources.people,
    origin,
    async listen() {
      ({ port } = await listenOnFirst(server, host, options.ports));
      names = ownNames(port, [...publicUrls, own()]);
      return { url: own(), port };
    },
    close: () => (closed ??= close()),
  };
}

const EVERY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

/** The address by which this machine reaches what listens on `host`. */
function addressOn(host: string): string {
  return EVERY_ADDRESS[host] ?? (host.includes(":") ? `[${host}]` : host);
}

function isOnLoopback(host: string): boolean {
  return host in EVERY_ADDRESS || host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

interface Opened {
  readonly resources: Resources;
  readonly requests: Requests;
  readonly sealer: Sealer;
  readonly insights: Insights;
  /** Sign-ins that have expired. */
  forget(): Promise<void>;
}

/** The first port that nobody else has. Rejects where none is left. */
async function listenOnFirst(server: HttpServer, host: string, ports: readonly number[]): Promise<{ readonly port: number }> {
  for (const [index, port] of ports.entries()) {
    try {
      return await server.listen(host, port);
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!taken || index === ports.length - 1) throw error;
    }
  }
  throw new TypeError("at least one port is needed");
}

async function openResources(options: ControlPlaneOptions, store: Store, ledger: Ledger, origin: () => string): Promise<Opened> {
  const { embedded, plainCookies = false, operatorHash = null, oidc = null, installationKey, others, leaseMs } = options;
  const sealer = createSealer(ledger, installationKey);
  const requests = createRequests(ledger, store, sealer, { urlOf: (id) => `${origin()}/requests/${id}`, leaseMs });
  const keys = createKeys(ledger, { embedded });
  const signIns = createSignIns(ledger, store, keys, { origin, plainCookies, operatorHash, oidc });
  const insights = createInsights({ ledger, store });
  const resources: Resources = {
    ...(await others({ store, ledger, sealer, requests, origin })),
    requests,
    grants: createGrants(ledger, store, sealer),
    trials: createTrials({ ledger, store, sealer }),
    people: createPeople(ledger, { origin, embedded }),
    keys,
    signIns,
    insights,
  };
  return { resources, requests, sealer, insights, forget: () => signIns.sweep() };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function printError(error: unknown, where: string): void {
  process.stderr.write(`countersign: ${where}: ${error instanceof Error ? (error.stack ?? error.message) : "unknown error"}\n`);
}
