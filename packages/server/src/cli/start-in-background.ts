/** `countersign up --background`: the same program again, detached, with a log in the state directory; answers once it listens. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensurePrivateDirectory } from "@countersign/sdk/record";
import { isLocked } from "../control/installation/state-lock.ts";
import { whyNoDirectory } from "../control/run-control-plane.ts";
import { findControl, findRunning } from "./find-control.ts";
import { CheckFailure, UsageError, type ExitCode } from "./ports.ts";
import type { UpOptions, UpPorts } from "./up.ts";

const START_MS = 15_000;
const LOOK_MS = 50;
const IDLE_HOURS = 24;

export async function startInBackground(options: UpOptions, directory: string, { self, env, out }: UpPorts): Promise<ExitCode> {
  const known = await findRunning(directory);
  if (known !== undefined) {
    out(`A control plane runs on ${directory} already: ${known.url} (process ${known.pid})`);
    return 0;
  }
  try {
    ensurePrivateDirectory(directory);
  } catch (cause) {
    throw new UsageError(whyNoDirectory(directory, cause));
  }
  mkdirSync(join(directory, "log"), { recursive: true, mode: 0o700 });
  const log = join(directory, "log", "control-plane.log");
  const file = openSync(log, "a", 0o600);
  const [command = process.execPath, ...before] = self;
  let child: ChildProcess | undefined;
  let ended = false;
  const until = performance.now() + START_MS;
  try {
    for (;;) {
      // One that holds the directory and does not answer is busy, is starting or ending: another one would only take from it what it lacks.
      if (child === undefined && !isLocked(directory)) {
        child = spawn(command, [...before, "up", ...argumentsOf(options), "--dir", directory], { detached: true, stdio: ["ignore", file, file], env, cwd: directory });
        for (const event of ["exit", "error"]) child.once(event, () => (ended = true));
      }
      const found = await findControl(directory);
      if (found.running !== undefined) {
        // Where another was faster, ours may only be starting: it would take the directory once that one has ended.
        if (child?.pid !== found.running.pid) child?.kill();
        child?.unref();
        out(`Countersign control plane at ${found.running.url} (process ${found.running.pid}; log: ${log})`);
        return 0;
      }
      // Where another was faster, ours has ended, and the other one is about to listen.
      if (performance.now() > until || (ended && !isLocked(directory))) {
        child?.kill();
        throw new CheckFailure(child === undefined ? found.why : `The control plane did not start. The end of ${log}:\n${endOf(log)}`);
      }
      await sleep(LOOK_MS);
    }
  } finally {
    closeSync(file);
  }
}

/** Files by their whole path: the process works in the state directory, not in this one. */
function argumentsOf({ host, port, publicUrl, postgres, policies, checkpointsTo, trustProxy, idleHours = IDLE_HOURS }: UpOptions): string[] {
  const given: [string, string | number | undefined][] = [["--host", host], ["--port", port], ["--public-url", publicUrl], ["--postgres", postgres], ["--policies", policies === undefined ? undefined : resolve(policies)], ["--idle-hours", idleHours]];
  return [
    ...given.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)])),
    ...checkpointsTo.flatMap((place) => ["--checkpoints-to", /^https?:/i.test(place) ? place : resolve(place)]),
    ...trustProxy.flatMap((address) => ["--trust-proxy", address]),
  ];
}

function endOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-8).join("\n");
  } catch {
    return "(empty)";
  }
}
