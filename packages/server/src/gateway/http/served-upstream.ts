/** The upstream as those see it who serve its HTTP clients: how to reach it, and what holds for all of them. */
import type { Rounds } from "../call/rounds.ts";
import type { BeginClient } from "../begin-client.ts";
import type { RelayOptions } from "../relay.ts";
import type { UpstreamConnection, UpstreamListener } from "../upstream/upstream-connection.ts";
import type { Pulse } from "./pulse.ts";

export interface ServedUpstream extends Required<Pick<RelayOptions, "server" | "unknownMethods" | "waiting" | "cancelGraceMs" | "onWarning">> {
  /** A connection of its own. */
  readonly connect: (listener: UpstreamListener) => UpstreamConnection;
  /** How a client is begun in its session. Default: before a connection of its own. */
  readonly begin?: BeginClient | undefined;
  /** As RelayOptions has it. */
  readonly shownName?: RelayOptions["shownName"];
  readonly pulse: Pulse;
  /** What clients without sessions come back to. */
  readonly rounds: Rounds;
  /** How long an answer may take before a stream is opened for it. In a session early, so that its client can come back for it. */
  readonly openAfterMs: { readonly session: number; readonly exchange: number };
  /** How long a broken stream waits for its client. */
  readonly resumeMs: number;
}
