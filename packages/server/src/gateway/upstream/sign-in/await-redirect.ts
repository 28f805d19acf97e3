/**
 * Where a browser comes back to after somebody has signed in: a server on this machine's own address, for one answer (RFC 8252, 7.3). It counts
 * only with the state that was sent along; whoever comes with another one is sent away, and changes nothing.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface AwaitedRedirect {
  readonly redirectUri: string;
  /** The query that a browser came back with. Rejects when `signal` aborts. */
  answer(state: string, signal: AbortSignal): Promise<URLSearchParams>;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const PATH = "/callback";
const HEADERS = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "referrer-policy": "no-referrer", "content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff", connection: "close" };
const page = (text: string): string => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Countersign</title><p>${text}</p></html>`;

/** `port`: 0 for any that is free. Rejects where it cannot listen there. */
export async function awaitRedirect(port: number): Promise<AwaitedRedirect> {
  let expected: { readonly state: string; readonly resolve: (query: URLSearchParams) => void } | undefined;
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 32 * 1024 }, (request, response) => {
    const query = queryOf(request, expectedHost);
    if (query === undefined) return say(response, 404, "There is nothing here.");
    if (expected === undefined || !isEqual(query.get("state") ?? "", expected.state)) return say(response, 400, "This does not belong to a sign-in that was begun here.");
    say(response, 200, query.has("code") ? "You are signed in where you were asked to, and can close this page. The command line says how it went on." : "The sign-in did not come about. The command line says more.");
    expected.resolve(query);
    expected = undefined;
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, HOST, resolve));
  const expectedHost = `${HOST}:${(server.address() as AddressInfo).port}`; // it listens on a port
  return {
    redirectUri: `http://${expectedHost}${PATH}`,
    answer(state, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<URLSearchParams>();
      expected = { state, resolve };
      const aborted = (): void => reject(new Error("nobody came back"));
      signal.addEventListener("abort", aborted, { once: true });
      if (signal.aborted) aborted();
      return promise.finally(() => signal.removeEventListener("abort", aborted));
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      setTimeout(() => server.closeAllConnections(), 500).unref();
      await closed;
    },
  };
}

function queryOf({ method, url = "", headers }: IncomingMessage, host: string): URLSearchParams | undefined {
  if (method !== "GET" || headers.host !== host || !url.startsWith(`${PATH}?`)) return undefined;
  return new URLSearchParams(url.slice(PATH.length + 1));
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, HEADERS).end(page(text));
}

function isEqual(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
