/**
 * stdio in front of stdio: the client on our own standard input and output, the upstream as a process. It ends when either of them does, or
 * when it is told to, and takes the upstream along. Called by cli/gateway.ts.
 */
import type { Readable, Writable } from "node:stream";
import { randomUUID } from "node:crypto";
import { assertServerName, serverIdentity, type Governance } from "@countersign/sdk/enforcement";
import { LineFramer } from "./line-framer.ts";
import { Relay } from "./relay.ts";
import type { UpstreamCommand, UpstreamProcess } from "./upstream-process.ts";
import { WAITING, type Waiting } from "./waiting.ts";

export interface StdioGatewayOptions {
  readonly upstream: UpstreamProcess;
  /** How it was started: its identity. */
  readonly launch: UpstreamCommand;
  /** Of the server in policy ids. */
  readonly name: string;
  /** Claims about the caller; recorded as such, never a source of rights. */
  readonly agent: string;
  readonly user: string;
  readonly env: NodeJS.ProcessEnv;
  readonly governance: () => Governance | Promise<Governance>;
  readonly waiting?: Waiting;
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
/** So much of the server's may have to be held in memory. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** What was sent when the client left may still be answered for so long: then its outcome is known. */
const DRAIN_MS = 1_000;
/** Calls that still wait for something of ours, such as a control plane that is starting, are left then: nothing can be sent any more. */
const END_MS = 5_000;
const CANCEL_GRACE_MS = 10_000;

/** Resolves with the exit code: the upstream's own where it ended first, else 0. */
export async function runStdioGateway(options: StdioGatewayOptions, { input, output, stopped, onWarning }: StdioStreams): Promise<number> {
  const { upstream, launch, name, agent, user, env, governance, waiting = WAITING, maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  assertServerName(name);
  const relay = new Relay({
    governance,
    server: async () => ({ name, identity: await serverIdentity({ kind: "stdio", ...launch, envNames: [] }, env), transport: "stdio" }),
    caller: { agent: { name: agent, id: "" }, user: { id: user }, session: { id: randomUUID() } },
    waiting,
    cancelGraceMs: CANCEL_GRACE_MS,
    toClient: pausing(output, upstream.output),
    toUpstream: pausing(upstream.input, input),
    onWarning,
  });
  const client = new LineFramer(maxMessageBytes, { onLine: (line) => relay.fromClient(line), onOversize: () => relay.oversizeFromClient(maxMessageBytes) });
  const server = new LineFramer(MAX_ANSWER_BYTES, { onLine: (line) => relay.fromUpstream(line), onOversize: () => onWarning(`a message of the server was longer than ${MAX_ANSWER_BYTES} bytes; it is not passed on`) });
  upstream.output.on("data", (chunk: Buffer) => server.push(chunk));
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
function pausing(to: Writable, from: Readable): (bytes: Buffer | string) => void {
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

async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
