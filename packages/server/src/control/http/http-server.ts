/** The listening socket under the app: time limits of connections, and an end in good order. */
import { getRequestListener } from "@hono/node-server";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { refuse } from "../refusal.ts";
import type { App } from "./app.ts";
import type { Limits } from "./limits.ts";
import { problemResponse } from "./problem-response.ts";
import { securityHeaders } from "./security-headers.ts";

export interface HttpServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Takes no more connections, waits for the requests under way for at most so long, then cuts them. */
  close(waitMs: number): Promise<void>;
}

/** Longer than any wait or heartbeat: only a peer that reads nothing is silent for so long. */
const IDLE_MS = 120_000;
const CHECK_MS = 1000;

export function createHttpServer(app: App, limits: Limits): HttpServer {
  const listener = getRequestListener(app.fetch, { errorHandler: unreadable });
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: limits.headersTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: CHECK_MS,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  server.timeout = IDLE_MS;
  // Node would leave out what is above its own limit, and a header that is left out is not judged.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.connections;
  let closing: Promise<void> | undefined;

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve(server.address() as AddressInfo); // a TCP server that listens has one
        });
      }),
    close(waitMs) {
      closing ??= new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), waitMs);
        // A connection that was busy when we began becomes idle once it is answered.
        const idle = setInterval(() => server.closeIdleConnections(), 20);
        server.close(() => {
          clearTimeout(cut);
          clearInterval(idle);
          resolve();
        });
      });
      return closing;
    },
  };
}

/** Host or target could not even be read as a URL. */
function unreadable(): Response {
  const response = problemResponse(refuse("bad_request", ""));
  for (const [name, value] of Object.entries(securityHeaders("api", false))) response.headers.set(name, value);
  return response;
}
