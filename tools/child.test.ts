import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { runChild } from "./child.mjs";

const OPTIONS = { cwd: import.meta.dirname };
const CHILD_MODULE = JSON.stringify(new URL("child.mjs", import.meta.url).href);

/** Runs `script` in a child of a child, the way run.mjs runs a command, and tells how the outer one ended. */
async function endOf(script: string, signal?: NodeJS.Signals): Promise<readonly unknown[]> {
  const outer = `
    import { endLike, runChild } from ${CHILD_MODULE};
    endLike(await runChild(process.execPath, ["-e", ${JSON.stringify(script)}], { cwd: ".", show: true }));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", outer], { stdio: ["ignore", "pipe", "ignore"] });
  if (signal !== undefined) {
    await once(child.stdout, "data");
    child.kill(signal);
  }
  return await once(child, "close");
}

describe("a command that run.mjs runs", () => {
  it("gives its exit code", async () => {
    expect(await endOf("process.exit(7)")).toEqual([7, null]);
  });

  it("gives the signal it ended by", async () => {
    expect(await endOf("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)")).toEqual([null, "SIGTERM"]);
  });

  it("is sent the signals that its parent gets, and may end in its own way", async () => {
    const waits = (end: string): string => `process.on("SIGTERM", () => { ${end} }); setInterval(() => {}, 1000); console.log("ready");`;
    expect(await endOf(waits("process.exit(3)"), "SIGTERM")).toEqual([3, null]);
    expect(await endOf("setInterval(() => {}, 1000); console.log('ready');", "SIGINT")).toEqual([null, "SIGINT"]);
  });
});

describe("a step of the set-up", () => {
  it("keeps its output, both streams, and has no stdin to wait for", async () => {
    const ended = await runChild(process.execPath, ["-e", "process.stdin.on('data', () => {}); console.log('out'); console.error('err')"], OPTIONS);
    expect(ended.code).toBe(0);
    expect(ended.output.split("\n").toSorted()).toEqual(["", "err", "out"]);
  });

  it("is stopped when its time is over", async () => {
    const ended = await runChild(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { ...OPTIONS, timeoutMs: 300 });
    expect(ended.signal).toBe("SIGTERM");
  });
});
