/** What every record sink must do, as a suite that any test runner in the style of vitest can run. */
import { createEphemeralKey } from "../record/argument-key.ts";
import { createRecorder } from "../record/recorder.ts";
import type { RecordSink } from "../record/record-sink.ts";
import { verifyRecord } from "../record/verify-record.ts";

/** The few members of a test runner that the suite uses: vitest, jest and node:test with `expect` have them. */
export interface TestRunnerLike {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
  readonly expect: (actual: unknown) => ExpectationLike;
}

interface ExpectationLike {
  toBe(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
}

/** A fresh sink, and what was put into it so far. */
export interface SinkUnderTest {
  readonly sink: RecordSink;
  readonly readText: () => Promise<string>;
}

/** Runs the contract: `recordSinkContract("my sink", createMySink, { describe, it, expect })`. */
export function recordSinkContract(name: string, create: () => Promise<SinkUnderTest>, runner: TestRunnerLike): void {
  const { describe, expect, it } = runner;
  describe(`record sink contract: ${name}`, () => {
    it("keeps text in the order in which it was written, byte for byte", async () => {
      const { readText, sink } = await create();
      const texts = ["one\n", "zwei ä €\n", "three 😀\u0000\n", `${"x".repeat(300_000)}\n`];
      for (const text of texts) await sink.write(text);
      await sink.sync();
      expect(await readText()).toBe(texts.join(""));
      await sink.close();
    });

    it("has the text when sync resolves, and sync on an empty sink resolves", async () => {
      const { readText, sink } = await create();
      await sink.sync();
      await sink.write("row\n");
      await sink.sync();
      expect(await readText()).toBe("row\n");
      await sink.close();
    });

    it("lets writeSync take the place of a write that is under way", async () => {
      const { readText, sink } = await create();
      await sink.write("before\n");
      const underWay = sink.write("under way\n");
      if (sink.writeSync !== undefined) sink.writeSync("under way\nafter\n");
      await underWay;
      await sink.write("last\n");
      await sink.sync();
      expect(await readText()).toBe(sink.writeSync === undefined ? "before\nunder way\nlast\n" : "before\nunder way\nafter\nlast\n");
      await sink.close();
    });

    it("closes any number of times, and takes nothing afterwards", async () => {
      const { readText, sink } = await create();
      await sink.write("row\n");
      await sink.close();
      await sink.close();
      const late = await sink.write("late\n").then(
        () => "accepted",
        () => "refused",
      );
      expect(late).toBe("refused");
      expect(await readText()).toBe("row\n");
    });

    it("holds a record that verifies up to its head", async () => {
      const { readText, sink } = await create();
      const recorder = createRecorder(sink, {
        arguments: "encrypted",
        key: createEphemeralKey("contract"),
        required: true,
        now: Date.now,
        onWarning: () => {},
      });
      for (let tenth = 0; tenth < 10; tenth += 1) {
        for (let row = 0; row < 30; row += 1) {
          await recorder.append({ type: "outcome", callId: `call-${tenth}-${row}`, at: tenth, outcome: "completed", elapsedMs: row });
        }
        await recorder.flush();
      }
      const head = recorder.head();
      await recorder.close();
      const { closed, ok, problems, rows } = verifyRecord(await readText(), { head });
      expect({ closed, ok, problems, rows }).toEqual({ closed: true, ok: true, problems: [], rows: 302 });
    });
  });
}
