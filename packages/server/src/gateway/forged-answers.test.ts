import { afterEach, describe, expect, it } from "vitest";
import type { Inspection } from "@countersign/sdk";
import { memoryRelay, type MemoryRelay, type Message } from "./fixture/memory-relay.ts";
import { scriptedAsk } from "./fixture/scripted-ask.ts";

const BLOCK_WRITES = { version: 1 as const, default: "allow" as const, policies: [{ name: "writes", match: "mcp:files:write", action: "block" as const, reason: "Writes need approval" }] };
const WITHHOLD = { version: 1 as const, policies: [], inspection: { pii: { output: { secret: "block" as const } } } };
const LOOKS: Inspection = { name: "secrets", inspectResult: (_call, result) => (JSON.stringify(result).includes("s3cret") ? [{ type: "secret", group: "pii", direction: "output", where: "/content/0/text" }] : []) };

let at: MemoryRelay;
afterEach(() => at.close());

const RESULT = '"result":{"content":[{"type":"text","text":"s3cret"}]}';
const FORGED: readonly (readonly [string, string])[] = [
  ["its id", `{"jsonrpc":"2.0","id":1,${RESULT}}`],
  ["its id as a text, which official clients read as the number", `{"jsonrpc":"2.0","id":"1",${RESULT}}`],
  ["its id as another text of that number", `{"jsonrpc":"2.0","id":" 0x1",${RESULT}}`],
  ["its id, as an error", '{"jsonrpc":"2.0","id":"1","error":{"code":1,"message":"s3cret"}}'],
  ["a list of answers", `[{"jsonrpc":"2.0","id":1,${RESULT}}]`],
];

describe("an answer that a server gives to a call which it was not sent under that id reaches nobody", () => {
  it.each(FORGED)("while people are asked: %s", async (_how, line) => {
    const people = scriptedAsk();
    at = memoryRelay({ policies: BLOCK_WRITES, ask: people });
    at.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "write" } });
    await expect.poll(() => people.questions.length).toBe(1);
    at.say(line);
    expect([at.toClient, at.warnings]).toEqual([[], [expect.stringContaining("that is not passed on")]]);
  });

  it.each(FORGED)("while its own answer is waited for and looked into: %s", async (_how, line) => {
    at = memoryRelay({ policies: WITHHOLD, inspections: [LOOKS] });
    at.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "read" } });
    const { id } = await at.heard("upstream", ({ method }: Message) => method === "tools/call");
    at.say(line);
    at.say(`{"jsonrpc":"2.0","id":"${String(id)}",${RESULT}}`);
    expect(await at.heard("client", (message) => message["id"] === 1)).toMatchObject({ result: { isError: true } });
    expect(at.toClient.join("")).not.toContain("s3cret");
  });

  it("nor does one between carriage returns, where some clients end lines", () => {
    at = memoryRelay();
    at.say(`{"jsonrpc":"2.0","method":"notifications/message","params":\r{"jsonrpc":"2.0","id":1,${RESULT}}\r}\r`);
    at.say(`a print\r{"jsonrpc":"2.0","id":1,${RESULT}}`);
    expect(at.toClient.map((line) => line.split(/\r\n|\r|\n/))).toEqual([[expect.stringContaining("notifications/message"), ""], [expect.stringContaining("a print"), ""]]);
  });
});

it("while a call is under way no request takes its id, however that is spelled", async () => {
  const people = scriptedAsk();
  at = memoryRelay({ policies: BLOCK_WRITES, ask: people });
  at.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "write" } });
  await expect.poll(() => people.questions.length).toBe(1);
  at.send({ jsonrpc: "2.0", id: "1", method: "ping" });
  at.send({ jsonrpc: "2.0", id: "1", method: "tools/call", params: { name: "write" } });
  expect(at.toClient.map((line) => JSON.parse(line) as Message)).toEqual(Array.from({ length: 2 }, () => ({ jsonrpc: "2.0", id: "1", error: { code: -32_600, message: expect.stringContaining("under way") } })));
  expect(at.toUpstream.filter((line) => line.includes("ping"))).toEqual([]);
});
