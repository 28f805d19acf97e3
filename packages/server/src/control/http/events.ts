/**
 * Live events (server-sent). What happened is in the record; a stream only says so, and `id:` is the row's seq, so a client that
 * was away asks for what it missed and gets it from the store. A slow reader is dropped and comes back; nothing is kept for it.
 * Who hears what is decided by the source of news; here each stream gets what is meant for it. Called by the route `events`.
 */
import type { EventName } from "@countersign/sdk/wire";
import type { ServerResponse } from "node:http";
import type { Identity } from "../../auth/identity.ts";
import { includesRole } from "../../auth/identity.ts";
import type { Role } from "../../store/entity/directory.ts";
import type { RecordLine } from "../../store/store.ts";
import type { Limits } from "./limits.ts";

/** What one row means to those who listen. Null: nothing. */
export interface News {
  readonly seq: number;
  readonly name: EventName;
  /** `principal` null: for every agent. */
  readonly forAgents: { readonly principal: string | null; readonly data: object } | null;
  /** `roles` null: for everybody who is signed in. */
  readonly forPeople: { readonly roles: readonly Role[] | null; readonly data: object } | null;
}

export interface NewsSource {
  readonly installationId: string;
  head(): number;
  /** Milliseconds since the epoch, store's clock. */
  now(): number;
  onRows(listener: (rows: readonly RecordLine[]) => void): () => void;
  readRows(range: { readonly after: number; readonly limit: number }): Promise<readonly RecordLine[]>;
  newsOf(rows: readonly RecordLine[]): Promise<readonly News[]>;
}

/** Where one stream goes, and whether whoever opened it may still listen. */
export interface StreamSeat {
  readonly outgoing: Pick<ServerResponse, "writeHead" | "write" | "end" | "destroy" | "destroyed" | "writableLength" | "writableNeedDrain" | "once" | "off">;
  readonly headers: Readonly<Record<string, string>>;
  readonly lastEventId: string | undefined;
  readonly identity: Identity;
  /** The identity as it is now; undefined once it may not listen any more. */
  refresh(): Promise<Identity | undefined>;
}

export interface EventHub {
  /** False where this identity has as many streams as it may. */
  open(seat: StreamSeat): boolean;
  readonly size: number;
  /** Streams that were ended because they read too slowly. */
  readonly dropped: number;
  /** Ends every stream with the hint to come back soon. */
  close(): void;
}

interface Stream {
  readonly seat: StreamSeat;
  readonly name: string;
  identity: Identity;
  /** Seq of the last row that it has heard of, or needs not. */
  heard: number;
  /** What happens while older rows are still being replayed. Null once it is live. */
  held: News[] | null;
}

const PAGE_ROWS = 500;
/** Rows after which somebody who listens may have no right to: asked before anything that comes with them or after them is told. */
const RIGHTS = new Set(["key_revoked", "person_changed", "signed_out"]);
/** So many commits that were not told yet: telling has stopped working. */
const MAX_BACKLOG = 1000;
const RECONNECT_MS = 1000;

export function createEventHub(source: NewsSource, limits: Limits["streams"]): EventHub {
  const streams = new Set<Stream>();
  const byName = new Map<string, Set<Stream>>();
  const people = new Set<Stream>();
  let backlog = 0;
  let telling: Promise<void> = Promise.resolve();
  let dropped = 0;
  let closed = false;
  let latest = source.head();

  const endRows = source.onRows((rows) => {
    // Another history, as after a restore: what the streams have heard of means nothing in it.
    if ((rows[0]?.seq ?? Infinity) <= latest) dropAll();
    latest = rows.at(-1)?.seq ?? latest;
    if (streams.size === 0) return;
    backlog += 1;
    if (backlog > MAX_BACKLOG) dropAll();
    telling = telling.then(async () => {
      backlog -= 1;
      if (rows.some(({ event }) => event !== null && RIGHTS.has(event))) await heartbeat();
      if (streams.size > 0) await tell(rows);
    });
  });
  const beat = setInterval(() => void heartbeat(), limits.heartbeatMs);
  beat.unref();

  /** A request is looked up in the store to tell of it; where nobody hears of it here, as with another instance's callers, it is not. */
  function mayBeHeard({ requestId, principal }: RecordLine): boolean {
    return requestId === null || principal === null || people.size > 0 || byName.has(principal);
  }

  async function tell(rows: readonly RecordLine[]): Promise<void> {
    let news: readonly News[];
    try {
      news = await source.newsOf(rows.filter(mayBeHeard));
    } catch {
      return dropAll(); // they come back and read what they missed from the store
    }
    for (const [index, one] of news.entries()) for (const stream of listenersOf(one)) deliver(stream, one, isLastOfRow(news, index));
  }

  /** A request of one key is looked up by it: thousands of others are not asked. */
  function listenersOf(news: News): Iterable<Stream> {
    const principal = news.forAgents?.principal;
    if (typeof principal !== "string") return [...streams];
    return [...(byName.get(principal) ?? []), ...(news.forPeople === null ? [] : people)];
  }

  /** Of a row that tells several things the last one has its id: a stream that breaks off before it hears the whole row again. */
  function deliver(stream: Stream, news: News, isLast: boolean): void {
    if (stream.held !== null) {
      stream.held.push(news);
      if (stream.held.length > limits.replayRows) drop(stream);
      return;
    }
    if (news.seq <= stream.heard) return;
    if (isLast) stream.heard = news.seq;
    tellOne(stream, news, isLast);
  }

  function tellOne(stream: Stream, news: News, isLast: boolean): void {
    const data = heardBy(stream.identity, news);
    if (data !== undefined) write(stream, frame(isLast ? news.seq : null, news.name, data));
  }

  function write(stream: Stream, text: string): void {
    const { outgoing } = stream.seat;
    if (outgoing.destroyed) return forget(stream);
    outgoing.write(text);
    if (outgoing.writableLength > limits.bufferBytes) drop(stream);
  }

  function drop(stream: Stream): void {
    if (!streams.has(stream)) return;
    dropped += 1;
    forget(stream);
    stream.seat.outgoing.destroy();
  }

  function dropAll(): void {
    for (const stream of streams) drop(stream);
  }

  function forget(stream: Stream): void {
    if (!streams.delete(stream)) return;
    people.delete(stream);
    const named = byName.get(stream.name);
    named?.delete(stream);
    if (named?.size === 0) byName.delete(stream.name);
  }

  async function heartbeat(): Promise<void> {
    for (const stream of streams) {
      if (!streams.has(stream)) continue;
      const identity = await stream.seat.refresh().catch(() => undefined);
      if (identity !== undefined && nameOf(identity) === stream.name) {
        stream.identity = identity;
        write(stream, ": \n\n");
      } else {
        forget(stream);
        stream.seat.outgoing.end();
      }
    }
  }

  async function catchUp(stream: Stream, until: number): Promise<void> {
    try {
      while (stream.heard < until && streams.has(stream)) {
        const rows = await source.readRows({ after: stream.heard, limit: Math.min(PAGE_ROWS, until - stream.heard) });
        const last = rows.at(-1);
        if (last === undefined) break;
        const news = await source.newsOf(rows.filter(mayBeHeard));
        for (const [index, one] of news.entries()) tellOne(stream, one, isLastOfRow(news, index));
        stream.heard = last.seq;
        if (stream.seat.outgoing.writableNeedDrain) await drained(stream.seat.outgoing);
      }
      const held = stream.held ?? [];
      stream.held = null;
      for (const [index, one] of held.entries()) deliver(stream, one, isLastOfRow(held, index));
    } catch {
      drop(stream);
    }
  }

  return {
    open(seat) {
      const name = nameOf(seat.identity);
      const named = byName.get(name) ?? new Set();
      if (closed || named.size >= limits.perIdentity) return false;
      const head = source.head();
      const since = resumePoint(seat.lastEventId, head, limits.replayRows);
      const stream: Stream = { seat, name, identity: seat.identity, heard: since ?? head, held: since === undefined ? null : [] };
      streams.add(stream);
      byName.set(name, named.add(stream));
      if (seat.identity.kind === "person") people.add(stream);
      seat.outgoing.once("close", () => forget(stream));
      seat.outgoing.writeHead(200, { ...seat.headers, "content-type": "text/event-stream", "x-accel-buffering": "no" });
      const hello = { seq: head, now: source.now(), installation: source.installationId, resumed: since !== undefined };
      // A resumed stream gets its ids with the rows: a hello with one would skip them if it broke off here.
      write(stream, `retry: ${RECONNECT_MS}\n${frame(since === undefined ? head : null, "hello", hello)}`);
      if (since !== undefined) void catchUp(stream, head);
      return true;
    },
    get size() {
      return streams.size;
    },
    get dropped() {
      return dropped;
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(beat);
      endRows();
      for (const stream of streams) {
        forget(stream);
        stream.seat.outgoing.end(`retry: ${RECONNECT_MS}\n: closing\n\n`);
      }
    },
  };
}

function isLastOfRow(news: readonly News[], index: number): boolean {
  return news[index + 1]?.seq !== news[index]?.seq;
}

/** Undefined: start afresh, because nothing was asked for or it is too long ago. */
function resumePoint(lastEventId: string | undefined, head: number, replayRows: number): number | undefined {
  if (lastEventId === undefined || !/^\d{1,15}$/.test(lastEventId)) return undefined;
  const since = Number(lastEventId);
  return since <= head && head - since <= replayRows ? since : undefined;
}

function heardBy(identity: Identity, { forAgents, forPeople }: News): object | undefined {
  switch (identity.kind) {
    case "agent":
      return forAgents !== null && (forAgents.principal === null || forAgents.principal === identity.principal) ? forAgents.data : undefined;
    case "person":
      return forPeople !== null && (forPeople.roles === null || forPeople.roles.some((role) => includesRole(identity.roles, role))) ? forPeople.data : undefined;
    case "operator":
    case "anonymous":
      return undefined;
  }
}

/** Whose streams are counted together. An agent's are found by its principal. */
function nameOf(identity: Identity): string {
  switch (identity.kind) {
    case "agent":
      return identity.principal;
    case "person":
      return `person:${identity.personId}`;
    case "operator":
    case "anonymous":
      return identity.kind;
  }
}

function frame(id: number | null, event: EventName, data: object): string {
  return `${id === null ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function drained(outgoing: StreamSeat["outgoing"]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.once("drain", done);
    outgoing.once("close", done);
  });
}
