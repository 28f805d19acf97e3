import { afterEach, describe, expect, it } from "vitest";
import type { PolicyDocument } from "@countersign/sdk";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { joinedServerOf, joinedStage, type JoinedStage } from "./fixture/joined-stage.ts";
import { scriptedServer, type Message, type Script, type ScriptedServer } from "./fixture/scripted-server.ts";

let at: JoinedStage;
afterEach(() => at.close());

async function open(scripts: Readonly<Record<string, ScriptedServer>>, options: Parameters<typeof joinedStage>[1] = {}, capabilities: object = {}): Promise<Message> {
  at = joinedStage(scripts, options);
  return at.initialize(capabilities);
}
const names = async (method = "tools/list", member = "tools", key = "name"): Promise<readonly unknown[]> => {
  const { result } = await at.ask(method);
  return ((result as Record<string, readonly Message[]>)[member] ?? []).map((item) => item[key]);
};
const patient = { timeout: 8_000 } as const;

describe("what is joined", () => {
  it("is greeted as one: what any of them can do, and what each says of itself", async () => {
    const { result } = await open({ a: scriptedServer({ tools: ["read"], instructions: "be kind" }), b: scriptedServer({ prompts: ["p"], capabilities: { completions: {}, tasks: { list: {}, requests: { tools: { call: {} } } } } }) });
    expect(result).toMatchObject({
      protocolVersion: "2025-11-25",
      capabilities: { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true, subscribe: false }, completions: {}, logging: {}, tasks: { list: {}, requests: { tools: { call: {} } } } },
      serverInfo: { name: "countersign" },
      instructions: expect.stringContaining("What a says of itself:\nbe kind"),
    });
  });

  it("lists every page of each, in the bytes that came but for the joined names", async () => {
    const tool = '{ "name":"read" , "description":"1.0 \\u00e9", "inputSchema":{"type":"object"},"x":1.0, "annotations":{"name":"read"} }';
    const paged = scriptedServer({
      tools: [],
      first: ({ id, method, params }, peer) => {
        if (method !== "tools/list") return false;
        const cursor = (params as { cursor?: string } | undefined)?.cursor;
        peer.say(cursor === undefined ? `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[${tool}],"nextCursor":"2","_meta":{"k":1}}}` : `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[{"name":"two","inputSchema":{"type":"object"}}],"_meta":{"l":2}}}`);
        return true;
      },
    });
    await open({ a: paged, b: scriptedServer({ tools: ["read"] }) });
    const { id } = await at.ask("tools/list");
    const line = at.lines.find((text) => text.startsWith(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},`));
    expect(line).toBe(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[${tool.replace('"read" ', '"a__read" ')},{"name":"a__two","inputSchema":{"type":"object"}},{"name":"b__read","inputSchema":{"type":"object"}}],"_meta":{"k":1,"l":2}}}`);
    expect(await at.ask("tools/list", { cursor: "2" })).toMatchObject({ error: { code: -32_602 } });
  });

  it("calls the server that listed the tool, by its own name, also before any list; a name that nobody lists runs nowhere", async () => {
    const [a, b] = [scriptedServer({ tools: ["read", "x__y", "_z"] }), scriptedServer({ tools: ["read"] })];
    await open({ a, b });
    expect(await at.call("b__read")).toEqual({ isError: false, text: "ran read" });
    expect(await at.call("a__x__y")).toEqual({ isError: false, text: "ran x__y" });
    expect(await at.call("a____z")).toMatchObject({ isError: true });
    expect(await at.call("a___z")).toEqual({ isError: false, text: "ran _z" });
    for (const name of ["read", "a__", "__read", "a__nothing", "A__read", "a_read", "b__x__y", "c__read"]) expect(await at.call(name)).toEqual({ isError: true, text: expect.stringContaining("no server here lists a tool of this name") });
    expect([a.sent("tools/call").length, b.sent("tools/call").length]).toEqual([2, 1]);
  });

  it("refuses a message of too many parts before it is parsed", async () => {
    await open({ a: scriptedServer({ tools: ["read"] }) });
    at.send({ jsonrpc: "2.0", id: 9, method: "tools/list", params: { list: Array.from({ length: 300_000 }, () => 1) } });
    expect(at.lines.at(-1)).toBe('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Refused by Countersign: the message has more than 200000 parts"}}');
  });

  it("leaves out names that are too long, and says where they are", async () => {
    const long = "x".repeat(126);
    await open({ a: scriptedServer({ tools: [long, "y".repeat(125), "short"] }) });
    expect(await names()).toEqual([`a__${"y".repeat(125)}`, "a__short"]);
    expect(at.warnings.join()).toMatch(/longer than 128 characters.*\/a\/mcp/);
    expect(await at.call(`a__${long}`)).toMatchObject({ isError: true });
  });

  it("cannot be two pairs under one name", async () => {
    at = joinedStage({});
    for (const name of ["a__b", "a_", "a__"]) expect(() => at.servers.replace([joinedServerOf(name, scriptedServer())])).toThrow(TypeError);
    expect(() => at.servers.replace([joinedServerOf("a", scriptedServer()), joinedServerOf("a", scriptedServer())])).toThrow(TypeError);
  });
});

describe("each server's gate", () => {
  it("decides by its own policies about its own exact names: two tools of one name are two", async () => {
    const block: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "no", match: "mcp:a:write", action: "block", approval: "never", reason: "never at a" }] };
    const [a, b] = [scriptedServer({ tools: ["write"] }), scriptedServer({ tools: ["write"] })];
    await open({ a, b }, { own: { a: block } });
    expect(await at.call("a__write")).toEqual({ isError: true, text: expect.stringContaining("mcp:a:write: never at a") });
    expect(await at.call("b__write")).toEqual({ isError: false, text: "ran write" });
    expect([a.sent("tools/call"), b.sent("tools/call").length]).toEqual([[], 1]);
    expect((await at.rows()).map(({ server, tool, action }) => [server, tool, action])).toMatchObject([["b", "write", "allow"], ["a", "write", "block"]]);
  });

  it("holds a call for people, who release it once; what waits too long is named as the client knows it", async () => {
    const ask = scriptedAsk();
    const a = scriptedServer({ tools: ["write"] });
    await open({ a, b: scriptedServer({ tools: ["read"] }) }, { ask, holdMs: 150, policies: { version: 1, default: "allow", policies: [{ name: "asks", match: "mcp:a:write", action: "block", reason: "ask" }] } });
    expect((await at.call("a__write")).text).toContain("call a__write again with the same arguments");
    const held = at.call("a__write", {}, { progressToken: "t" });
    await at.heard(({ method, params }) => method === "notifications/progress" && (params as Message)["progressToken"] === "t");
    expect(await at.call("b__read")).toMatchObject({ isError: false });
    ask.decide("approved");
    expect(await held).toEqual({ isError: false, text: "ran write" });
    expect(a.sent("tools/call")).toHaveLength(1);
  });

  it("a client that cancels takes the question back, and the id is its own again", async () => {
    const ask = scriptedAsk();
    const a = scriptedServer({ tools: ["write"] });
    await open({ a }, { ask, policies: { version: 1, default: "allow", policies: [{ name: "asks", match: "mcp:a:write", action: "block", reason: "ask" }] } });
    at.send({ jsonrpc: "2.0", id: "held", method: "tools/call", params: { name: "a__write", arguments: {} } });
    await expect.poll(() => ask.questions.length, patient).toBe(1);
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "held" } });
    await expect.poll(() => ask.cancelled.length, patient).toBe(1);
    expect(a.sent("tools/call")).toEqual([]);
  });

  it("puts a form to the client where the policy takes its word, under an id of its own", async () => {
    const policies: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "asks", match: "mcp:a:write", action: "block", reason: "ask", approval: { assurance: "local" } }] };
    await open({ a: scriptedServer({ tools: ["write"] }), b: scriptedServer() }, { policies }, { elicitation: {} });
    const held = at.call("a__write");
    const { id } = await at.heard(({ method }) => method === "elicitation/create");
    at.send({ jsonrpc: "2.0", id, result: { action: "accept", content: { approve: true } } });
    expect(await held).toEqual({ isError: false, text: "ran write" });
    expect(String(id)).toMatch(/^countersign-peer-/);
  });
});

describe("prompts and resources", () => {
  it("prompts go by joined names, as tools do; completion too", async () => {
    const [a, b] = [scriptedServer({ prompts: ["p"] }), scriptedServer({ prompts: ["p"], first: (message, peer) => message["method"] === "completion/complete" && (peer.answer(message, { completion: { values: [] } }), true) })];
    await open({ a, b });
    expect(await names("prompts/list", "prompts")).toEqual(["a__p", "b__p"]);
    expect(await at.ask("prompts/get", { name: "b__p" })).toMatchObject({ result: { description: "p" } });
    await at.ask("completion/complete", { ref: { type: "ref/prompt", name: "b__p" }, argument: { name: "x", value: "" } });
    expect([a.sent("prompts/get"), b.sent("completion/complete")]).toMatchObject([[], [{ params: { ref: { type: "ref/prompt", name: "p" } } }]]);
    expect(await at.ask("prompts/get", { name: "p" })).toMatchObject({ error: { code: -32_602 } });
  });

  it("resources go to the server that lists them, or whose template fits; what two list is left out and said", async () => {
    const [a, b] = [scriptedServer({ resources: ["x://one", "x://both"], templates: ["a://{id}/data"] }), scriptedServer({ resources: ["x://two", "x://both"], templates: ["b://{+path}"] })];
    await open({ a, b });
    expect(await names("resources/list", "resources", "uri")).toEqual(["x://one", "x://two"]);
    expect(at.warnings.join()).toContain('a and b both list "x://both"');
    const uris = ["x://one", "x://two", "a://7/data", "b://7/8/9"];
    for (const uri of uris) expect(await at.ask("resources/read", { uri })).toMatchObject({ result: { contents: [{ uri }] } });
    for (const uri of ["x://both", "a://7/8/data", "c://1"]) expect(await at.ask("resources/read", { uri })).toMatchObject({ error: { code: -32_002, data: { uri } } });
    await at.ask("resources/subscribe", { uri: "x://two" });
    const read = (server: ScriptedServer): readonly unknown[] => server.sent("resources/read").map(({ params }) => (params as Message)["uri"]);
    expect([read(a), read(b), a.sent("resources/subscribe"), b.sent("resources/subscribe").length]).toEqual([["x://one", "a://7/data"], ["x://two", "b://7/8/9"], [], 1]);
  });

  it("sets the level everywhere where there is logging, pings by itself, and knows no methods that are for nobody", async () => {
    const [a, b] = [scriptedServer({ capabilities: { logging: {} } }), scriptedServer()];
    await open({ a, b });
    expect(await at.ask("logging/setLevel", { level: "debug" })).toMatchObject({ result: {} });
    expect(await at.ask("ping")).toMatchObject({ result: {} });
    expect(await at.ask("vendor/thing")).toMatchObject({ error: { code: -32_601 } });
    expect([a.sent("logging/setLevel").length, b.sent("logging/setLevel"), a.sent("ping"), a.sent("vendor/thing")]).toEqual([1, [], [], []]);
  });
});

describe("tasks", () => {
  it("are asked about where they were made, and listed together", async () => {
    const making = (taskId: string): Script => ({
      tools: ["t"],
      capabilities: { tasks: { list: {}, requests: { tools: { call: {} } } } },
      first(message, peer) {
        const task = { taskId, status: "working", ttl: null, createdAt: "2026-01-01T00:00:00Z", lastUpdatedAt: "2026-01-01T00:00:00Z" };
        if (message["method"] === "tools/call") peer.answer(message, { task });
        else if (message["method"] === "tasks/get") peer.answer(message, task);
        else if (message["method"] === "tasks/list") peer.answer(message, { tasks: [task] });
        else return false;
        return true;
      },
    });
    const [a, b] = [scriptedServer(making("1")), scriptedServer(making("2"))];
    await open({ a, b });
    expect(await at.ask("tasks/get", { taskId: "2" })).toMatchObject({ error: { code: -32_602 } });
    await at.ask("tools/call", { name: "b__t", arguments: {}, task: {} });
    await at.ask("tools/call", { name: "a__t", arguments: {}, task: {} });
    expect(await at.ask("tasks/get", { taskId: "2" })).toMatchObject({ result: { taskId: "2" } });
    expect([a.sent("tasks/get"), b.sent("tasks/get").length]).toEqual([[], 1]);
    expect(await names("tasks/list", "tasks", "taskId")).toEqual(["1", "2"]);
  });
});

describe("without sessions, over one connection each", () => {
  const META = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } };

  it("is discovered, or begins with any request; listens to all under the client's own id", async () => {
    const [a, b] = [scriptedServer({ dual: true, tools: ["read"] }), scriptedServer({ dual: true, tools: ["read"] })];
    at = joinedStage({ a, b });
    expect((await at.ask("tools/list", META))["result"]).toMatchObject({ resultType: "complete", tools: [{ name: "a__read" }, { name: "b__read" }] });
    expect((await at.ask("server/discover", META))["result"]).toMatchObject({ supportedVersions: ["2026-07-28"] });
    expect(await at.ask("tools/call", { name: "b__read", arguments: {}, ...META })).toMatchObject({ result: { content: [{ text: "ran read" }] } });
    at.send({ jsonrpc: "2.0", id: "ears", method: "subscriptions/listen", params: { ...META, notifications: { toolsListChanged: true } } });
    const own = { params: { _meta: { "io.modelcontextprotocol/subscriptionId": "ears" } } };
    expect(await at.heard(({ method }) => method === "notifications/subscriptions/acknowledged")).toMatchObject(own);
    await expect.poll(() => [a, b].map((server) => server.sent("subscriptions/listen").map(({ id }) => id)), patient).toEqual([["ears"], ["ears"]]);
    at.servers.replace([...at.servers.all, joinedServerOf("c", scriptedServer({ dual: true, tools: ["c"] }))]);
    expect(await at.heard(({ method }) => method === "notifications/tools/list_changed")).toMatchObject(own);
    expect(at.lines.filter((line) => line.includes("acknowledged"))).toHaveLength(1);
  });

  it("is refused where one speaks sessions alone, and then all of them begin anew in one", async () => {
    const [a, old] = [scriptedServer({ dual: true, tools: ["read"] }), scriptedServer({ tools: ["old"] })];
    at = joinedStage({ a, old });
    expect(await at.ask("server/discover", META)).toMatchObject({ error: { code: -32_601 } });
    expect(await at.ask("tools/list", META)).toMatchObject({ error: { message: expect.stringContaining("old does not speak") } });
    await at.initialize();
    expect(await names()).toEqual(["a__read", "old__old"]);
    expect([a.peers.length, old.peers.length]).toEqual([2, 2]);
  });
});

describe("what servers ask of the client", () => {
  it("comes under ids and tokens of ours, and the response goes back to the one that asked", async () => {
    const sample = { jsonrpc: "2.0", id: 1, method: "sampling/createMessage", params: { _meta: { progressToken: 5 } } };
    const asking: Script = { tools: ["t"], first: ({ method }, peer) => method === "notifications/initialized" && (peer.say(sample), true) };
    const [a, b] = [scriptedServer(asking), scriptedServer(asking)];
    await open({ a, b }, {}, { sampling: {} });
    const asked = await Promise.all([at.heard(({ method }) => method === "sampling/createMessage"), at.heard(({ method }) => method === "sampling/createMessage")]);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(2);
    const [first, second] = asked;
    const { _meta: meta } = second["params"] as { readonly _meta: { readonly progressToken: string } }; // as it was asked
    at.send({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: meta.progressToken, progress: 1 } });
    at.send({ jsonrpc: "2.0", id: second["id"], result: { who: "second" } });
    at.send({ jsonrpc: "2.0", id: first["id"], result: { who: "first" } });
    at.send({ jsonrpc: "2.0", id: first["id"], result: { who: "again" } });
    const got = (server: ScriptedServer): readonly string[] => server.peers[0]?.heard.filter((line) => line.includes('"who"') || line.includes("notifications/progress")) ?? [];
    expect([got(a), got(b)]).toEqual([['{"jsonrpc":"2.0","id":1,"result":{"who":"first"}}'], ['{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":5,"progress":1}}', '{"jsonrpc":"2.0","id":1,"result":{"who":"second"}}']]);
  });

  it("is taken back where its server ends", async () => {
    const a = scriptedServer({ tools: ["t"], first: ({ method }, peer) => method === "notifications/initialized" && (peer.say({ jsonrpc: "2.0", id: 1, method: "roots/list" }), true) });
    await open({ a, b: scriptedServer() }, {}, { roots: {} });
    const { id } = await at.heard(({ method }) => method === "roots/list");
    a.peers[0]?.die();
    expect(await at.heard(({ method }) => method === "notifications/cancelled")).toMatchObject({ params: { requestId: id } });
  });
});

describe("one server harms no other", () => {
  const good = (): ScriptedServer => scriptedServer({ tools: ["read"], prompts: ["p"], resources: ["x://g"] });

  it("that does not answer: it is gone on without, named, and comes in when it comes", async () => {
    let answer = (): void => undefined;
    const slow = scriptedServer({ tools: ["late"], first: (message, peer) => message["method"] === "initialize" && ((answer = () => peer.answer(message, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } })), true) });
    const { result } = await open({ good: good(), slow });
    expect((result as Message)["instructions"]).toContain("slow is not there now: it has not answered yet.");
    expect(await names()).toEqual(["good__read"]);
    expect((await at.call("slow__late")).text).toContain("Not there now, so that their tools are missing: slow");
    answer();
    await at.heard(({ method }) => method === "notifications/tools/list_changed");
    expect(await names()).toEqual(["good__read", "slow__late"]);
    expect(slow.sent("notifications/initialized")).toHaveLength(1);
  });

  it("that does not list: its tools are missing, and come with a change that is told", async () => {
    let answer = (): void => undefined;
    let count = 0;
    const slow = scriptedServer({ tools: ["late"], first: (message, peer) => message["method"] === "tools/list" && (count += 1) <= 2 && ((answer = () => peer.answer(message, { tools: [{ name: "late", inputSchema: { type: "object" } }] })), true) });
    await open({ good: good(), slow });
    expect(await names()).toEqual(["good__read"]);
    expect(await at.call("good__read")).toMatchObject({ isError: false });
    await expect.poll(() => count, patient).toBe(2);
    answer();
    await at.heard(({ method }) => method === "notifications/tools/list_changed");
    expect(await names()).toEqual(["good__read", "slow__late"]);
  });

  it("that speaks another version: the most spoken one counts, and it is asked again with that", async () => {
    const [old, odd] = [scriptedServer({ tools: ["o"], version: "2025-03-26" }), scriptedServer({ tools: ["x"], version: "9999-12-31" })];
    const { result } = await open({ one: good(), old, odd });
    expect(result).toMatchObject({ protocolVersion: "2025-11-25" });
    expect(await names()).toEqual(["one__read"]);
    await expect.poll(() => at.warnings.join("\n"), patient).toContain("old is gone on without: it speaks 2025-03-26");
    expect(old.sent("initialize").map(({ params }) => (params as Message)["protocolVersion"])).toEqual(["2025-11-25", "2025-11-25"]);
  });

  it("one newer server follows the older ones", async () => {
    const older = { tools: ["o"], version: "2025-06-18" };
    const { result } = await open({ one: scriptedServer(older), two: scriptedServer(older), newer: scriptedServer({ tools: ["n"] }) });
    expect(result).toMatchObject({ protocolVersion: "2025-06-18" });
    await expect.poll(() => names(), patient).toEqual(["one__o", "two__o", "newer__n"]);
  });

  it("that answers, reports or ends what is another's: nothing of it reaches the client", async () => {
    const meddling: Script = {
      tools: ["t"],
      first({ method }, peer) {
        if (method !== "notifications/roots/list_changed") return false;
        for (const id of ["held", 7]) {
          peer.say({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "forged" }] } });
          peer.say({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: id, progress: 99, message: "forged" } });
          peer.say({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, reason: "forged" } });
        }
        peer.say({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri: "x://g", why: "forged" } });
        peer.say("no message at all: forged");
        return true;
      },
    };
    const waiting = scriptedServer({ tools: ["wait"], resources: ["x://g"], first: ({ method }) => method === "tools/call" });
    await open({ waiting, bad: scriptedServer(meddling) });
    await names();
    await at.ask("resources/list");
    at.send({ jsonrpc: "2.0", id: "held", method: "tools/call", params: { name: "waiting__wait", arguments: {}, _meta: { progressToken: 7 } } });
    await expect.poll(() => waiting.sent("tools/call").length, patient).toBe(1);
    at.send({ jsonrpc: "2.0", method: "notifications/roots/list_changed" });
    await expect.poll(() => at.warnings.join("\n"), patient).toContain("bad wrote what is no message of MCP");
    expect(at.lines.filter((line) => line.includes("forged"))).toEqual([]);
    const { id } = waiting.sent("tools/call")[0] ?? {};
    waiting.peers[0]?.say({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "true" }] } });
    expect(await at.heard((message) => message["id"] === "held")).toMatchObject({ result: { content: [{ text: "true" }] } });
  });

  it("that nests what it says of itself and of its lists so deep that nobody can write it: it says nothing of that, and the others are heard", async () => {
    const text = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const hostile = scriptedServer({
      first: ({ id, method, params }, peer) => {
        const { protocolVersion } = (params ?? {}) as { readonly protocolVersion?: string };
        if (method === "initialize") peer.say(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"protocolVersion":"${protocolVersion}","capabilities":{"tools":{},"tasks":${text}},"serverInfo":{"name":"h","version":"1"}}}`);
        if (method === "tools/list") peer.say(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[],"_meta":{"x":${text}}}}`);
        return method === "initialize" || method === "tools/list";
      },
    });
    const { result } = await open({ a: hostile, b: scriptedServer({ tools: ["read"], capabilities: { tasks: { list: {} } } }) });
    expect(result).toMatchObject({ capabilities: { tasks: { list: {} } } });
    expect(await names()).toEqual(["b__read"]);
    expect(await at.call("b__read")).toEqual({ isError: false, text: "ran read" });
  });

  it("that dies: its calls are answered, the others go on, and it comes back", async () => {
    const dying = scriptedServer({ tools: ["wait"], prompts: ["p"], first: ({ method }) => method === "tools/call" || method === "prompts/get" });
    await open({ dying, good: good() });
    const [call, prompt] = [at.ask("tools/call", { name: "dying__wait", arguments: {} }), at.ask("prompts/get", { name: "dying__p" })];
    await expect.poll(() => [dying.sent("tools/call").length, dying.sent("prompts/get").length], patient).toEqual([1, 1]);
    dying.peers[0]?.die();
    expect(await call).toMatchObject({ error: { message: expect.stringContaining("whether the tool ran is not known") } });
    expect(await prompt).toMatchObject({ error: { message: expect.stringContaining("dying has ended before it answered") } });
    await at.heard(({ method }) => method === "notifications/tools/list_changed");
    expect(await names()).toEqual(["good__read"]);
    expect(await at.call("good__read")).toMatchObject({ isError: false });
    await at.heard(({ method }) => method === "notifications/tools/list_changed");
    expect(await names()).toEqual(["dying__wait", "good__read"]);
    expect(dying.peers).toHaveLength(2);
  });

  it("where none is there, that is said", async () => {
    at = joinedStage({ a: scriptedServer({ first: (message, peer) => message["method"] === "initialize" && (peer.say({ jsonrpc: "2.0", id: message["id"], error: { code: -1, message: "no" } }), true) }) });
    expect(await at.initialize()).toMatchObject({ error: { message: expect.stringContaining("no server is there: a: it refused") } });
  });
});

describe("the configuration changes", () => {
  it("servers come and go while the client is there; who stays notices nothing", async () => {
    const [stays, goes, comes] = [scriptedServer({ tools: ["s"] }), scriptedServer({ tools: ["g"], first: ({ method }) => method === "tools/call" }), scriptedServer({ tools: ["c"] })];
    await open({ stays, goes }, { limits: { leaveMs: 300 } });
    expect(await names()).toEqual(["stays__s", "goes__g"]);
    const held = at.ask("tools/call", { name: "goes__g", arguments: {} });
    await expect.poll(() => goes.sent("tools/call").length, patient).toBe(1);
    at.servers.replace([...at.servers.all.filter(({ name }) => name === "stays"), joinedServerOf("comes", comes)]);
    await at.heard(({ method }) => method === "notifications/tools/list_changed");
    await expect.poll(() => names(), patient).toEqual(["stays__s", "comes__c"]);
    expect(await at.call("goes__g")).toMatchObject({ isError: true });
    goes.peers[0]?.answer(goes.sent("tools/call")[0] ?? {}, { content: [{ type: "text", text: "in time" }] });
    expect(await held).toMatchObject({ result: { content: [{ text: "in time" }] } });
    expect(stays.peers).toHaveLength(1);
  });
});
