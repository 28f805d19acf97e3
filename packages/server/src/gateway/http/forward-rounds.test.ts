/** The ladder of waiting where both sides are HTTP: rounds, a server that asks for more, tasks, and forms, over real sockets. */
import { afterEach, describe, expect, it } from "vitest";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { WAITING } from "../call/waiting.ts";
import { call, LEGACY, modern, modernCall, post, type Said } from "./fixture/http-client.ts";
import { BLOCK_WRITES, httpGateway, type HttpGateway, type HttpGatewayOptions } from "./fixture/http-gateway.ts";
import { ANSWERS, answering, json, scriptedUpstream, stream, type Script, type ScriptedUpstream } from "./fixture/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let at: HttpGateway;
async function open(script: Script = ANSWERS, options: HttpGatewayOptions = {}): Promise<URL> {
  upstream = await scriptedUpstream(script);
  at = await httpGateway(upstream.url, { waiting: { ...WAITING, roundMs: 40, holdMs: 60 }, ...options });
  return at.url;
}
afterEach(async () => {
  await at.close();
  await upstream.close();
});

interface Answer extends Said {
  readonly result: { readonly resultType?: string; readonly requestState?: string; readonly isError?: boolean; readonly content?: readonly object[] };
}
let count = 0;
async function ask(url: URL, name: string, more: object = {}, headers: object = {}): Promise<Answer> {
  const came = await post(url, { ...modern("tools/call", name), ...headers }, modernCall(`c${(count += 1)}`, name, { ...more }));
  const isStream = came.headers["content-type"]?.startsWith("text/event-stream") === true;
  return (isStream ? await came.message() : JSON.parse(await came.body)) as Answer; // as MCP says
}
const DONE = { resultType: "complete", content: [{ type: "text", text: "done" }] };
const ASKS = { resultType: "input_required", inputRequests: { q: { method: "roots/list" } }, requestState: "the server's own" };
const QUESTIONS = { inputResponses: { q: { roots: [] } } };

describe.each(["json", "stream"] as const)("a server that answers as %s", (kind) => {
  const say = (result: object): Script => ({ message }, response) => {
    const text = JSON.stringify({ jsonrpc: "2.0", id: message?.id, result });
    if (kind === "json") return json(response, text);
    stream(response);
    return void response.end(`data: ${text}\n\n`);
  };

  it("is sent a held call once, in the round in which people have approved it", async () => {
    const people = scriptedAsk();
    const url = await open(answering(say(DONE)), { policies: BLOCK_WRITES, ask: people });
    const first = await ask(url, "write");
    expect(first.result).toMatchObject({ resultType: "input_required" });
    const second = await ask(url, "write", { requestState: first.result.requestState });
    people.decide("approved");
    expect((await ask(url, "write", { requestState: second.result.requestState })).result).toEqual(DONE);
    expect([upstream.calls.length, people.claimed, people.outcomes]).toEqual([1, ["r1"], ["completed"]]);
    expect(upstream.calls[0]?.message?.params).not.toHaveProperty("requestState");
  });

  it("that asks for more gets its own state back with the client's next request, as one execution", async () => {
    let round = 0;
    const url = await open(answering((received, response, request) => say((round += 1) === 1 ? ASKS : DONE)(received, response, request)));
    const first = await ask(url, "read");
    expect(first.result.requestState).toMatch(/^[\w-]{60,400}$/);
    expect((await ask(url, "read", { ...QUESTIONS, requestState: first.result.requestState })).result).toEqual(DONE);
    expect(upstream.calls[1]?.message?.params).toMatchObject({ name: "read", ...QUESTIONS, requestState: "the server's own" });
    expect(await at.outcomes()).toEqual(["completed"]);
  });

  it("another credential does not go on with it, nor a state that the server gave itself", async () => {
    const url = await open(answering(say(ASKS)));
    const { result } = await ask(url, "read", {}, { authorization: "one" });
    expect(await ask(url, "read", { ...QUESTIONS, requestState: result.requestState }, { authorization: "two" })).toMatchObject({ error: { code: -32_602 } });
    expect(await ask(url, "read", { ...QUESTIONS, requestState: "the server's own" }, { authorization: "one" })).toMatchObject({ error: { code: -32_602 } });
    expect(upstream.calls).toHaveLength(1);
  });

  it("that makes a task of a call is executing it until the task's end is seen on the way", async () => {
    const declared = { meta: { "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } } } };
    const url = await open((received, response, request) => {
      const task = { taskId: "t", createdAt: "", lastUpdatedAt: "", ttlMs: 60_000 };
      if (received.message?.method === "tools/call") return say({ resultType: "task", status: "working", ...task })(received, response, request);
      if (received.message?.method === "tasks/get") return say({ resultType: "complete", status: "completed", ...task, result: DONE })(received, response, request);
      return ANSWERS(received, response, request);
    });
    expect((await ask(url, "read", declared)).result).toMatchObject({ resultType: "task", taskId: "t" });
    const body = { jsonrpc: "2.0", id: "g", method: "tasks/get", params: { taskId: "t", _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", ...declared.meta } } };
    const came = await post(url, { ...modern("tasks/get", "t") }, body);
    expect(await came.body).toContain('"status":"completed"');
    await expect.poll(async () => (await at.outcomes()).at(-1)).toBe("completed");
  });
});

it("whoever sits at a client in a session of the upstream's is asked on the stream of the call, and answers with a request of their own", async () => {
  const policies = { version: 1 as const, policies: [{ name: "w", match: "mcp:files:write", action: "block" as const, reason: "Writes need a word", approval: { assurance: "local" as const } }] };
  const url = await open(
    (received, response, request) => {
      if (received.message?.method !== "initialize") return ANSWERS(received, response, request);
      return json(response, { jsonrpc: "2.0", id: received.message.id, result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } } }, { "mcp-session-id": "s1" });
    },
    { policies, waiting: WAITING },
  );
  await (await post(url, LEGACY, { jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: { name: "c", version: "1" } } })).body;
  const session = { ...LEGACY, "mcp-session-id": "s1" };
  const came = await post(url, session, call(1, "write"));
  const form = await came.message(({ method }) => method === "elicitation/create");
  expect(upstream.calls).toHaveLength(0);
  expect((await post(url, session, { jsonrpc: "2.0", id: form["id"], result: { action: "accept", content: { approve: true } } })).status).toBe(202);
  expect(await came.message(({ id }) => id === 1)).toMatchObject({ result: { content: [{ text: "done" }] } });
  expect(upstream.calls).toHaveLength(1);
  expect(upstream.received.some(({ body }) => body.includes(String(form["id"])))).toBe(false);
});
