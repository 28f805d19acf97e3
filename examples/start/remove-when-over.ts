// `remove-when-over.ts DIRECTORY PID`: removes the directory once its input has ended and the process is gone. So nothing of the control plane
// stays on disk where `npm start` is killed: its children's inputs end then, and the control plane with its own.
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MS = 50;
const PATIENCE_MS = 60_000;

const [directory = "", pid = ""] = process.argv.slice(2);
process.stdin.resume().once("close", () => void remove());

async function remove(): Promise<void> {
  for (const until = performance.now() + PATIENCE_MS; isThere(Number(pid)) && performance.now() < until; ) await sleep(LOOK_MS);
  rmSync(directory, { recursive: true, force: true });
}

function isThere(one: number): boolean {
  try {
    return process.kill(one, 0);
  } catch {
    return false;
  }
}
