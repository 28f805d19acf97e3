import { afterEach, describe, expect, it } from "vitest";
import type { Inspection } from "@countersign/sdk";
import { memoryRelay, type MemoryRelay, type MemoryRelayOptions, type Message } from "../fixture/memory-relay.ts";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { Rounds } from "./rounds.ts";

const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
const BLOCK_WRITES = { version: 1 as const, default: "allow" as const, policies: [{ name: "writes", match: "mcp:files:write", action: "block" as const, reason: "Writes need approval" }] };
const ASKS = { resultType: "input_required", inputRequests: { name: { method: "elicitation/create", params: { mode: "form", message: "Who?", requestedSchema: { type: "object", properties: {} } } } } };
const ANSWER = { name: { action: "accept", content: { who: "Ann" } } };
const DONE = { resultType: "complete", content: [{ type: "text", text: "done" }] };
const REFUSED = { code: -32_602, data: { reason: "invalid_request_state" } };

let at: MemoryRelay;
function open(options: MemoryRelayOptions = {}): MemoryRelay {
  return (at = memoryRelay({ roundMs: 20, ...options }));
}
afterEach(() => at.close());

interface Answer {
  readonly id: string;
  readonly result: { readonly resultType?: string; readonly requestState: string; readonly isError?: boolean; readonly content: readonly [{ readonly text: string }] };
  readonly error?: { readonly code: number };
}
const isCall = ({ method }: Message): boolean => method === "tools/call";
const callsUpstream = (): readonly Message[] => at.toUpstream.map((text) => JSON.parse(text) as Message).filter(isCall); // objects
let count = 0;
function send(name: string, more: object = {}): string {
  const id = `c${(count += 1)}`;
  at.send({ jsonrpc: "2.0", id, method: "tools/call", params: { name, _meta: META, ...more } });
  return id;
}
const answered = async (id: string): Promise<Answer> => (await at.heard("client", (message) => message["id"] === id)) as unknown as Answer; // as MCP says
/** Sends, answers as the server does, and gives what the client hears. */
async function exchange(name: string, more: object, result: object): Promise<{ readonly sent: Message; readonly answer: Answer }> {
  const id = send(name, more);
  const sent = await at.heard("upstream", isCall);
  at.say({ jsonrpc: "2.0", id: sent["id"], result });
  return { sent, answer: await answered(id) };
}
const rowsOf = async (type: string): Promise<readonly Message[]> => (await at.rows()).filter((row) => row["type"] === type);

describe("a server that asks for more", () => {
  it("is asked on behalf of its client, who never sees its state, and gets it back as it gave it; the call is one execution", async () => {
    open();
    const first = await exchange("read", { arguments: { path: "/x" } }, { ...ASKS, requestState: "the server's own", _meta: { mine: 1 } });
    expect(first.answer.result).toEqual({ ...ASKS, requestState: expect.stringMatching(/^[\w-]{60,400}$/), _meta: { mine: 1 } });
    expect(Buffer.from(first.answer.result.requestState, "base64url").toString("latin1")).not.toContain("server");
    const meta = { ...META, progressToken: 5 };
    const second = await exchange("read", { arguments: { path: "/x" }, inputResponses: ANSWER, requestState: first.answer.result.requestState, _meta: meta }, { ...ASKS, requestState: "and another" });
    expect(second.sent["params"]).toEqual({ name: "read", arguments: { path: "/x" }, _meta: meta, inputResponses: ANSWER, requestState: "the server's own" });
    expect(second.sent["id"]).not.toBe(first.sent["id"]);
    const third = await exchange("read", { arguments: { path: "/x" }, inputResponses: ANSWER, requestState: second.answer.result.requestState }, DONE);
    expect(third.sent["params"]).toMatchObject({ requestState: "and another", inputResponses: ANSWER });
    expect(third.answer.result).toEqual(DONE);
    expect(await at.outcomes()).toEqual(["completed"]);
    expect(await rowsOf("decision")).toHaveLength(1);
  });

  it("may give a state alone, or questions alone", async () => {
    open();
    const first = await exchange("read", {}, { resultType: "input_required", requestState: "later" });
    const second = await exchange("read", { requestState: first.answer.result.requestState }, ASKS);
    expect(second.sent["params"]).toEqual({ name: "read", arguments: {}, _meta: META, requestState: "later" });
    const third = await exchange("read", { requestState: second.answer.result.requestState, inputResponses: ANSWER }, DONE);
    expect(third.sent["params"]).toEqual({ name: "read", arguments: {}, _meta: META, inputResponses: ANSWER });
    expect(third.answer.result).toEqual(DONE);
  });

  it("of a call that people approved is answered without asking them again, and the approval is told of its end", async () => {
    const people = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask: people });
    const held = await answered(send("write"));
    people.decide("approved");
    const first = await exchange("write", { requestState: held.result.requestState }, { ...ASKS, requestState: "s" });
    expect([people.claimed, people.outcomes]).toEqual([["r1"], []]);
    const second = await exchange("write", { requestState: first.answer.result.requestState, inputResponses: ANSWER }, DONE);
    expect(second.answer.result).toEqual(DONE);
    expect([people.questions.length, people.claimed, people.outcomes, callsUpstream().length]).toEqual([1, ["r1"], ["completed"], 2]);
  });

  it("is not gone on with for another call, another state, or twice", async () => {
    open();
    const { answer } = await exchange("read", { arguments: { a: 1 } }, { ...ASKS, requestState: "s" });
    const { requestState } = answer.result;
    for (const [name, more] of [["read", { arguments: { a: 2 }, requestState }], ["write", { arguments: { a: 1 }, requestState }], ["read", { arguments: { a: 1 }, requestState: "s" }]] as const)
      expect((await answered(send(name, { inputResponses: ANSWER, ...more }))).error).toMatchObject(REFUSED);
    expect(callsUpstream()).toHaveLength(1);
    await exchange("read", { arguments: { a: 1 }, requestState, inputResponses: ANSWER }, { ...ASKS, requestState: "s" });
    expect((await answered(send("read", { arguments: { a: 1 }, requestState, inputResponses: ANSWER }))).error).toMatchObject(REFUSED);
    expect(callsUpstream()).toHaveLength(2);
  });

  it("gets answers that belong to no state as a part of the call: decided on, bound and recorded anew", async () => {
    open();
    await exchange("read", { arguments: { a: 1 } }, DONE);
    const { sent } = await exchange("read", { arguments: { a: 1 }, inputResponses: ANSWER }, DONE);
    expect(sent["params"]).toEqual({ name: "read", arguments: { a: 1 }, _meta: META, inputResponses: ANSWER });
    const digests = (await rowsOf("decision")).map((row) => row["digest"]);
    expect([digests.length, new Set(digests).size]).toEqual([2, 2]);
  });

  it("holds a call that people are asked about, whatever answers come with it, and they see those", async () => {
    const people = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask: people });
    expect((await answered(send("write", { inputResponses: ANSWER }))).result.resultType).toBe("input_required");
    expect(people.questions[0]?.call.context).toEqual({ "io.modelcontextprotocol/inputResponses": ANSWER });
    expect(callsUpstream()).toHaveLength(0);
  });

  it("is not gone on with where the tool's definition has changed since", async () => {
    open({ tools: undefined });
    const list = (id: string, description: string): void => {
      at.send({ jsonrpc: "2.0", id, method: "tools/list", params: { _meta: META } });
      at.say({ jsonrpc: "2.0", id, result: { tools: [{ name: "read", description, inputSchema: { type: "object" } }] } });
    };
    list("l1", "reads");
    const { answer } = await exchange("read", {}, { ...ASKS, requestState: "s" });
    list("l2", "now it writes");
    expect((await answered(send("read", { requestState: answer.result.requestState, inputResponses: ANSWER }))).error).toMatchObject(REFUSED);
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
    expect(callsUpstream()).toHaveLength(1);
  });

  it("whose client does not come back in time has an unknown outcome, and a late client is refused", async () => {
    const people = scriptedAsk();
    open({ policies: BLOCK_WRITES, ask: people, shared: new Rounds({ continuationMs: 40 }) });
    const id = send("write");
    people.decide("approved");
    const sent = await at.heard("upstream", isCall);
    at.say({ jsonrpc: "2.0", id: sent["id"], result: { ...ASKS, requestState: "s" } });
    const { result } = await answered(id);
    await expect.poll(() => people.outcomes).toEqual(["outcome_unknown"]);
    expect((await answered(send("write", { requestState: result.requestState, inputResponses: ANSWER }))).error).toMatchObject(REFUSED);
    expect(callsUpstream()).toHaveLength(1);
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it.each([["client", "clientGone"], ["server", "upstreamGone"]] as const)("whose %s has gone has an unknown outcome at once", async (_who, gone) => {
    open();
    await exchange("read", {}, { ...ASKS, requestState: "s" });
    at.relay[gone]();
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("is told where a later round is cancelled, under the id that it knows", async () => {
    open({ cancelGraceMs: 20 });
    const { answer } = await exchange("read", {}, { ...ASKS, requestState: "s" });
    const id = send("read", { requestState: answer.result.requestState, inputResponses: ANSWER });
    const sent = await at.heard("upstream", isCall);
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
    expect(await at.heard("upstream", ({ method }) => method === "notifications/cancelled")).toMatchObject({ params: { requestId: sent["id"] } });
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("in a session says nothing of the kind: its result is a result", async () => {
    open();
    at.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "read" } });
    const { id } = await at.heard("upstream", isCall);
    at.say({ jsonrpc: "2.0", id, result: { ...ASKS, requestState: "s", content: [] } });
    expect(await at.heard("client", (message) => message["id"] === 1)).toMatchObject({ result: { requestState: "s" } });
    expect(await at.outcomes()).toEqual(["completed"]);
  });
});

describe("what a client answers to a server", () => {
  const seen: unknown[] = [];
  const LOOKS: Inspection = {
    name: "names",
    inspectCall(call) {
      seen.push(call.arguments);
      return JSON.stringify(call.arguments).includes("Ann") ? [{ type: "name", group: "pii", direction: "input", where: "/name/content/who" }] : [];
    },
    redactCall: (call) => ({ ...call.arguments, name: { action: "decline" } }),
  };
  const policies = (action: "block" | "redact") => ({ version: 1 as const, policies: [], inspection: { pii: { input: { name: action } } } });
  const asks = { ...ASKS, requestState: "s" };

  it("without having been asked reaches nobody", async () => {
    open({ policies: policies("redact"), inspections: [LOOKS] });
    expect((await answered(send("read", { inputResponses: ANSWER }))).error).toMatchObject(REFUSED);
    expect(callsUpstream()).toHaveLength(0);
  });

  it("is looked into, as arguments are, and goes on as it was redacted; the record says that it did, and holds none of it", async () => {
    open({ policies: policies("redact"), inspections: [LOOKS] });
    const { answer } = await exchange("read", {}, asks);
    const { sent } = await exchange("read", { requestState: answer.result.requestState, inputResponses: ANSWER }, DONE);
    expect(sent["params"]).toMatchObject({ inputResponses: { name: { action: "decline" } } });
    expect(seen).toContainEqual(ANSWER);
    await at.close();
    const text = at.record();
    expect(text).toContain('"event":"call_continued"');
    expect(JSON.parse(text.split("\n").find((line) => line.includes("call_continued")) ?? "")).toMatchObject({ detail: { callId: expect.stringMatching(/^[0-9a-f-]{36}$/), round: 1, responses: ["name"], findings: ["name"], sent: true, digest: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    expect(text).not.toContain("Ann");
  });

  it("is not sent on where the document blocks what it contains, and the call ends there", async () => {
    open({ policies: policies("block"), inspections: [LOOKS] });
    const { answer } = await exchange("read", {}, asks);
    const { result } = await answered(send("read", { requestState: answer.result.requestState, inputResponses: ANSWER }));
    expect(result).toMatchObject({ isError: true, resultType: "complete" });
    expect(result.content[0].text).toContain("was not sent on, because of what it contains");
    await at.relay.drained();
    expect(callsUpstream()).toHaveLength(1);
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("is refused where it is no object, and that spends no state", async () => {
    open();
    const { answer } = await exchange("read", {}, asks);
    const { requestState } = answer.result;
    for (const inputResponses of [[1], "yes", null]) expect((await answered(send("read", { requestState, inputResponses }))).error).toMatchObject(REFUSED);
    expect(callsUpstream()).toHaveLength(1);
    expect((await exchange("read", { requestState, inputResponses: ANSWER }, DONE)).answer.result).toEqual(DONE);
  });
});

it("a server that asks for more, nested so deep that nobody can write it, does not count as one that was not called", async () => {
  open();
  const id = send("read");
  const sent = await at.heard("upstream", isCall);
  at.say(`{"jsonrpc":"2.0","id":"${String(sent["id"])}","result":{"resultType":"input_required","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`);
  const { result } = await answered(id);
  expect(result.content[0].text).toBe("The server was sent the call, and what it answered cannot be passed on. The tool may have run; do not call it again before you have looked.");
  await at.relay.drained();
  expect(await at.outcomes()).toEqual(["outcome_unknown"]);
});
