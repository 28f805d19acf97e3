/** How large, how deep, how slow and how often a request may be. Crossing one refuses that request and nothing else. */

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Limits {
  readonly urlBytes: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  /** From the first byte of a request to its last; a body of one byte a second ends here. */
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connections: number;
  /** Members of objects and items of lists in a body, counted before it is parsed. */
  readonly members: number;
  readonly rates: {
    /** A body counts as one request for each `bodyBytes` that were begun. */
    readonly key: Rate & { readonly bodyBytes: number };
    readonly person: Rate;
    readonly operator: Rate;
    /** Requests of an address without a credential that is known. */
    readonly stranger: Rate;
    /** Attempts to sign in, by address. */
    readonly signIn: Rate;
  };
  readonly streams: { readonly perIdentity: number; readonly heartbeatMs: number; readonly bufferBytes: number; readonly replayRows: number };
  readonly waitMs: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  urlBytes: 8192,
  headerBytes: 16_384,
  headerCount: 100,
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 65_000,
  connections: 20_000,
  members: 200_000,
  rates: {
    key: { perSecond: 2000, burst: 10_000, bodyBytes: 16 * 1024 },
    person: { perSecond: 50, burst: 300 },
    operator: { perSecond: 50, burst: 300 },
    stranger: { perSecond: 20, burst: 100 },
    signIn: { perSecond: 0.5, burst: 20 },
  },
  streams: { perIdentity: 64, heartbeatMs: 15_000, bufferBytes: 1024 * 1024, replayRows: 10_000 },
  waitMs: 60_000,
});

const KIB = 1024;
/** Largest body of a route, in bytes. */
export const BODY_BYTES = Object.freeze({ small: 256 * KIB, call: 6 * KIB * KIB, rows: 16 * KIB * KIB, document: 66 * KIB * KIB });
