import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type { PolicyDocument } from "@countersign/sdk";
import { inTime } from "../fixture/in-time.ts";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { answers, askStateless, PATIENT, says, textOf, type Message } from "../http/fixture/http-peer.ts";
import { connectProcess } from "../upstream/connect-process.ts";
import { startUpstream } from "../upstream/upstream-process.ts";
import { joinedHttpStage, type JoinedHttpOptions, type JoinedHttpStage } from "./fixture/joined-http-stage.ts";
import { joinedServerOf } from "./fixture/joined-stage.ts";
import { scriptedServer, type ScriptedServer } from "./fixture/scripted-server.ts";

let at: JoinedHttpStage;
afterEach(() => at.close());
async function open(given: Readonly<Record<string, Pick<ScriptedServer, "connect">>>, options: JoinedHttpOptions = {}): Promise<void> {
  at = await joinedHttpStage(Object.entries(given).map(([name, server]) => joinedServerOf(name, server)), options);
}
let count = 0;
const ask = async (method: string, params: object = {}): Promise<Message> => {
  const { json, events } = await askStateless(at.url, (count += 1), method, params).ended;
  return events.at(-1)?.message ?? json;
};
const names = async (): Promise<readonly unknown[]> => ((await ask("tools/list"))["result"] as { readonly tools: readonly Message[] }).tools.map(({ name }) => name);
const dual = (tools: readonly string[], more: object = {}): ScriptedServer => scriptedServer({ dual: true, tools, ...more });
const DUAL = fileURLToPath(new URL("../http/fixture/dual-server.ts", import.meta.url));
const official = { connect: (listener: Parameters<ScriptedServer["connect"]>[0]) => connectProcess(startUpstream({ command: process.execPath, args: [DUAL] }, process.env), listener) };
const ASKS: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "asks", match: "mcp:a:write", action: "block", reason: "ask" }] };

describe("servers joined, without sessions", () => {
  it("are discovered and listed as one, and called each through its own gate", async () => {
    const [a, b] = [dual(["read", "write"]), dual(["write"])];
    await open({ a, b }, { policies: { version: 1, default: "allow", policies: [{ name: "no", match: "mcp:a:write", action: "block", approval: "never", reason: "never at a" }] } });
    expect((await ask("server/discover"))["result"]).toMatchObject({ resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: { tools: { listChanged: true } }, instructions: expect.stringContaining("Servers: a, b.") });
    expect((await ask("tools/list"))["result"]).toMatchObject({ resultType: "complete", ttlMs: 5, cacheScope: "public" });
    expect(await names()).toEqual(["a__read", "a__write", "b__write"]);
    expect(textOf(await ask("tools/call", { name: "b__write", arguments: {} }))).toBe("ran write");
    expect(textOf(await ask("tools/call", { name: "a__write", arguments: {} }))).toContain("mcp:a:write: never at a");
    expect(textOf(await ask("tools/call", { name: "write", arguments: {} }))).toContain("no server here lists a tool of this name");
    expect([a.sent("tools/call"), b.sent("tools/call").length]).toEqual([[], 1]);
  });

  it("prompts and resources go where they are listed", async () => {
    const [a, b] = [dual([], { prompts: ["p"], resources: ["x://1"] }), dual([], { prompts: ["p"], templates: ["b://{id}"] })];
    await open({ a, b });
    expect((await ask("prompts/get", { name: "b__p" }))["result"]).toMatchObject({ description: "p" });
    expect((await ask("resources/read", { uri: "x://1" }))["result"]).toMatchObject({ contents: [{ uri: "x://1" }] });
    expect((await ask("resources/read", { uri: "b://9" }))["result"]).toMatchObject({ contents: [{ uri: "b://9" }] });
    expect(await ask("resources/read", { uri: "c://9" })).toMatchObject({ error: { code: -32_602, data: { uri: "c://9" } } });
    expect([a.sent("prompts/get"), b.sent("resources/read").length]).toEqual([[], 1]);
  });

  it("a held call is sent round and runs once when people say yes", async () => {
    const people = scriptedAsk();
    const a = dual(["write"]);
    await open({ a, b: dual(["x"]) }, { policies: ASKS, ask: people });
    const held = ask("tools/call", { name: "a__write", arguments: {} });
    await expect.poll(() => people.questions.length, PATIENT).toBe(1);
    people.decide("approved");
    expect(textOf(await held)).toBe("ran write");
    expect([people.claimed.length, a.sent("tools/call").length]).toEqual([1, 1]);
  });

  it("what a server asks in between comes back to it, by the name that the client knows", async () => {
    const a = dual(["ask"], {
      first(message: Message, peer: { answer(request: Message, result: object): void }) {
        if (message["method"] !== "tools/call") return false;
        const { inputResponses } = message["params"] as { readonly inputResponses?: unknown }; // of a call
        peer.answer(message, inputResponses === undefined ? { resultType: "input_required", requestState: "own", inputRequests: { q: { method: "roots/list" } } } : { resultType: "complete", content: [{ type: "text", text: JSON.stringify(inputResponses) }] });
        return true;
      },
    });
    await open({ a, b: dual(["x"]) });
    const call = { name: "a__ask", arguments: {} };
    const { requestState } = (await ask("tools/call", call))["result"] as { readonly requestState: string };
    expect(await ask("tools/call", { ...call, name: "b__x", requestState, inputResponses: { q: { roots: [] } } })).toMatchObject({ error: { code: -32_602 } });
    expect(textOf(await ask("tools/call", { ...call, requestState, inputResponses: { q: { roots: [] } } }))).toBe('{"q":{"roots":[]}}');
    expect(a.sent("tools/call").map(({ params }) => (params as Message)["requestState"])).toEqual([undefined, "own"]);
  });

  it("a task is asked about where it was made", async () => {
    const a = dual(["make"], {
      first(message: Message, peer: { answer(request: Message, result: object): void }) {
        if (message["method"] !== "tools/call" && message["method"] !== "tasks/get") return false;
        peer.answer(message, { resultType: message["method"] === "tasks/get" ? "complete" : "task", taskId: "t", status: "working", ttlMs: null, createdAt: "2026-01-01T00:00:00Z", lastUpdatedAt: "2026-01-01T00:00:00Z" });
        return true;
      },
    });
    await open({ a, b: dual(["x"]) });
    const meta = { "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } } };
    expect(await ask("tasks/get", { taskId: "t" })).toMatchObject({ error: { code: -32_602 } });
    expect((await askStateless(at.url, "make", "tools/call", { name: "a__make", arguments: {} }, { meta }).ended).json).toMatchObject({ result: { resultType: "task", taskId: "t" } });
    expect((await askStateless(at.url, "get", "tasks/get", { taskId: "t" }, { meta }).ended).json).toMatchObject({ result: { taskId: "t" } });
  });

  it("are no such server where one of them speaks sessions alone; the others are served to who asks all the same", async () => {
    await open({ a: dual(["read"]), old: scriptedServer({ tools: ["old"] }) });
    expect(await ask("server/discover")).toMatchObject({ error: { code: -32_601, message: expect.stringContaining("old does not speak") } });
    expect(await names()).toEqual(["a__read"]);
    expect(textOf(await ask("tools/call", { name: "old__old", arguments: {} }))).toContain("Not there now, so that their tools are missing: old");
  });

  it("one that does not answer keeps nobody waiting twice, and is there when it comes", async () => {
    let answer = (): void => undefined;
    const slow = dual(["late"], { first: (message: Message, peer: { answer(request: Message, result: object): void }) => message["method"] === "server/discover" && ((answer = () => peer.answer(message, { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: { tools: {} } })), true) });
    await open({ good: dual(["read"]), slow }, { greetMs: 1_500 });
    expect(await names()).toEqual(["good__read"]);
    expect(await inTime(names(), 150)).toEqual(["good__read"]);
    answer();
    await expect.poll(names, PATIENT).toEqual(["good__read", "slow__late"]);
  });

  it("are listened to on one stream, under the client's own id, as they come and go", async () => {
    const [a, b] = [dual(["a"]), dual(["b"])];
    await open({ a, b });
    await names();
    const stream = askStateless(at.url, "mine", "subscriptions/listen", { notifications: { toolsListChanged: true } });
    const own = { _meta: { "io.modelcontextprotocol/subscriptionId": "mine" } };
    expect((await stream.heard(says("notifications/subscriptions/acknowledged"))).message).toMatchObject({ params: { ...own, notifications: { toolsListChanged: true } } });
    await expect.poll(() => b.sent("subscriptions/listen").length, PATIENT).toBe(2); // its own, and this client's
    const { id } = b.sent("subscriptions/listen").find(({ id: asked }) => String(asked).startsWith("exchange-")) ?? {};
    b.peers[0]?.say({ jsonrpc: "2.0", method: "notifications/tools/list_changed", params: { _meta: { "io.modelcontextprotocol/subscriptionId": id }, from: "b" } });
    expect((await stream.heard(({ message }) => JSON.stringify(message).includes('"from":"b"'))).message).toMatchObject({ params: own });
    at.servers.replace([...at.servers.all, joinedServerOf("c", dual(["c"]))]);
    expect((await stream.heard((event) => says("notifications/tools/list_changed")(event) && !event.data.includes("from"))).message).toMatchObject({ params: own });
    expect(await names()).toEqual(["a__a", "b__b", "c__c"]);
    await at.drain();
    expect((await stream.heard(answers("mine"))).message).toMatchObject({ result: { resultType: "complete" } });
  });
});

describe("an official client and official servers", () => {
  async function connect(mode: "auto" | { readonly pin: string }): Promise<Client> {
    const client = new Client({ name: "client", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL(at.url)));
    return client;
  }

  it("lists, calls, is told of progress, hears of tools that come, without sessions", async () => {
    await open({ one: official, two: official });
    const client = await connect({ pin: "2026-07-28" });
    try {
      const listed = (await client.listTools()).tools.map(({ name }) => name);
      expect(listed).toEqual(expect.arrayContaining(["one__echo", "two__echo"]));
      expect(await client.callTool({ name: "two__echo", arguments: { text: "hi" } })).toMatchObject({ content: [{ text: "hi" }] });
      const steps: number[] = [];
      await client.callTool({ name: "one__steps", arguments: { text: "x" } }, { onprogress: ({ progress }) => void steps.push(progress) });
      expect(steps).toEqual([1, 2, 3]);
      const heard = Promise.withResolvers<void>();
      client.setNotificationHandler("notifications/tools/list_changed", () => heard.resolve());
      const subscription = await client.listen({ toolsListChanged: true });
      await client.callTool({ name: "two__add", arguments: { text: "more" } });
      await heard.promise;
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain("two__more");
      expect(await client.callTool({ name: "two__more", arguments: {} })).toMatchObject({ content: [{ text: "more is here" }] });
      await subscription.close();
    } finally {
      await client.close();
    }
  });

  it("finds all of them in sessions where one speaks nothing else", async () => {
    await open({ one: official, old: scriptedServer({ tools: ["old"] }) });
    const client = await connect("auto");
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe("2025-11-25");
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["one__echo", "old__old"]));
      expect(await client.callTool({ name: "old__old", arguments: {} })).toMatchObject({ content: [{ text: "ran old" }] });
    } finally {
      await client.close();
    }
  });
});
