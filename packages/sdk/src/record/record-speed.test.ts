import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeDecision } from "./fixture/fake-entries.ts";
import { createEphemeralKey } from "./argument-key.ts";
import { JsonlSink } from "./jsonl-sink.ts";
import { createRecorder } from "./recorder.ts";

const ROWS = 8_000;
const ROUNDS = 5;

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe("the cost of the record", () => {
  it("writes 20,000 rows per second of CPU into a file with encryption, and a call pays less than a microsecond", async () => {
    const directory = mkdtempSync(join(tmpdir(), "countersign-speed-"));
    const recorder = createRecorder(new JsonlSink({ directory, startedAt: Date.now() }), {
      arguments: "encrypted",
      key: createEphemeralKey("speed"),
      required: true,
      now: Date.now,
      onWarning: () => {},
    });
    const entries = Array.from({ length: ROWS }, (_, n) => fakeDecision(n));
    const appendUs: number[] = [];
    const flushUs: number[] = [];
    const cpuUs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const cpu = process.cpuUsage();
      const start = performance.now();
      for (const entry of entries) void recorder.append(entry);
      const appended = performance.now();
      await recorder.flush();
      const { system, user } = process.cpuUsage(cpu);
      appendUs.push(((appended - start) * 1_000) / ROWS);
      flushUs.push(((performance.now() - appended) * 1_000) / ROWS);
      cpuUs.push((system + user) / ROWS);
    }
    await recorder.close();
    rmSync(directory, { recursive: true, force: true });
    const figures = { append: median(appendUs), flush: median(flushUs), cpu: median(cpuUs) };
    process.stdout.write(
      `record: append ${figures.append.toFixed(2)} us/call; flush ${figures.flush.toFixed(1)} us/row (${Math.round(1e6 / figures.flush)} rows/s), CPU ${figures.cpu.toFixed(1)} us/row\n`,
    );
    // The best round: other work on the machine only adds. Rows per second of wall time depend on the disk and are printed alone.
    expect(Math.min(...appendUs)).toBeLessThan(1);
    expect(Math.min(...cpuUs)).toBeLessThan(50);
  });
});
