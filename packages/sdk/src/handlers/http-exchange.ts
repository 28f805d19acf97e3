/**
 * One HTTP exchange with a server outside, bounded on every side: the address is judged when connecting, redirects are not
 * followed, the answer is small, and it all ends with the time-out or the signal. node:http rather than fetch, because
 * only there the address that was judged is the one that is connected to; proxies of the environment are not used.
 * No error of this file holds a path, a query, a header or a body: secrets travel in all of them. Called by webhook-approval.ts.
 */
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { setLongTimeout } from "../approval/timer.ts";
import { decodeUtf8 } from "../call/decode-utf8.ts";
import { assertLiteralAllowed, guardedLookup } from "./outbound-address.ts";
import type { AllowedKinds } from "./outbound-address.ts";

export interface ExchangeOptions {
  readonly method: "GET" | "POST";
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
  /** For the whole exchange, in milliseconds. */
  readonly timeoutMs: number;
  /** Of the answer's body, in bytes. */
  readonly maxBytes: number;
  readonly allowed: AllowedKinds;
  readonly lookup?: LookupFunction | undefined;
  readonly signal: AbortSignal;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** Every value of every header, by lower-case name. */
  readonly headers: NodeJS.Dict<string[]>;
  /** Strict UTF-8; a byte order mark is kept, since a signature may cover it. */
  readonly body: string;
}

/** Sends one request and reads its answer. Rejects on a redirect, too large a body, a time-out, an abort and a broken connection. */
export async function exchange(url: URL, options: ExchangeOptions): Promise<ExchangeAnswer> {
  const { signal, timeoutMs, allowed } = options;
  signal.throwIfAborted();
  assertLiteralAllowed(url.hostname, allowed);
  const body = Buffer.from(options.body);
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
    method: options.method,
    headers: { ...options.headers, "accept-encoding": "identity", ...(body.length > 0 ? { "content-length": body.length } : {}) },
    lookup: guardedLookup(allowed, options.lookup),
    agent: false,
    // Stated, so that NODE_TLS_REJECT_UNAUTHORIZED=0 and --insecure-http-parser do not reach this connection.
    rejectUnauthorized: true,
    insecureHTTPParser: false,
  });
  const ended = Promise.withResolvers<ExchangeAnswer>();
  const abort = (): void => ended.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const timer = setLongTimeout(() => ended.reject(new Error(`${url.host} did not answer within ${timeoutMs} ms`)), timeoutMs);
  request.on("error", ended.reject);
  request.on("response", (response) => {
    void readAnswer(url, response, options.maxBytes).then(ended.resolve, ended.reject);
  });
  request.end(body);
  try {
    return await ended.promise;
  } finally {
    timer.clear();
    signal.removeEventListener("abort", abort);
    // Also after an answer: nothing is kept open for a next time.
    request.destroy();
  }
}

async function readAnswer(url: URL, response: IncomingMessage, maxBytes: number): Promise<ExchangeAnswer> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400) throw new Error(`${url.host} answered with a redirect (${status}), which is never followed`);
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new Error(`${url.host} answered in a content encoding that was not asked for`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    // Without setEncoding a response is made of Buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) throw new Error(`${url.host} answered with more than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return { status, headers: response.headersDistinct, body: decode(url, Buffer.concat(chunks)) };
}

function decode(url: URL, bytes: Buffer): string {
  const text = decodeUtf8(bytes);
  // Replacing bad bytes would verify a signature over a text that was never signed.
  if (text === undefined) throw new Error(`${url.host} answered with bytes that are not UTF-8`);
  return text;
}
