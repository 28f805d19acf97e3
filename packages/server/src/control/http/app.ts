/**
 * The control plane's HTTP API and the pages of the inbox. Serves ROUTES and PAGES of `@countersign/sdk/wire` and nothing else; who may
 * use what is in that list, what a request must look like is in the schemas, what happens is in the resources. serve-route.ts is one
 * request as a straight line. Made by open-control-plane.ts.
 */
import type { HttpBindings } from "@hono/node-server";
import { ROUTES } from "@countersign/sdk/wire";
import type { Route, RouteName } from "@countersign/sdk/wire";
import { Hono } from "hono";
import type { Context } from "hono";
import { refuse } from "../refusal.ts";
import type { Refusal } from "../refusal.ts";
import { BINDINGS } from "./bindings.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { Pages } from "./pages.ts";
import { problemResponse } from "./problem-response.ts";
import { checkOrigin, readHead } from "./request-head.ts";
import type { ReadHead } from "./request-head.ts";
import { securityHeaders } from "./security-headers.ts";
import { isSecure, serveRoute } from "./serve-route.ts";
import type { ServePorts } from "./serve-route.ts";

type Env = { Bindings: HttpBindings };
export interface AppPorts extends ServePorts {
  readonly metrics: Metrics;
  readonly pages: Pages;
}
export type App = Hono<Env>;

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60] as const;
/** Ids, digests, names of ours and of authenticators; nothing that could be a path of its own. */
const ID = /^[\w.:-]{1,1400}$/;
const NAMES = Object.keys(ROUTES) as readonly RouteName[]; // the keys of ROUTES are the names

export function createApp(ports: AppPorts): App {
  const app = new Hono<Env>({ strict: true });
  const requests = ports.metrics.counter("countersign_http_requests_total", "HTTP requests by route and status");
  const seconds = ports.metrics.histogram("countersign_http_seconds", "Seconds to the answer's first byte by route; waiting included", SECONDS);

  async function answer(context: Context<Env>, route: RouteName | undefined): Promise<Response> {
    const started = performance.now();
    const read = readHead(context.env.incoming, ports.limits);
    const said = await answerOf(context, route, read);
    // A stream has written its own head.
    if (said.headers.get("x-hono-already-sent") === null) {
      const secure = read.ok && isSecure(read.head, ports.names());
      for (const [name, value] of Object.entries(securityHeaders("api", secure))) said.headers.set(name, value);
      if (!context.env.incoming.readableEnded && hasBody(read)) said.headers.set("connection", "close");
    }
    requests.add({ route: route ?? "none", status: String(said.status) });
    seconds.observe((performance.now() - started) / 1000, { route: route ?? "none" });
    return said;
  }

  async function answerPage(context: Context<Env>): Promise<Response> {
    const read = readHead(context.env.incoming, ports.limits);
    const said = await pageOf(context, read);
    const response = said instanceof Response ? said : problemResponse(said);
    const secure = read.ok && isSecure(read.head, ports.names());
    // A refusal is data, like the API's.
    const kept = response.headers.get("cache-control");
    for (const [name, value] of Object.entries(securityHeaders(kept === null ? "api" : "page", secure))) response.headers.set(name, value);
    if (!context.env.incoming.readableEnded && hasBody(read)) response.headers.set("connection", "close");
    requests.add({ route: "page", status: String(response.status) });
    return response;
  }

  async function pageOf(context: Context<Env>, read: ReadHead): Promise<Response | Refusal> {
    if (!read.ok) return read;
    const { head } = read;
    const { path } = context.req;
    const refused = checkOrigin(head, ports.names(), ports.pages.isPage(path) || !ports.pages.has(path));
    if (refused !== undefined) return refused;
    const allow = { allow: "GET, HEAD, OPTIONS" };
    if (head.method === "OPTIONS") return new Response(null, { status: 204, headers: allow });
    if (head.method !== "GET" && head.method !== "HEAD") return problemResponse(refuse("bad_request", "this path has no such method"), 405, allow);
    return ports.pages.answer({ path, head });
  }

  async function answerOf(context: Context<Env>, route: RouteName | undefined, read: ReadHead): Promise<Response> {
    if (!read.ok) return problemResponse(read);
    const { head } = read;
    if (route === undefined || !isServed(route, head.method)) return elsewhere(head.method, context.req.path, checkOrigin(head, ports.names(), false));
    const param = context.req.param("id") ?? context.req.param("version") ?? "";
    const said = await serveRoute({ route, head, id: ID.test(param) ? param : "", request: context.req.raw, env: context.env }, ports);
    return said instanceof Response ? said : problemResponse(said);
  }

  for (const name of NAMES) {
    const { method, path }: Route = ROUTES[name];
    app.on(method, path.replaceAll(/\{(\w+)\}/g, ":$1"), (context) => answer(context, name));
  }
  const isForPeople = ({ req: { path, method }, env }: Context<Env>): boolean => ports.pages.has(path) || (method === "GET" && ports.pages.isLost(path, env.incoming.headers.accept));
  app.all("*", (context) => (isForPeople(context) ? answerPage(context) : answer(context, undefined)));
  app.onError((error, context) => {
    ports.onError(error, "health");
    const response = problemResponse(refuse("internal", ""));
    for (const [name, value] of Object.entries(securityHeaders("api", false))) response.headers.set(name, value);
    return context.env.outgoing.headersSent ? new Response(null) : response;
  });
  return app;
}

function hasBody(read: ReadHead): boolean {
  return !read.ok || read.head.bodyBytes !== 0;
}

/** HEAD is looking at what GET would answer. Streams have no end to look at, and the way back from a provider is no looking. */
function isServed(route: RouteName, method: string): boolean {
  return method !== "HEAD" || !(BINDINGS[route].stream || BINDINGS[route].navigable);
}

const PATTERNS = NAMES.map((name) => ({ method: ROUTES[name].method, pattern: new RegExp(`^${ROUTES[name].path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`) }));

/** No such path, or no such method on it. */
function elsewhere(method: string, path: string, refused: Refusal | undefined): Response {
  if (refused !== undefined) return problemResponse(refused);
  const methods = PATTERNS.filter(({ pattern }) => pattern.test(path)).map((one) => one.method as string);
  if (methods.length === 0) return problemResponse(refuse("not_found", ""));
  const allow = { allow: [...new Set([...methods, "OPTIONS"])].join(", ") };
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: allow });
  return problemResponse(refuse("bad_request", "this path has no such method"), 405, allow);
}
