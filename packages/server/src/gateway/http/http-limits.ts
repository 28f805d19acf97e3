/** What one client may cost the others (R34): sizes in bytes, times in milliseconds. */
export interface HttpLimits {
  readonly maxHeaderBytes: number;
  readonly maxBodyBytes: number;
  /** Of all bodies that are coming in at a time. */
  readonly maxBodiesBytes: number;
  /** From a connection's first byte, or its beginning, to the end of a request's headers. */
  readonly headersMs: number;
  /** To the end of its body. */
  readonly requestMs: number;
  /** Between two requests of one connection. */
  readonly idleMs: number;
  readonly maxConnections: number;
}

/** Bytes of messages that wait in memory for a server that does not read; above it, whoever sends more is told to try again. */
export const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

export const HTTP_LIMITS: HttpLimits = Object.freeze({
  maxHeaderBytes: 16 * 1024,
  maxBodyBytes: 10 * 1024 * 1024,
  maxBodiesBytes: 256 * 1024 * 1024,
  headersMs: 15_000,
  requestMs: 30_000,
  idleMs: 30_000,
  maxConnections: 10_000,
});
