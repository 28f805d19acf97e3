/**
 * stdio in front: the client on our own standard input and output, before one upstream, whatever carries that one. It ends when either of
 * them does, or when it is told to, and takes the upstream along. Called by cli/gateway.ts.
 */
import type { Readable, Writable } from "node:stream";
import { randomUUID } from "node:crypto";
import { assertServerName, type Governance } from "@countersign/sdk/enforcement";
import { LineFramer } from "../message/line-framer.ts";
import { Relay, type RelayOptions } from "../relay.ts";
import type { UpstreamConnection, UpstreamListener } from "../upstream/upstream-connection.ts";
import { WAITING, type Waiting } from "../call/waiting.ts";
import { within } from "../within.ts";

export interface StdioGatewayOptions {
  /** Called once: the client is the only one. */
  readonly connect: (listener: UpstreamListener) => UpstreamConnection;
  /** The upstream: its name in policy ids, its identity, how it is reached. */
  readonly server: RelayOptions["server"];
  readonly name: string;
  /** Claims about the caller; recorded as such, never a source of rights. */
  readonly agent: string;
  readonly user: string;
  readonly governance: () => Governance | Promise<Governance>;
  readonly waiting?: Waiting;
  /** As RelayOptions has it. */
  readonly onListed?: () => void;
  /** What seals the states that a client carries from round to round. Default: a random key, and then none outlives this process. */
  readonly stateKey?: () => Uint8Array;
  readonly maxMessageBytes?: number;
}

export interface StdioStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Resolves when the process is told to end. */
  readonly stopped: Promise<void>;
  readonly onWarning: (message: string) => void;
}

/** As the official SDK reads at most. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** What was sent when the client left may still be answered for so long: then its outcome is known. */
const DRAIN_MS = 1_000;
/** Calls that still wait for something of ours, such as a control plane that is starting, are left then: nothing can be sent any more. */
const END_MS = 5_000;
const CANCEL_GRACE_MS = 10_000;

/** Resolves with the exit code: the upstream's own where it ended first, else 0. */
export async function runStdioGateway(options: StdioGatewayOptions, { input, output, stopped, onWarning }: StdioStreams): Promise<number> {
  const { connect, server, name, agent, user, governance, stateKey, onListed, waiting = WAITING, maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  assertServerName(name);
  const upstream = connect({ onLine: (line, outcome) => relay.fromUpstream(line, outcome), onDrain: () => input.resume(), onWarning });
  const relay = new Relay({
    governance,
    server,
    caller: { agent: { name: agent, id: "" }, user: { id: user }, session: { id: randomUUID() } },
    waiting,
    stateKey,
    onListed,
    cancelGraceMs: CANCEL_GRACE_MS,
    toClient: pausing(output, upstream),
    toUpstream(line) {
      if (!upstream.send(line)) input.pause();
    },
    onWarning,
  });
  const client = new LineFramer(maxMessageBytes, { onLine: (line) => relay.fromClient(line), onOversize: () => relay.oversizeFromClient(maxMessageBytes) });
  input.on("data", (chunk: Buffer) => client.push(chunk));
  const left = Promise.race([untilOver(input), stopped]).then(() => undefined);
  const end = await Promise.race([upstream.ended, left]);
  if (end === undefined) {
    relay.clientGone();
    await within(relay.drained(), DRAIN_MS);
    await upstream.stop();
  }
  relay.upstreamGone();
  await within(relay.drained(), END_MS);
  input.pause();
  if (end?.kind === "not started") onWarning(`the server could not be started: ${end.why}`);
  return end?.code ?? 0;
}

/** Writes, and pauses whoever makes what is written while nobody takes it. What is written to somebody who has gone is lost. */
function pausing(to: Writable, from: Pick<UpstreamConnection, "pause" | "resume">): (bytes: Buffer | string) => void {
  let full = false;
  const go = (): void => {
    full = false;
    from.resume();
  };
  to.on("error", go);
  return (bytes) => {
    if (to.destroyed || to.writableEnded || to.write(bytes) || full) return;
    full = true;
    from.pause();
    to.once("drain", go);
  };
}

function untilOver(input: Readable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"] as const) input.once(event, () => resolve());
  });
}
