/**
 * How a gateway comes by a control plane to ask people at: the one that owns the state directory, started in the background where none
 * runs; and the key of this machine's gateways, which is made once and kept beside it. The key asks and reports and never decides.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { people } from "@countersign/sdk/wire";
import { z } from "zod";
import { clientOf } from "./control-client.ts";
import { findControl, type Found } from "./find-control.ts";
import { CheckFailure } from "./ports.ts";
import { startInBackground } from "./start-in-background.ts";
import type { UpOptions, UpPorts } from "./up.ts";

export interface JoinedControl {
  readonly url: string;
  readonly apiKey: string;
}

const NAME = "gateway.key";
const keyFile = z.object({ installation: z.string(), secret: z.string() });
const BACKGROUND: UpOptions = { host: "127.0.0.1", checkpointsTo: [], trustProxy: [], background: true, endWithInput: false };

/**
 * Throws CheckFailure where there is none and none can be started. Nothing is printed but warnings: standard output is the client's. `port`:
 * where one that is started is to listen, because those who know the last one look there.
 */
export async function joinControl(directory: string, ports: UpPorts, port?: number): Promise<JoinedControl> {
  const { running, secret } = await runningAt(directory, ports, port);
  const kept = readKey(directory);
  if (kept?.installation === running.instance) return { url: running.url, apiKey: kept.secret };
  const made = people.agentKeyMade.parse(await clientOf(running.url, secret).request("POST", "/v1/gateway-key", { name: "gateways of this machine" }));
  writeKey(directory, { installation: running.instance, secret: made.secret });
  return { url: running.url, apiKey: made.secret };
}

async function runningAt(directory: string, ports: UpPorts, port: number | undefined): Promise<Extract<Found, { readonly secret: string }>> {
  const found = await findControl(directory);
  if (found.running !== undefined) return found;
  await startInBackground({ ...BACKGROUND, port }, directory, { ...ports, out: () => undefined });
  const started = await findControl(directory);
  if (started.running === undefined) throw new CheckFailure(started.why);
  return started;
}

/** Undefined where there is none, or it is none of ours. */
function readKey(directory: string): z.infer<typeof keyFile> | undefined {
  try {
    return keyFile.parse(JSON.parse(readFileSync(join(directory, NAME), "utf8")));
  } catch {
    return undefined;
  }
}

/** Whole or not at all; of two gateways that start at once, both keys are good. */
function writeKey(directory: string, key: z.infer<typeof keyFile>): void {
  const beside = join(directory, `.${NAME}.${process.pid}.${randomBytes(4).toString("hex")}`);
  writeFileSync(beside, `${JSON.stringify(key)}\n`, { flag: "wx", mode: 0o600 });
  renameSync(beside, join(directory, NAME));
}
