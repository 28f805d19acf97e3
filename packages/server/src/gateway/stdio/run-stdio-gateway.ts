/**
 * stdio in front: the client on our own standard input and output, before one upstream, whatever carries that one, or before all joined. It ends when either of
 * them does, or when it is told to, and takes the upstream along. Called by cli/gateway.ts.
 */
import type { Readable, Writable } from "node:stream";
import { randomUUID } from "node:crypto";
import { assertServerName, type Governance } from "@countersign/sdk/enforcement";
import { LineFramer } from "../message/line-framer.ts";
import { beginRelay, type BeginClient } from "../begin-client.ts";
import type { RelayOptions } from "../relay.ts";
import type { UpstreamConnection, UpstreamListener } from "../upstream/upstream-connection.ts";
import { WAITING, type Waiting } from "../call/waiting.ts";
import { within } from "../within.ts";

export interface StdioClient {
  /** Claims about the caller; recorded as such, never a source of rights. */
  readonly agent: string;
  readonly user: string;
  /** `server`: whose calls, where there are several. */
  readonly governance: (server?: string) => Governance | Promise<Governance>;
  readonly maxMessageBytes?: number | undefined;
}

export interface StdioGatewayOptions extends StdioClient {
  /** Called once: the client is the only one. */
  readonly connect: (listener: UpstreamListener) => UpstreamConnection;
  /** The upstream: its name in policy ids, its identity, how it is reached. */
  readonly server: RelayOptions["server"];
  readonly name: string;
  readonly waiting?: Waiting;
  /** As RelayOptions has it. */
  readonly onListed?: () => void;
  /** What seals the states that a client carries from round to round. Default: a random key, and then none outlives this process. */
  readonly stateKey?: () => Uint8Array;
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
export async function runStdioGateway(options: StdioGatewayOptions, streams: StdioStreams): Promise<number> {
  const { name, agent, user, governance, maxMessageBytes, waiting = WAITING } = options;
  assertServerName(name);
  const upstream = { ...options, waiting, unknownMethods: undefined, cancelGraceMs: CANCEL_GRACE_MS };
  return serveStdioClient((begun) => beginRelay(upstream, begun), { agent, user, governance, maxMessageBytes }, streams);
}

/** The one client on these streams, before whatever `begin` begins. As runStdioGateway. */
export async function serveStdioClient(begin: BeginClient, client: StdioClient, { input, output, stopped, onWarning }: StdioStreams): Promise<number> {
  const { agent, user, governance, maxMessageBytes = MAX_MESSAGE_BYTES } = client;
  const served = begin({
    governance,
    caller: { agent: { name: agent, id: "" }, user: { id: user }, session: { id: randomUUID() } },
    toClient: pausing(output, () => served),
    onFull: () => input.pause(),
    onDrain: () => input.resume(),
    onWarning,
  });
  const framer = new LineFramer(maxMessageBytes, { onLine: (line) => served.fromClient(line), onOversize: () => served.oversizeFromClient(maxMessageBytes) });
  input.on("data", (chunk: Buffer) => framer.push(chunk));
  const left = Promise.race([untilOver(input), stopped]).then(() => undefined);
  const end = await Promise.race([served.ended, left]);
  if (end === undefined) {
    served.clientGone();
    await within(served.drained(), DRAIN_MS);
    await served.stop();
  }
  served.upstreamGone();
  await within(served.drained(), END_MS);
  input.pause();
  if (end?.kind === "not started") onWarning(`the server could not be started: ${end.why}`);
  return end?.code ?? 0;
}

/** Writes, and pauses whoever makes what is written while nobody takes it. What is written to somebody who has gone is lost. */
function pausing(to: Writable, from: () => Pick<UpstreamConnection, "pause" | "resume">): (bytes: Buffer | string) => void {
  let full = false;
  const go = (): void => {
    full = false;
    from().resume();
  };
  to.on("error", go);
  return (bytes) => {
    if (to.destroyed || to.writableEnded || to.write(bytes) || full) return;
    full = true;
    from().pause();
    to.once("drain", go);
  };
}

function untilOver(input: Readable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"] as const) input.once(event, () => resolve());
  });
}
