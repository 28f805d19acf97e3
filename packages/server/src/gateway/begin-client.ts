/**
 * One client before whatever is served to it: a relay and the connection of its own that it stands before, or all servers joined. Whoever
 * has clients (standard streams, sessions over HTTP) begins each of them here, and knows no more.
 */
import type { ClientMessage } from "./message/read-client-message.ts";
import type { Governance } from "@countersign/sdk/enforcement";
import { Relay, type RelayOptions } from "./relay.ts";
import type { UpstreamConnection, UpstreamListener } from "./upstream/upstream-connection.ts";

/** Of a client. */
export interface BegunClient extends Pick<UpstreamConnection, "pause" | "resume" | "ended" | "stop">, Pick<Relay, "clientGone" | "upstreamGone" | "drained"> {
  /** As client and upstream agreed on it; undefined before. */
  readonly protocolVersion: string | undefined;
  /** As the relay's. */
  receive(message: ClientMessage, line: Buffer): void;
  fromClient(line: Buffer): void;
  oversizeFromClient(limit: number): void;
}

export interface BeginOptions extends Pick<RelayOptions, "caller" | "credential" | "sessionId" | "hearing" | "shownName" | "toClient" | "onWarning"> {
  /** `server`: which, where there are several. */
  readonly governance: (server?: string) => Governance | Promise<Governance>;
  /** What is sent waits in memory: the client's messages are better not read until `onDrain`. */
  readonly onFull: () => void;
  readonly onDrain: () => void;
}

export type BeginClient = (options: BeginOptions) => BegunClient;

export interface OneUpstream extends Pick<RelayOptions, "server" | "unknownMethods" | "waiting" | "cancelGraceMs" | "stateKey" | "onListed"> {
  readonly connect: (listener: UpstreamListener) => UpstreamConnection;
}

/** Before one upstream, with a connection of its own. */
export function beginRelay(upstream: OneUpstream, { onFull, onDrain, ...options }: BeginOptions): BegunClient {
  const connection = upstream.connect({ onLine: (line, outcome) => relay.fromUpstream(line, outcome), onDrain, onWarning: options.onWarning });
  const relay = new Relay({
    ...options,
    server: upstream.server,
    unknownMethods: upstream.unknownMethods,
    waiting: upstream.waiting,
    cancelGraceMs: upstream.cancelGraceMs,
    stateKey: upstream.stateKey,
    onListed: upstream.onListed,
    governance: () => options.governance(),
    toUpstream(line) {
      if (!connection.send(line)) onFull();
    },
  });
  return {
    get protocolVersion() {
      return relay.protocolVersion;
    },
    receive: (message, line) => relay.receive(message, line),
    fromClient: (line) => relay.fromClient(line),
    oversizeFromClient: (limit) => relay.oversizeFromClient(limit),
    clientGone: () => relay.clientGone(),
    upstreamGone: () => relay.upstreamGone(),
    drained: () => relay.drained(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    ended: connection.ended,
    stop: () => connection.stop(),
  };
}
