/**
 * The agent's side of ROUTES. Every operation here may be repeated: asking joins, claims and reports name their claim, batches
 * of rows their number. The exchange of throttle counters is the one that may not, and is not.
 */
import { z } from "zod";
import { askAnswer, askedRequest, claimAnswer, editAnswer, leaseAnswer } from "./ask.ts";
import type { AskAnswer, AskBody, AskedRequest, ClaimAnswer, ClaimBody, EditAnswer, EndBody, LeaseAnswer, LeaseBody, OutcomeBody, ReleaseBody } from "./ask.ts";
import { bundle, recordAnswer, throttleAnswer } from "./bundle.ts";
import type { Bundle, RecordAnswer, RecordBody, ThrottleAnswer, ThrottleBody } from "./bundle.ts";
import { EventStream, type EventListener, type EventStreamOptions } from "./event-stream.ts";
import { ownKey, type OwnKey } from "./people.ts";
import { ROUTES, type RouteName } from "./routes.ts";
import { WireConnection } from "./wire-connection.ts";
import { exchange, failure, type ExchangeOptions, type WireResult } from "./wire-exchange.ts";

/** How long one operation may take, repeats included, in milliseconds. */
export interface Patience {
  readonly withinMs: number;
  readonly attemptMs?: number;
  /** Given up sooner where no question of its kind was answered for so long. */
  readonly quietMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface WireClient {
  /** Of the control plane, for messages; holds no secret. */
  readonly name: string;
  /** `unchanged` where `etag` is still that of the document in force. */
  bundle(etag: string | undefined, patience: Patience): Promise<WireResult<Bundle | "unchanged">>;
  /** Whether the control plane knows the key, and as what. */
  ownKey(patience: Patience): Promise<WireResult<OwnKey>>;
  ask(body: AskBody, patience: Patience): Promise<WireResult<AskAnswer>>;
  readAsked(id: string, patience: Patience): Promise<WireResult<AskedRequest>>;
  readEdit(id: string, patience: Patience): Promise<WireResult<EditAnswer>>;
  cancel(id: string, body: EndBody, patience: Patience): Promise<WireResult<unknown>>;
  supersede(id: string, body: EndBody, patience: Patience): Promise<WireResult<unknown>>;
  claim(id: string, body: ClaimBody, patience: Patience): Promise<WireResult<ClaimAnswer>>;
  release(id: string, body: ReleaseBody, patience: Patience): Promise<WireResult<unknown>>;
  outcome(id: string, body: OutcomeBody, patience: Patience): Promise<WireResult<unknown>>;
  leases(body: LeaseBody, patience: Patience): Promise<WireResult<LeaseAnswer>>;
  ship(body: RecordBody, patience: Patience): Promise<WireResult<RecordAnswer>>;
  throttle(body: ThrottleBody, patience: Patience): Promise<WireResult<ThrottleAnswer>>;
  /** A stream that was not started yet. */
  events(listener: EventListener, options?: EventStreamOptions): EventStream;
  /** The control plane has moved to this address, with all it holds. */
  moveTo(base: URL): void;
  /** Lets go of all connections but those of streams. */
  close(): void;
}

/** The answer to a request that only has to be heard. */
const heard = z.unknown();
/** Documents of up to 64 MiB, as JSON text. */
const MAX_BUNDLE_BYTES = 80 * 1024 * 1024;
/** 304 has no body. */
const bundleAnswer = z.union([bundle, z.undefined()]);

/** Throws TypeError where the key could not be sent. `base` as readWireUrl gives it. */
export function createWireClient(base: URL, apiKey: string): WireClient {
  const connection = new WireConnection(base, apiKey);

  function call<T>(route: RouteName, id: string, body: object | undefined, schema: z.ZodType<T>, patience: Patience, more: Partial<ExchangeOptions<T>> = {}): Promise<WireResult<T>> {
    const { method, path } = ROUTES[route];
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const { quietMs, ...times } = patience;
    const quiet = quietMs === undefined ? undefined : { kind: route, ms: quietMs };
    return exchange(connection, { method, path: path.replace("{id}", encodeURIComponent(id.toWellFormed())), ...text, schema, repeat: true, quiet, ...times, ...more });
  }

  return {
    get name() {
      return connection.name;
    },
    async bundle(etag, patience) {
      const headers: Record<string, string> = etag === undefined ? {} : { "if-none-match": etag };
      const answer = await call("bundle", "", undefined, bundleAnswer, patience, { headers, maxBytes: MAX_BUNDLE_BYTES });
      if (!answer.ok) return answer;
      if (answer.status === 304 && etag !== undefined) return { ...answer, value: "unchanged" };
      return answer.value === undefined ? failure("garbage", { status: answer.status }) : { ...answer, value: answer.value };
    },
    ownKey: (patience) => call("readOwnKey", "", undefined, ownKey, patience),
    ask: (body, patience) => call("ask", "", body, askAnswer, patience),
    readAsked: (id, patience) => call("readAsked", id, undefined, askedRequest, patience),
    readEdit: (id, patience) => call("readEdit", id, undefined, editAnswer, patience),
    cancel: (id, body, patience) => call("cancel", id, body, heard, patience),
    supersede: (id, body, patience) => call("supersede", id, body, heard, patience),
    claim: (id, body, patience) => call("claim", id, body, claimAnswer, patience),
    release: (id, body, patience) => call("release", id, body, heard, patience),
    outcome: (id, body, patience) => call("outcome", id, body, heard, patience),
    leases: (body, patience) => call("leases", "", body, leaseAnswer, patience),
    ship: (body, patience) => call("ship", "", body, recordAnswer, patience),
    throttle: (body, patience) => call("throttle", "", body, throttleAnswer, patience, { repeat: false }),
    events: (listener, options) => new EventStream(connection, listener, options),
    moveTo: (address) => connection.moveTo(address),
    close: () => connection.close(),
  };
}
