/** Answers of our own to HTTP requests, and messages as lines and as answers. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { RpcId } from "../message/read-client-message.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** A JSON answer. What is written to somebody who has gone is lost. */
export function writeJson(response: ServerResponse, status: number, body: Buffer | string, headers: OutgoingHttpHeaders = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body), "cache-control": "no-store" });
  response.end(body);
}

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly headers?: OutgoingHttpHeaders;
}

export function writeRefusal(response: ServerResponse, id: RpcId | null, { status, code, message, headers }: Refusal): void {
  writeJson(response, status, errorMessage(id, code, message), headers);
}

export function errorMessage(id: RpcId | null, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });
}

/** An answer without a body. */
export function writeEmpty(response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, headers);
  response.end();
}

/** A body as one line with its line feed. It is JSON: ends of lines stand between its parts alone, where they are no more than space. */
export function lineOf(body: Buffer): Buffer {
  return Buffer.concat([withoutEnds(body), Buffer.of(LINE_FEED)]);
}

/** A message without anything that could end a line. */
export function withoutEnds(message: Buffer): Buffer {
  let end = message.length;
  while (end > 0 && (message[end - 1] === LINE_FEED || message[end - 1] === CARRIAGE_RETURN)) end--;
  const bytes = message.subarray(0, end);
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN) ? Buffer.from(bytes.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte))) : bytes;
}
