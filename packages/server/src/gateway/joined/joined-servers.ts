/**
 * The servers that are joined, as whoever serves a client sees them: they come and go with the configuration while clients are there.
 */
import type { ServerRef } from "@countersign/sdk";
import type { Rounds } from "../call/rounds.ts";
import type { Waiting } from "../call/waiting.ts";
import type { UnknownMethods } from "../message/known-methods.ts";
import { assertJoinable } from "./joined-names.ts";
import type { UpstreamConnection, UpstreamListener } from "../upstream/upstream-connection.ts";

export interface JoinedServer {
  /** In policy ids, and before each name on the wire. */
  readonly name: string;
  /** A connection of its own. */
  readonly connect: (listener: UpstreamListener) => UpstreamConnection;
  /** Asked with the first call of each client. */
  readonly server: () => Promise<ServerRef>;
  readonly waiting: Waiting;
  readonly unknownMethods: UnknownMethods;
  /** What clients without sessions come back to; shared with whoever else serves this server. */
  readonly rounds: Rounds;
  /** What seals their states, for clients that have rounds of their own. */
  readonly stateKey?: (() => Uint8Array) | undefined;
}

export class JoinedServers {
  #servers: readonly JoinedServer[];
  readonly #listeners = new Set<() => void>();

  /** Throws TypeError where two names on the wire could be one. */
  constructor(servers: readonly JoinedServer[]) {
    this.#servers = joinable(servers);
  }

  get all(): readonly JoinedServer[] {
    return this.#servers;
  }

  /** These from now on; one that is the same object as before notices nothing. */
  replace(servers: readonly JoinedServer[]): void {
    this.#servers = joinable(servers);
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

function joinable(servers: readonly JoinedServer[]): readonly JoinedServer[] {
  for (const { name } of servers) assertJoinable(name);
  if (new Set(servers.map(({ name }) => name)).size < servers.length) throw new TypeError("two servers of one name cannot be joined");
  return servers;
}
