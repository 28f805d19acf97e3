/**
 * The control plane's HTTP contract: schemas that both sides validate with, the routes, and a small client.
 * The schemas are the one source of the OpenAPI document. Nothing here decides anything.
 */
export * from "./contract.ts";
export { createWireClient } from "./wire-client.ts";
export type { Patience, WireClient } from "./wire-client.ts";
export { EventStream } from "./event-stream.ts";
export type { EventListener, EventStreamOptions } from "./event-stream.ts";
export { createSseParser } from "./sse-parser.ts";
export type { ServerSentEvent, SseParser } from "./sse-parser.ts";
export { readWireUrl } from "./wire-url.ts";
export type { WireUrl } from "./wire-url.ts";
export type { FailureCode, WireFailure, WireResult } from "./wire-exchange.ts";
