import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { until, WRITES_TEXT } from "./fixture/client-suite.ts";
import { FakeControlPlane } from "./fixture/fake-control-plane.ts";

const PROGRAM = fileURLToPath(new URL("../../../../examples/docs/control-plane-client/main.ts", import.meta.url));

it("the program of docs/control-plane-client.md runs, waits for the people, tells its outcome and its rows, and ends by itself", async () => {
  const fake = await FakeControlPlane.start();
  await fake.activate(WRITES_TEXT);
  const state = mkdtempSync(join(tmpdir(), "countersign-state-"));
  const env = { ...process.env, COUNTERSIGN_URL: fake.url, COUNTERSIGN_API_KEY: fake.apiKey, XDG_STATE_HOME: state };
  const child = spawn(process.execPath, [PROGRAM], { cwd: join(PROGRAM, "../../.."), env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise((resolve) => child.on("close", resolve));
    const { id } = await until(async () => (await fake.requests()).find(({ state: at }) => at === "pending"), 20_000);
    await fake.decide(id, "approve");
    expect(await ended).toBe(0);
    expect(output).toMatch(/^Successfully wrote to .*a\.txt\n\{\n {2}url: 'http:\/\/127\.0\.0\.1:\d+',\n {2}insecure: false,\n {2}connected: true,/);
    expect(await fake.requests()).toMatchObject([{ state: "completed", claims: 1, outcome: "completed" }]);
    expect((await fake.shipped()).filter(({ type }) => type === "decision")).toHaveLength(1);
  } finally {
    child.kill("SIGKILL");
    await fake.close();
    rmSync(state, { recursive: true });
  }
});
