import { expect, it } from "vitest";
import { readClientLine } from "./read-client-line.ts";

const line = (text: string): Buffer => Buffer.from(`${text}\n`);

it.each([
  ["600,000 members", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{${Array.from({ length: 600_000 }, (_, n) => `"k${n}":1`).join(",")}}}}`, "more than 200000 parts"],
  ["a list in a list, 5,000,000 times", `{"jsonrpc":"2.0","id":1,"result":${"[".repeat(5_000_000)}${"]".repeat(5_000_000)}}`, "deeper than 1000"],
])("a line of %s is refused before it is parsed, in a moment", (_what, text, reason) => {
  const bytes = line(text);
  const begun = performance.now();
  expect(readClientLine(bytes)).toEqual({ kind: "refused", id: null, code: -32_600, reason: expect.stringContaining(reason) });
  expect(performance.now() - begun).toBeLessThan(500);
});

it("a line of one string of 10 MiB is read, as an argument, in what a client answers, and in what it says", () => {
  const text = "\\u0041, [{".repeat(1_048_570);
  expect(text.length).toBeGreaterThan(10 * 1024 * 1024 - 1_000);
  expect(readClientLine(line(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"text":"${text}"}}}`))).toMatchObject({ kind: "call", id: 1 });
  expect(readClientLine(line(`{"jsonrpc":"2.0","id":1,"result":{"text":"${text}"}}`))).toMatchObject({ kind: "response", ok: true });
  expect(readClientLine(line(`{"jsonrpc":"2.0","method":"notifications/x","params":{"text":"${text}"}}`))).toMatchObject({ kind: "notification" });
});

it("what ends a line is no part of the message, and an empty line is none", () => {
  expect(readClientLine(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n'))).toMatchObject({ kind: "request", method: "ping" });
  expect([readClientLine(line("")), readClientLine(line("\r")), readClientLine(Buffer.from(""))]).toEqual([undefined, undefined, undefined]);
});
