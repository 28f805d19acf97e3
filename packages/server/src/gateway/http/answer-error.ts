/** Answers of the gateway itself over HTTP: a JSON-RPC error with the status that says the same. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { JsonObject } from "@countersign/sdk/call";
import type { RpcId } from "../message/read-client-message.ts";
import { endWith } from "./write-together.ts";

/** Of the gateway or of HTTP, where JSON-RPC has no code of its own. */
export const SERVER_ERROR = -32_000;

export interface HttpRefusal {
  readonly status: number;
  readonly code?: number;
  readonly reason: string;
  readonly data?: JsonObject | undefined;
  /** Of the request that is refused, where it is known. */
  readonly id?: RpcId | null | undefined;
  readonly headers?: OutgoingHttpHeaders;
}

export const STUFFED: HttpRefusal = Object.freeze({ status: 503, reason: "the server does not read what it is sent; try again in a moment", headers: { "retry-after": "5" } });

/** Does nothing where an answer has begun: that one can only be broken off. */
export function answerError(response: ServerResponse, refusal: HttpRefusal): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  answerJson(response, refusal.status, errorText(refusal), refusal.headers);
}

export function errorText({ code = SERVER_ERROR, reason, data, id = null }: Omit<HttpRefusal, "status" | "headers">): string {
  const error = { code, message: `Refused by Countersign: ${reason}`, ...(data === undefined ? {} : { data }) };
  return JSON.stringify({ jsonrpc: "2.0", id, error });
}

export function answerJson(response: ServerResponse, status: number, body: string | Buffer, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body), "cache-control": "no-store", ...headers });
  endWith(response, body);
}
