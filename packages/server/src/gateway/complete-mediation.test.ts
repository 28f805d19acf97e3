import fc from "fast-check";
import { expect, it } from "vitest";
import { LineFramer } from "./message/line-framer.ts";
import { memoryRelay } from "./fixture/memory-relay.ts";
import { mutatedMessages } from "./fixture/mutated-messages.ts";
import { seesToolCall } from "./fixture/sloppy-witness.ts";

const RUNS = process.env["COUNTERSIGN_LONG"] === undefined ? 5_000 : 50_000;
const OURS = /^\{"jsonrpc":"2\.0","id":"countersign-[\w-]{12}-\d+","method":"tools\/call","params":\{/;

it.each([
  ['{"jsonrpc":"2.0","id":1,"method":"tools/call"}', true],
  ['[{"method":"ping"},{"method":"tools/call"}]', true],
  ['{"method":"ping","METHOD":"Tools/Call"}', true],
  ['{"method":"ping","method":"tools/call"}', true],
  ['{"method":"ping","params":\r{"method":"tools/call"}\r}', true],
  ["{method:'tools/call'}", true],
  ['{"a":1}{"method":"tools/call"}', true],
  ['{"\\u006dethod":"\\u0074ools/call\\u0000"}', true],
  ['{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"tools/call","method":"tools/call"}}', false],
  ['{"jsonrpc":"2.0","id":9,"result":{"method":"tools/call"}}', false],
])("the witness is sloppy, and no more than that: %s", (text, expected) => {
  expect(seesToolCall(Buffer.from(text))).toBe(expected);
});

it("R6: no message that an upstream could read as a tools/call reaches it without a recorded policy verdict", async () => {
  let [passed, calls, refused] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(mutatedMessages, { minLength: 10, maxLength: 10 }), async (messages) => {
      const at = memoryRelay({ tools: ["write"], answers: true });
      try {
        const framer = new LineFramer(1_000_000, { onLine: (line) => at.relay.fromClient(line), onOversize: () => undefined });
        for (const message of messages) {
          framer.push(Buffer.concat([message, Buffer.from("\n")]));
          await new Promise((resolve) => setImmediate(resolve));
        }
        const sent = at.toUpstream.filter((text) => OURS.test(text));
        const others = at.toUpstream.filter((text) => !OURS.test(text));
        expect(others.filter((text) => seesToolCall(Buffer.from(text)))).toEqual([]);
        at.relay.upstreamGone();
        await at.relay.drained();
        const allowed = (await at.rows()).filter(({ type, action }) => type === "decision" && action === "allow");
        expect(allowed).toHaveLength(sent.length);
        passed += others.length;
        calls += sent.length;
        refused += at.warnings.length;
      } finally {
        await at.close();
      }
    }),
    { numRuns: RUNS / 10, seed: 20_261_125 },
  );
  // All three ways are taken, or the test says nothing.
  expect([passed, calls, refused].every((count) => count > RUNS / 20), `${passed} passed, ${calls} calls, ${refused} refused`).toBe(true);
});

it("R6: what is passed on is the bytes as they came", async () => {
  await fc.assert(
    fc.asyncProperty(mutatedMessages, async (message) => {
      const at = memoryRelay({ tools: ["write"] });
      try {
        const lines = `${message.toString("latin1")}\n`.split(/(?<=\n)/);
        at.relay.fromClient(Buffer.from(lines[0] ?? "", "latin1"));
        await new Promise((resolve) => setImmediate(resolve));
        for (const text of at.toUpstream.filter((one) => !one.includes('"countersign-'))) expect(Buffer.from(text)).toEqual(Buffer.from(lines[0] ?? "", "latin1"));
      } finally {
        await at.close();
      }
    }),
    { numRuns: RUNS / 10, seed: 7 },
  );
});
