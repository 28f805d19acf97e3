import { describe, expect, it } from "vitest";
import type { Chunk } from "./chain.ts";
import { DurableWriter } from "./durable-writer.ts";

function chunk(seq: number): Chunk {
  return { text: `${seq}\n`, rows: 1, head: { seq, hash: `${seq}` } };
}

describe("DurableWriter", () => {
  it("loses no chunk that came after a write was overtaken by writeSync, and repeats none", async () => {
    let text = "";
    let isFull = false;
    const slow = Promise.withResolvers<void>();
    const sink = {
      write: async (more: string) => {
        if (more === "1\n") return slow.promise;
        text += more;
      },
      writeSync: (more: string) => {
        if (isFull) throw new Error("ENOSPC");
        text += more;
      },
      sync: async () => {},
      close: async () => {},
    };
    const writer = new DurableWriter(sink, { stallMs: 1_000, onStall: () => {} });
    writer.add(chunk(1));
    const underWay = writer.write();
    writer.add(chunk(2));
    writer.writeSync();
    isFull = true;
    writer.add(chunk(3));
    expect(() => writer.writeSync()).toThrow("ENOSPC");
    slow.resolve();
    await underWay;
    expect([text, writer.hasWaiting]).toEqual(["1\n2\n", true]);
    await writer.write();
    await writer.sync();
    expect([text, writer.hasWaiting, writer.head.seq]).toEqual(["1\n2\n3\n", false, 3]);
  });

  it.each([
    { what: "rows", rows: 1_024, length: 10, chunks: 4 },
    { what: "text", rows: 16, length: 1024 * 1024, chunks: 4 },
  ])("wants a sync before much $what is written that it has to keep", async ({ rows, length, chunks }) => {
    const writer = new DurableWriter({ write: async () => {}, sync: async () => {}, close: async () => {} }, { stallMs: 1_000, onStall: () => {} });
    for (let seq = 1; seq <= chunks; seq++) {
      expect(writer.wantsSync).toBe(false);
      writer.add({ text: "x".repeat(length), rows, head: { seq, hash: `${seq}` } });
      await writer.write();
    }
    expect(writer.wantsSync).toBe(true);
    await writer.sync();
    expect([writer.wantsSync, writer.head.seq]).toEqual([false, chunks]);
  });
});
