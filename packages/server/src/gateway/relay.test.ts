import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { memoryRelay, type MemoryRelay, type MemoryRelayOptions, type Message } from "./fixture/memory-relay.ts";
import { scriptedAsk } from "./fixture/scripted-ask.ts";

let at: MemoryRelay;
function open(options: MemoryRelayOptions = {}): MemoryRelay {
  return (at = memoryRelay(options));
}
afterEach(() => at.close());

const call = (id: string | number, name: string, more: object = {}): object => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name, ...more } });
const isCall = ({ method }: Message): boolean => method === "tools/call";
const answersTo = (id: unknown) => (message: Message): boolean => message["id"] === id;
const textOf = (message: Message): string => (message["result"] as { content: [{ text: string }] }).content[0].text; // as answer-text.ts makes it
const BLOCK_WRITES = { version: 1 as const, default: "allow" as const, policies: [{ name: "writes", match: "mcp:files:write", action: "block" as const, reason: "Writes need approval" }] };
const callsUpstream = (): readonly Message[] => at.toUpstream.map((text) => JSON.parse(text) as Message).filter(isCall); // objects

describe("everything but tool calls passes as the bytes that came", () => {
  it.each([
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}',
    ' {"method" : "ping", "id":"x",  "jsonrpc":"2.0"} ',
    '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}',
    '{"jsonrpc":"2.0","id":7,"method":"vendor/\\u0078","params":{"n":1.50,"big":12345678901234567890}}',
    '{"jsonrpc":"2.0","id":3,"result":{"role":"assistant","content":{"type":"text","text":"é\\u00e9"}}}',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}\r',
  ])("from the client: %s", (text) => {
    open();
    at.send(text);
    expect([at.toUpstream, at.toClient]).toEqual([[`${text}\n`], []]);
  });

  it.each([
    '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}',
    '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1.0}}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}',
    '{"id":5,"error":{"code":-32601,"message":"no"},"jsonrpc":"2.0"}',
    "a server that prints to its standard output",
    '{"jsonrpc":"2.0","id":1,"result":1,"result":2}',
  ])("from the server: %s", (text) => {
    open();
    at.say(text);
    expect([at.toClient, at.toUpstream]).toEqual([[`${text}\n`], []]);
  });
});

it("a message of too many parts is refused before it is parsed, and the next one is served", async () => {
  open();
  at.send(call(1, "read", { arguments: Object.fromEntries(Array.from({ length: 600_000 }, (_, n) => [`k${n}`, n])) }));
  at.send(call(2, "read", { arguments: { text: "x".repeat(3_000_000) } }));
  expect(await at.heard("client", answersTo(null))).toEqual({ jsonrpc: "2.0", id: null, error: { code: -32_600, message: "Refused by Countersign: the message has more than 200000 parts" } });
  await at.heard("upstream", isCall);
  expect(callsUpstream()).toMatchObject([{ params: { arguments: { text: expect.stringMatching(/^x{3000000}$/) } } }]);
});

describe("a call that is allowed", () => {
  it("is sent as the canonical text that was decided on, under an id of ours, and its result comes back in its own bytes", async () => {
    open();
    at.send('{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"arguments":{"b":1.0,"a":"\\u00e9"},"name":"read","_meta":{"progressToken":5}}}');
    const sent = await at.heard("upstream", isCall);
    expect(at.toUpstream.at(-1)).toBe(`{"jsonrpc":"2.0","id":${JSON.stringify(sent["id"])},"method":"tools/call","params":{"name":"read","arguments":{"a":"é","b":1},"_meta":{"progressToken":5}}}\n`);
    expect(sent["id"]).toMatch(/^countersign-[\w-]{12}-\d+$/);
    at.say(`{"result" : {"content":[], "n":1.0, "id":${JSON.stringify(sent["id"])}},"jsonrpc":"2.0", "id":${JSON.stringify(sent["id"])}}`);
    await at.heard("client", answersTo(41));
    expect(at.toClient).toEqual([`{"result" : {"content":[], "n":1.0, "id":${JSON.stringify(sent["id"])}},"jsonrpc":"2.0", "id":41}\n`]);
    expect(await at.outcomes()).toEqual(["completed"]);
    expect(await at.rows()).toMatchObject([{ type: "decision", action: "allow", tool: "read", server: "files", agent: "agent" }]);
  });

  it("gets the server's own error, its code and its text", async () => {
    open();
    at.send(call("a", "read"));
    const { id } = await at.heard("upstream", isCall);
    at.say({ jsonrpc: "2.0", id, error: { code: -32_602, message: "bad", data: { x: 1 } } });
    expect(await at.heard("client", answersTo("a"))).toEqual({ jsonrpc: "2.0", id: "a", error: { code: -32_602, message: "bad", data: { x: 1 } } });
    expect(await at.outcomes()).toEqual(["failed"]);
  });

  it("is one of many at once, and each gets its own answer", async () => {
    open();
    for (let id = 0; id < 50; id += 1) at.send(call(id, "read", { arguments: { id } }));
    const sent: Message[] = [];
    while (sent.length < 50) sent.push(await at.heard("upstream", isCall));
    for (const { id, params } of sent.toReversed()) at.say({ jsonrpc: "2.0", id, result: params });
    for (let id = 0; id < 50; id += 1) expect(await at.heard("client", answersTo(id))).toMatchObject({ result: { arguments: { id } } });
  });

  it("is refused under the id of one that is under way, and above a thousand of them", async () => {
    open();
    at.send(call(1, "read"));
    at.send(call(1, "write"));
    at.send({ jsonrpc: "2.0", id: 1, method: "ping" });
    expect(at.toClient.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ id: 1, error: { code: -32_600 } }, { id: 1, error: { code: -32_600 } }]);
    for (let id = 2; id <= 1_025; id += 1) at.send(call(id, "read"));
    expect(JSON.parse(at.toClient.at(-1) ?? "")).toMatchObject({ id: 1_025, error: { code: -32_600 } });
    expect(at.toClient).toHaveLength(3);
  });
});

describe("a call that a policy blocks", () => {
  it("never reaches the server, and the model is told why in a tool result", async () => {
    open({ policies: BLOCK_WRITES });
    at.send(call(1, "write"));
    const answer = await at.heard("client", answersTo(1));
    expect(answer).toEqual({ jsonrpc: "2.0", id: 1, result: { isError: true, content: [{ type: "text", text: expect.stringContaining("MCP tool call blocked: mcp:files:write: Writes need approval. It did not run.") }] } });
    expect(callsUpstream()).toEqual([]);
  });

  it("runs once when people approve, and says so to nobody before", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask });
    at.send(call(1, "write", { arguments: { path: "/x" } }));
    await expect.poll(() => ask.questions.length).toBe(1);
    expect(ask.questions[0]?.call).toMatchObject({ tool: "write", argumentsText: '{"path":"/x"}', definition: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(callsUpstream()).toEqual([]);
    ask.decide("approved");
    const { id } = await at.heard("upstream", isCall);
    at.say({ jsonrpc: "2.0", id, result: { content: [] } });
    await at.heard("client", answersTo(1));
    expect([ask.claimed, ask.outcomes, callsUpstream().length]).toEqual([["r1"], ["completed"], 1]);
    expect(at.toClient).toHaveLength(1);
  });

  it("says what the approver says where it is denied", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask });
    at.send(call(1, "write"));
    ask.decide("denied", "not on Fridays");
    const text = textOf(await at.heard("client", answersTo(1)));
    expect(text).toContain('The approver says: "not on Fridays". A person denied it; it did not run.');
    expect(callsUpstream()).toEqual([]);
  });

  it("of a client that tried the protocol without sessions and then began one, is told so as a session has it", async () => {
    open({ policies: BLOCK_WRITES, ask: scriptedAsk(), holdMs: 1, roundMs: 1 });
    const envelope = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
    at.send({ jsonrpc: "2.0", id: "probe", method: "server/discover", params: { _meta: envelope } });
    at.say({ jsonrpc: "2.0", id: "probe", error: { code: -32_601, message: "late" } });
    at.send({ jsonrpc: "2.0", id: "begin", method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } } });
    at.say({ jsonrpc: "2.0", id: "begin", result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } } });
    at.send(call(1, "write"));
    const told = await at.heard("client", answersTo(1));
    expect(told).toMatchObject({ result: { isError: true } });
    expect(told["result"]).not.toHaveProperty("resultType");
    expect(textOf(told)).toContain("call write again with the same arguments");
  });

  it("is answered before its client gives up, and the same call again joins the request and runs once", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask, holdMs: 30 });
    at.send(call(1, "write", { arguments: { b: 1, a: 2 } }));
    const pending = await at.heard("client", answersTo(1));
    expect(pending).toMatchObject({ result: { isError: true } });
    expect(textOf(pending)).toContain("Approval request r1 can be answered at http://inbox/requests/r1 until 2030-01-01T00:00:00.000Z. To go on, call write again with the same arguments");
    ask.decide("approved");
    at.send(call(2, "write", { arguments: { a: 2, b: 1 } }));
    const { id } = await at.heard("upstream", isCall);
    at.say({ jsonrpc: "2.0", id, result: { content: [] } });
    expect(await at.heard("client", answersTo(2))).toMatchObject({ result: { content: [] } });
    expect([ask.claimed, callsUpstream().length]).toEqual([["r1"], 1]);
  });

  it("keeps a client that gave a progress token patient until people have answered", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask, holdMs: 20, progressMs: 15 });
    at.send(call(1, "write", { _meta: { progressToken: "tok" } }));
    const seen: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const { params } = await at.heard("client", ({ method }) => method === "notifications/progress");
      const { progressToken, progress, message } = params as { progressToken: unknown; progress: number; message: string }; // as the protocol says
      expect([progressToken, message]).toEqual(["tok", "Waiting for approval at http://inbox/requests/r1 (request r1)"]);
      seen.push(progress);
    }
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    expect(new Set(seen).size).toBe(4);
    ask.decide("approved");
    const { id } = await at.heard("upstream", isCall);
    const before = at.toClient.length;
    at.say({ jsonrpc: "2.0", id, result: { content: [] } });
    await at.heard("client", answersTo(1));
    expect(at.toClient).toHaveLength(before + 1);
  });
});

describe("cancellation", () => {
  it("of a held call ends its request; nothing runs and nothing is answered", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask });
    at.send(call(1, "write"));
    await expect.poll(() => ask.questions.length).toBe(1);
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1, reason: "user" } });
    await at.relay.drained();
    ask.decide("approved");
    expect([ask.cancelled, ask.claimed, callsUpstream(), at.toClient]).toEqual([["r1"], [], [], []]);
    expect(at.toUpstream.join("")).not.toContain("cancelled");
  });

  it("of a call that was sent reaches the server under the id that it knows, and the outcome is what the server says", async () => {
    open();
    at.send(call(1, "read"));
    const { id } = await at.heard("upstream", isCall);
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1, reason: "user" } });
    expect(await at.heard("upstream", ({ method }) => method === "notifications/cancelled")).toEqual({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason: "user" } });
    at.say({ jsonrpc: "2.0", id, result: { content: [] } });
    await at.relay.drained();
    expect(at.toClient).toEqual([]);
    expect(await at.outcomes()).toEqual(["completed"]);
  });

  it("of a call whose server never answers ends in an unknown outcome, and a late answer goes to nobody", async () => {
    open({ cancelGraceMs: 20 });
    at.send(call(1, "read"));
    const { id } = await at.heard("upstream", isCall);
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    await at.relay.drained();
    at.say({ jsonrpc: "2.0", id, result: { content: [] } });
    expect(at.toClient).toEqual([]);
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });
});

describe("the server's list of tools", () => {
  it("that cannot be had is told with the server's reason, and is no tool that is missing", async () => {
    open({ tools: undefined });
    at.send(call(1, "read"));
    const { id } = await at.heard("upstream", ({ method }) => method === "tools/list");
    at.say({ jsonrpc: "2.0", id, error: { code: -32_000, message: "Sign in\u202e first" } });
    expect(textOf(await at.heard("client", answersTo(1)))).toBe("The call did not run, since the tools of the server are not known: the server refused to list its tools: Sign in\\u{202E} first");
    expect(callsUpstream()).toEqual([]);
  });

  it("is asked for once where a call comes before any list, and names that are not in it are refused", async () => {
    open();
    at.send(call(1, "read"));
    at.send(call(2, "Read"));
    await at.heard("upstream", isCall);
    expect(textOf(await at.heard("client", answersTo(2)))).toContain("the server has no tool of this name");
    expect(callsUpstream()).toHaveLength(1);
  });

  it("is learned from what the client asks, page by page, and the gateway asks for nothing then", async () => {
    open({ tools: undefined });
    at.send({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    at.say({ jsonrpc: "2.0", id: 1, result: { tools: [{ name: "a", inputSchema: {} }], nextCursor: "2" } });
    at.send({ jsonrpc: "2.0", id: 2, method: "tools/list", params: { cursor: "2" } });
    at.say({ jsonrpc: "2.0", id: 2, result: { tools: [{ name: "b", inputSchema: {} }] } });
    at.send(call(3, "a"));
    at.send(call(4, "b"));
    expect([(await at.heard("upstream", isCall))["params"], (await at.heard("upstream", isCall))["params"]]).toEqual([{ name: "a", arguments: {} }, { name: "b", arguments: {} }]);
    expect(at.toUpstream.filter((text) => text.includes("countersign") && text.includes("tools/list"))).toEqual([]);
  });

  it("is asked for anew when the server says that it changed, and calls wait for it", async () => {
    open({ tools: undefined });
    at.send({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    at.say({ jsonrpc: "2.0", id: 1, result: { tools: [{ name: "a", inputSchema: {} }] } });
    at.say({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    at.send(call(2, "b"));
    const { id } = await at.heard("upstream", (message) => message["method"] === "tools/list" && typeof message["id"] === "string");
    expect(callsUpstream()).toEqual([]);
    at.say({ jsonrpc: "2.0", id, result: { tools: [{ name: "b", inputSchema: {} }] } });
    expect(await at.heard("upstream", isCall)).toMatchObject({ params: { name: "b" } });
    expect(at.toClient).toEqual([expect.stringContaining('"id":1'), '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n']);
  });

  describe("of a server whose clients have no session, and that announces nothing to them", () => {
    const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": { name: "c", version: "1" }, "io.modelcontextprotocol/clientCapabilities": {} };
    const modern = (id: number, name: string): object => call(id, name, { arguments: {}, _meta: META });
    const asksForTools = ({ id, method }: Message): boolean => method === "tools/list" && typeof id === "string";
    const answerWith = async (description: string): Promise<void> => at.say({ jsonrpc: "2.0", id: (await at.heard("upstream", asksForTools))["id"], result: { resultType: "complete", tools: [{ name: "write", description, inputSchema: { type: "object" } }] } });
    function later(ms: number): void {
      const now = performance.now.bind(performance);
      vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
      onTestFinished(() => void vi.restoreAllMocks());
    }

    it("is asked for anew once it is a minute old: the call goes on meanwhile, and the next one is judged by the new list", async () => {
      open({ tools: undefined });
      at.send(modern(1, "write"));
      await answerWith("as it was");
      await at.heard("upstream", isCall);
      later(61_000);
      at.send(modern(2, "write"));
      await at.heard("upstream", isCall);
      const { id } = await at.heard("upstream", asksForTools);
      at.say({ jsonrpc: "2.0", id, result: { resultType: "complete", tools: [] } });
      at.send(modern(3, "write"));
      await answerWith("back");
      await at.heard("upstream", isCall);
      expect(callsUpstream()).toHaveLength(3);
    });

    it("is asked for anew before a yes counts that came later: a tool that has changed is asked about anew, and runs on the new yes alone", async () => {
      const ask = scriptedAsk();
      open({ policies: BLOCK_WRITES, ask, tools: undefined });
      at.send(modern(1, "write"));
      await answerWith("writes a file");
      await expect.poll(() => ask.questions.length).toBe(1);
      later(61_000);
      ask.decide("approved");
      await answerWith("writes a file, and sends it to somebody");
      await expect.poll(() => ask.questions.length).toBe(2);
      expect(ask.questions.map(({ definition }) => definition?.["description"])).toEqual(["writes a file", "writes a file, and sends it to somebody"]);
    });
  });

  it("that cannot be had lets no call through", async () => {
    open({ tools: undefined });
    at.send(call(1, "read"));
    const { id } = await at.heard("upstream", ({ method }) => method === "tools/list");
    at.say({ jsonrpc: "2.0", id, error: { code: -32_601, message: "Method not found" } });
    expect(await at.heard("client", answersTo(1))).toMatchObject({ result: { isError: true } });
    expect(callsUpstream()).toEqual([]);
  });
});

describe("the end", () => {
  it("of the server: what it was sent is answered as unknown, what waits for people does not run", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask });
    at.send(call(1, "read"));
    await at.heard("upstream", isCall);
    at.send(call(2, "write"));
    await expect.poll(() => ask.questions.length).toBe(1);
    at.relay.upstreamGone();
    expect(await at.heard("client", answersTo(1))).toMatchObject({ error: { code: -32_000, message: expect.stringContaining("whether the tool ran is not known") } });
    expect(await at.heard("client", answersTo(2))).toMatchObject({ result: { isError: true } });
    at.send(call(3, "read"));
    expect(await at.heard("client", answersTo(3))).toMatchObject({ error: { message: "The server has ended; the call was not sent" } });
    expect(callsUpstream()).toHaveLength(1);
    expect(ask.cancelled).toEqual(["r1"]);
  });

  it("of the client: what waits for people is cancelled, and what was sent is waited for", async () => {
    const ask = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask });
    at.send(call(1, "read"));
    const { id } = await at.heard("upstream", isCall);
    at.send(call(2, "write"));
    await expect.poll(() => ask.questions.length).toBe(1);
    at.relay.clientGone();
    at.say({ jsonrpc: "2.0", id, result: { content: [] } });
    await at.relay.drained();
    expect(ask.cancelled).toEqual(["r1"]);
    expect(await at.outcomes()).toEqual(["completed"]);
  });
});

it("a server that answers a call which it was not sent is not believed", async () => {
  const ask = scriptedAsk();
  open({ policies: BLOCK_WRITES, ask });
  at.send(call(1, "write"));
  await expect.poll(() => ask.questions.length).toBe(1);
  at.say({ jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "done" }] } });
  expect(at.toClient).toEqual([]);
  expect(at.warnings).toEqual([expect.stringContaining("answered a call that was not sent")]);
});

it("the protocol without sessions: our own listing says who the client is, and every result says that it is complete", async () => {
  open({ policies: BLOCK_WRITES });
  const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}, mine: 1 };
  at.send(call(1, "write", { _meta: meta }));
  const { params } = await at.heard("upstream", ({ method }) => method === "tools/list");
  expect(params).toEqual({ _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } });
  expect(await at.heard("client", answersTo(1))).toMatchObject({ result: { isError: true, resultType: "complete" } });
  at.send(call(2, "read", { _meta: meta }));
  expect(await at.heard("upstream", isCall)).toMatchObject({ params: { name: "read", _meta: meta } });
});

it("approval fields of the client's own make a call malformed", async () => {
  open();
  at.send(call(1, "read", { approved: true }));
  expect(textOf(await at.heard("client", answersTo(1)))).toContain("the call is not well-formed");
  expect(callsUpstream()).toEqual([]);
});

it("a message that is refused stops none of the others", async () => {
  open();
  at.send("not JSON");
  at.send("");
  at.send({ jsonrpc: "2.0", id: 1, method: "ping" });
  expect(at.toClient.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ id: null, error: { code: -32_700 } }]);
  expect(at.toUpstream).toEqual(['{"jsonrpc":"2.0","id":1,"method":"ping"}\n']);
});
