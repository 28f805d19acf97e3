/**
 * HTTP in front: one server for all endpoints, each at /NAME/mcp. It reads a request once, makes sure of host, origin, caller, sizes and
 * times, and that headers and body say the same, and hands it to the endpoint; whatever is not in order is answered here and reaches nobody.
 * Bad input ends that request and nothing else. Called by cli/gateway.ts; who calls and what is served is given to it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { readClientMessage } from "../message/read-client-message.ts";
import { whyHiddenCall } from "../message/hidden-call.ts";
import { whyTooComplex } from "../message/shape-limits.ts";
import { refusedHead, refusedNames, type AllowedNames } from "./admit-request.ts";
import { answerError, type HttpRefusal } from "./answer-error.ts";
import { classifyRequest } from "./classify-request.ts";
import { HTTP_LIMITS, type HttpLimits } from "./http-limits.ts";
import type { HttpCaller, HttpEndpoint, HttpExchange } from "./http-endpoint.ts";
import { createBodyReader, type BodyReader } from "./read-body.ts";
import { createRoutes, type Routes, type ServedEndpoint } from "./routes.ts";

export type Identified = { readonly kind: "caller"; readonly caller: HttpCaller } | { readonly kind: "refused"; readonly refusal: HttpRefusal };

export interface ServeGatewayOptions {
  readonly host: string;
  readonly port: number;
  readonly endpoints: readonly ServedEndpoint[];
  /** Who sends a request, before its body is read. */
  readonly identify: (request: IncomingMessage) => Identified | Promise<Identified>;
  readonly names: AllowedNames;
  /** Answers requests for other things than endpoints, such as health, and says so. Comes before `identify`, after Host and Origin. */
  readonly pages?: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly limits?: Partial<HttpLimits>;
  readonly onWarning: (message: string) => void;
}

export interface ServedGateway {
  readonly port: number;
  /** Serves these from now on. What is under way goes on; the endpoints that are no longer served are returned, to be drained and closed. */
  replace(endpoints: readonly ServedEndpoint[]): readonly HttpEndpoint[];
  /** Takes no new requests, waits for calls under way, at most so long, and closes. */
  drain(withinMs: number): Promise<void>;
  /** Ends everything at once: endpoints, connections, the server. */
  close(): Promise<void>;
}

/** Rejects where the address cannot be had. */
export async function serveGateway(options: ServeGatewayOptions): Promise<ServedGateway> {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const front = new Front(options, limits);
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersMs),
      insecureHTTPParser: false,
    },
    (request, response) => void front.serve(request, response),
  );
  server.maxConnections = limits.maxConnections;
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => void front.serve(request, response, true));
  server.on("clientError", refuseBytes);
  await listen(server, options);
  const { port } = server.address() as AddressInfo; // it listens on an address, no pipe
  return {
    port,
    replace: (endpoints) => front.replace(endpoints),
    async drain(withinMs) {
      front.isDraining = true;
      const closed = new Promise((resolve) => server.close(resolve));
      await within(Promise.all(front.endpoints.map((endpoint) => endpoint.drain())), withinMs);
      await end(server, closed, front);
    },
    async close() {
      front.isDraining = true;
      await end(server, new Promise((resolve) => server.close(resolve)), front);
    },
  };
}

class Front {
  readonly #options: ServeGatewayOptions;
  readonly #limits: HttpLimits;
  readonly #bodies: BodyReader;
  #routes: Routes;
  isDraining = false;

  constructor(options: ServeGatewayOptions, limits: HttpLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#bodies = createBodyReader(limits.maxBodyBytes, limits.maxBodiesBytes);
    this.#routes = createRoutes(options.endpoints);
  }

  get endpoints(): readonly HttpEndpoint[] {
    return this.#routes.endpoints;
  }

  replace(endpoints: readonly ServedEndpoint[]): readonly HttpEndpoint[] {
    const before = this.#routes;
    this.#routes = createRoutes(endpoints);
    return before.endpoints.filter((endpoint) => !this.#routes.endpoints.includes(endpoint));
  }

  /** Never rejects: whatever goes wrong with a request is its own. */
  async serve(request: IncomingMessage, response: ServerResponse, awaitsContinue = false): Promise<void> {
    response.on("error", () => undefined);
    request.on("error", () => undefined);
    try {
      const refusal = await this.#route(request, response, awaitsContinue);
      if (refusal !== undefined) this.#refuse(request, response, refusal);
    } catch (error) {
      this.#options.onWarning(`a request failed: ${error instanceof Error ? error.message : String(error)}`);
      answerError(response, { status: 500, reason: "something went wrong here, and the request was not served" });
    }
  }

  /** The refusal, where it is one; else it was answered. */
  async #route(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Promise<HttpRefusal | undefined> {
    const { identify, names, pages } = this.#options;
    const foreign = refusedNames(request.headers, names);
    if (foreign !== undefined) return foreign;
    if (pages?.(request, response) === true) return undefined;
    let identified = identify(request);
    if (identified instanceof Promise) identified = await identified;
    if (identified.kind === "refused") return identified.refusal;
    const { caller } = identified;
    const endpoint = this.#routes.find(request.url ?? "");
    if (endpoint === undefined) return { status: 404, reason: "no server is served at this path" };
    if (this.isDraining) return { status: 503, reason: "the gateway is ending; try again in a moment", headers: { "retry-after": "5", connection: "close" } };
    const head = refusedHead(request);
    if (head !== undefined) return head;
    const exchange = { request, response, caller, stateless: false, gone: goneOf(response) };
    if (request.method === "POST") return this.#post(endpoint, exchange, awaitsContinue);
    await (request.method === "GET" ? endpoint.get(exchange) : endpoint.delete(exchange));
    return undefined;
  }

  async #post(endpoint: HttpEndpoint, exchange: HttpExchange, awaitsContinue: boolean): Promise<HttpRefusal | undefined> {
    const { request, response } = exchange;
    if (awaitsContinue && Number(request.headers["content-length"] ?? 0) <= this.#limits.maxBodyBytes) response.writeContinue();
    const body = await this.#bodies.read(request);
    switch (body.kind) {
      case "gone":
        return undefined;
      case "too large":
        return { status: 413, reason: "the body is longer than the limit" };
      case "no room":
        return { status: 503, reason: "too much is being sent at the same time; try again in a moment", headers: { "retry-after": "1" } };
      case "body":
    }
    const complex = whyTooComplex(body.bytes);
    if (complex !== undefined) return { status: 400, ...complex };
    const message = readClientMessage(body.bytes);
    if (message.kind === "refused") return { status: 400, ...message };
    const id = "id" in message ? message.id : undefined;
    const hidden = message.kind === "call" ? undefined : whyHiddenCall(body.bytes);
    if (hidden !== undefined) return { status: 400, id, ...hidden };
    const read = classifyRequest(request.headers, message);
    if (read.kind === "refused") return { status: 400, id, ...read };
    await endpoint.post({ ...exchange, stateless: read.stateless, body: body.bytes, message });
    return undefined;
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: HttpRefusal): void {
    this.#options.onWarning(`a request was refused with ${refusal.status}: ${refusal.reason}`);
    answerError(response, refusal);
    if (request.complete) return;
    // What still comes of the body is thrown away for a moment, so that the client gets to read the answer; then the connection ends.
    const timer = setTimeout(() => request.destroy(), LINGER_MS);
    request.once("close", () => clearTimeout(timer));
    request.resume();
  }
}

const LINGER_MS = 1_000;

function goneOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** Bytes that are no request of HTTP, headers that are too many or too late. */
function refuseBytes(error: Error & { code?: string }, socket: Duplex): void {
  const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function listen(server: Server, { host, port }: ServeGatewayOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function end(server: Server, closed: Promise<unknown>, front: Front): Promise<void> {
  await Promise.all(front.endpoints.map((endpoint) => endpoint.close()));
  server.closeIdleConnections();
  // Answers that were just written get to their clients.
  await within(closed, FLUSH_MS);
  server.closeAllConnections();
  await closed;
}

const FLUSH_MS = 200;

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
