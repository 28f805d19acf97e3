/**
 * One upstream as HTTP clients reach it. The front reads each request, makes sure of path, host, origin, credential, sizes and that the
 * headers say what the body says, and hands it on; whoever implements this answers it, always. Implemented by the files of this folder.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Governance } from "@countersign/sdk/enforcement";
import type { Caller } from "@countersign/sdk";
import type { ClientMessage } from "../message/read-client-message.ts";

/** Who sent a request, known from the gateway's own credentials, never from what a client says of itself. */
export interface HttpCaller {
  /** One credential: sessions and what they hold are never shared between two. */
  readonly credential: string;
  readonly agent: Caller["agent"];
  readonly user: Caller["user"];
  /** What this credential's calls are governed by; rejects with what to tell the client. `server`: which is called, where the endpoint joins several. */
  readonly governance: (server?: string) => Governance | Promise<Governance>;
}

export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: HttpCaller;
  /** Of the protocol without sessions (2026-07-28 on). */
  readonly stateless: boolean;
  /** Aborts when the client has closed its side before it was answered in full. */
  readonly gone: AbortSignal;
}

export interface PostExchange extends HttpExchange {
  /** As it came. */
  readonly body: Buffer;
  /** What the body says; never `refused`: the front has answered that. */
  readonly message: Exclude<ClientMessage, { readonly kind: "refused" }>;
}

export interface HttpEndpoint {
  /** Of the older protocol, that are open; undefined where nobody counts them. */
  readonly sessions?: number;
  post(exchange: PostExchange): Promise<void>;
  /** The stream of a session of the older protocol. */
  get(exchange: HttpExchange): Promise<void>;
  /** The end of a session of the older protocol. */
  delete(exchange: HttpExchange): Promise<void>;
  /** Takes no new calls and resolves when none is under way. */
  drain(): Promise<void>;
  /** Ends sessions and upstreams. */
  close(): Promise<void>;
}
