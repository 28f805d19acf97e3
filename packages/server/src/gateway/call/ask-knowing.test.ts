import { afterEach, describe, expect, it } from "vitest";
import { memoryRelay, type MemoryRelay, type Message } from "../fixture/memory-relay.ts";
import { scriptedAsk, type ScriptedAsk } from "../fixture/scripted-ask.ts";

const BLOCK_WRITES = { version: 1 as const, default: "allow" as const, policies: [{ name: "writes", match: "mcp:files:write", action: "block" as const, reason: "Writes need approval" }] };

let at: MemoryRelay;
afterEach(() => at.close());

const isCall = ({ method }: Message): boolean => method === "tools/call";
const callsUpstream = (): readonly string[] => at.toUpstream.filter((text) => text.includes('"tools/call"'));
const listWith = async (description: string): Promise<void> => {
  const { id } = await at.heard("upstream", ({ method }) => method === "tools/list");
  at.say({ jsonrpc: "2.0", id, result: { tools: [{ name: "write", description, inputSchema: { type: "object" } }] } });
};

describe("a yes in a session whose server has announced that its tools are others", () => {
  /** A held call, an announcement, and a yes before the new list is there. */
  async function approvedMeanwhile(): Promise<ScriptedAsk> {
    const people = scriptedAsk();
    at = memoryRelay({ ask: people, policies: BLOCK_WRITES, tools: undefined });
    at.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "write", arguments: {}, _meta: { progressToken: 1 } } });
    await listWith("writes a file");
    await expect.poll(() => people.questions.length).toBe(1);
    at.say({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    people.decide("approved");
    await new Promise((resolve) => setTimeout(resolve, 20));
    return people;
  }

  it("counts once the new list is there, and for the tool as it was alone: one that has changed is asked about anew", async () => {
    const people = await approvedMeanwhile();
    expect([callsUpstream(), people.claimed]).toEqual([[], []]);
    await listWith("sends a file to somebody");
    await at.heard("upstream", isCall);
    expect(people.questions.map(({ definition }) => definition?.["description"])).toEqual(["writes a file", "sends a file to somebody"]);
    expect(people.claimed).toEqual(["r2"]); // whoever says yes here says it to both
  });

  it("runs the call where the tool turns out to be the same", async () => {
    const people = await approvedMeanwhile();
    await listWith("writes a file");
    await at.heard("upstream", isCall);
    expect([callsUpstream().length, people.claimed]).toEqual([1, ["r1"]]);
  });
});
