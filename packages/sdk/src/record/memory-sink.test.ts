import { describe, expect, it } from "vitest";
import { recordSinkContract } from "../testing/record-sink-contract.ts";
import { MemorySink } from "./memory-sink.ts";

recordSinkContract(
  "memory",
  async () => {
    const sink = new MemorySink();
    return { sink, readText: async () => sink.text() };
  },
  { describe, expect, it },
);

describe("the memory record", () => {
  it("stays below its limit by letting the oldest text go, and counts that", async () => {
    const sink = new MemorySink({ limit: 1_000 });
    for (let n = 0; n < 100; n += 1) await sink.write(`${"x".repeat(99)}\n`);
    expect([sink.text().length, sink.dropped]).toEqual([1_000, 9_000]);
    await sink.write(`${"y".repeat(5_000)}\n`);
    expect([sink.text().length, sink.dropped]).toEqual([5_001, 10_000]);
  });
});
