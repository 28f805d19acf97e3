import { afterEach, describe, expect, it } from "vitest";
import { memoryRelay, type MemoryRelay, type MemoryRelayOptions, type Message } from "../fixture/memory-relay.ts";
import { Rounds } from "./rounds.ts";
import { scriptedAsk } from "../fixture/scripted-ask.ts";

const local = (more: object = {}) => ({ version: 1 as const, default: "allow" as const, policies: [{ name: "writes", match: "mcp:files:write", action: "block" as const, reason: "Writes need a word", approval: { assurance: "local" as const, ...more } }] });
const FORMS = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };
const YES = { action: "accept", content: { approve: true } };

let at: MemoryRelay;
function open(options: MemoryRelayOptions = {}): MemoryRelay {
  return (at = memoryRelay({ policies: local(), answers: true, ...options }));
}
afterEach(() => at.close());

const isCall = ({ method }: Message): boolean => method === "tools/call";
const isForm = ({ method }: Message): boolean => method === "elicitation/create";
const callsUpstream = (): number => at.toUpstream.filter((text) => isCall(JSON.parse(text) as Message)).length; // objects
const answersTo = (id: unknown) => (message: Message): boolean => message["id"] === id && message["method"] === undefined;
const textOf = (message: Message): string => (message["result"] as { content: [{ text: string }] }).content[0].text; // as answer-text.ts makes it
/** In a session whose client declares this. */
function begin(elicitation?: object, options: MemoryRelayOptions = {}): void {
  open(options);
  at.send({ jsonrpc: "2.0", id: "i", method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: elicitation === undefined ? {} : { elicitation }, clientInfo: { name: "c", version: "1" } } });
  at.say({ jsonrpc: "2.0", id: "i", result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } } });
}
const call = (id: string | number, more: object = {}): void => at.send({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "write", arguments: { path: "/x" }, ...more } });
const asked = async (): Promise<{ readonly id: string; readonly params: { readonly message: string; readonly requestedSchema: object } }> =>
  (await at.heard("client", isForm)) as unknown as { id: string; params: { message: string; requestedSchema: object } }; // as elicit-approval.ts makes it

describe("whoever sits at the client, in a session", () => {
  it.each([["any", {}], ["forms", { form: {}, url: {} }]])("is asked with a form that shows the whole call in our own words (declared: %s); a yes runs it, once", async (_what, elicitation) => {
    begin(elicitation);
    call(1);
    const { id, params } = await asked();
    expect(params.message).toContain('MCP tool call blocked: mcp:files:write: Writes need a word\n\nTool: "write"\n');
    expect(params.message).toContain('| {\n|   "path": "/x"\n| }');
    expect(params.requestedSchema).toEqual({ type: "object", properties: { approve: expect.objectContaining({ type: "boolean" }) }, required: ["approve"] });
    expect(callsUpstream()).toBe(0);
    at.send({ jsonrpc: "2.0", id, result: YES });
    expect(await at.heard("client", answersTo(1))).toMatchObject({ result: { content: [] } });
    expect(at.toUpstream.join("")).not.toContain(id);
    const rows = await at.rows();
    expect(rows.map(({ type, status, channel }) => [type, status, channel].filter((one) => one !== undefined))).toEqual([["decision"], ["approval", "approved", "elicitation"], ["intent"], ["outcome"]]);
    expect(callsUpstream()).toBe(1);
  });

  it.each([
    ["declines", { result: { action: "decline" } }],
    ["submits a no", { result: { action: "accept", content: { approve: false } } }],
    ["cancels", { result: { action: "cancel" } }],
    ["submits nothing", { result: { action: "accept", content: {} } }],
    ["submits a word", { result: { action: "accept", content: { approve: "true" } } }],
    ["submits a list", { result: { action: "accept", content: [{ approve: true }] } }],
    ["does what no revision knows", { result: { action: "approve", content: { approve: true } } }],
    ["answers nothing", { result: null }],
    ["has no such method", { error: { code: -32_601, message: "Method not found" } }],
    ["errs with the words of a yes", { error: { code: 1, message: "", ...YES } }],
    ["answers with a result and an error", { result: YES, error: { code: 1, message: "" } }],
  ])("who %s runs nothing", async (_what, answer) => {
    begin({});
    call(1);
    const { id } = await asked();
    at.send({ jsonrpc: "2.0", id, ...answer });
    expect(await at.heard("client", answersTo(1))).toMatchObject({ result: { isError: true } });
    expect(callsUpstream()).toBe(0);
  });

  it("is not believed under another id, or a second time", async () => {
    begin({});
    call(1);
    const { id } = await asked();
    at.send({ jsonrpc: "2.0", id: id.replace(/\d+$/, "7"), result: YES });
    at.send({ jsonrpc: "2.0", id: "countersign-ask-1", result: YES });
    at.send({ jsonrpc: "2.0", id: 1, result: YES });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(callsUpstream()).toBe(0);
    at.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
    await at.heard("client", answersTo(1));
    at.send({ jsonrpc: "2.0", id, result: YES });
    await at.relay.drained();
    expect(callsUpstream()).toBe(0);
  });

  it.each([
    ["declares no elicitation", undefined],
    ["declares links alone", { url: {} }],
  ])("is not asked where the client %s", async (_what, elicitation) => {
    const people = scriptedAsk();
    begin(elicitation, { ask: people, holdMs: 30 });
    call(1);
    expect(textOf(await at.heard("client", answersTo(1)))).toContain("waits for a person's approval");
    expect(at.toClient.join("")).not.toContain("elicitation");
    expect(people.questions).toHaveLength(1);
  });

  it.each([
    ["does not say that it takes such a word", {}],
    ["asks for people who signed in", { assurance: "authenticated" }],
    ["asks for two", { assurance: "local", quorum: 2 }],
    ["asks for another person", { assurance: "local", selfApproval: false }],
  ])("is not asked where the policy %s", async (_what, approval) => {
    const people = scriptedAsk();
    const { assurance: _, ...rest } = local().policies[0]?.approval ?? { assurance: "local" };
    const policies = { ...local(), policies: [{ ...local().policies[0], approval: { ...rest, ...approval } }] } as ReturnType<typeof local>; // another requirement alone
    begin({}, { ask: people, policies, holdMs: 30 });
    call(1);
    expect(textOf(await at.heard("client", answersTo(1)))).toContain("waits for a person's approval");
    expect(at.toClient.join("")).not.toContain("elicitation");
    expect(people.questions).toHaveLength(1);
  });

  it("is not asked about what is too long to be shown there", async () => {
    begin({});
    call(1, { arguments: { text: "a".repeat(10_000) } });
    expect(await at.heard("client", answersTo(1))).toMatchObject({ result: { isError: true } });
    expect(at.toClient.join("")).not.toContain("elicitation/create");
  });

  it("says why where the policy wants to know", async () => {
    begin({}, { policies: local({ requireReason: true }) });
    call(1);
    const form = await asked();
    expect(form.params.requestedSchema).toMatchObject({ required: ["approve", "reason"] });
    at.send({ jsonrpc: "2.0", id: form.id, result: YES });
    await at.heard("client", answersTo(1));
    expect(callsUpstream()).toBe(0);
    call(2);
    at.send({ jsonrpc: "2.0", id: (await asked()).id, result: { action: "accept", content: { approve: true, reason: "it is mine" } } });
    await at.heard("client", answersTo(2));
    expect(callsUpstream()).toBe(1);
  });

  it("is asked about each call apart: a yes to one is none to another", async () => {
    begin({});
    call(1);
    const first = await asked();
    call(2, { arguments: { path: "/y" } });
    const second = await asked();
    expect(second.params.message).toContain("/y");
    at.send({ jsonrpc: "2.0", id: first.id, result: YES });
    await at.heard("client", answersTo(1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([callsUpstream(), at.toUpstream.join("")]).toEqual([1, expect.not.stringContaining("/y")]);
    at.send({ jsonrpc: "2.0", id: second.id, result: { action: "decline" } });
    await at.heard("client", answersTo(2));
    expect(callsUpstream()).toBe(1);
  });

  it("keeps the form while its client is told to call again, and answers that call", async () => {
    begin({}, { holdMs: 30 });
    call(1);
    const { id } = await asked();
    expect(textOf(await at.heard("client", answersTo(1)))).toContain("call write again with the same arguments");
    at.send({ jsonrpc: "2.0", id, result: YES });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(callsUpstream()).toBe(0);
    call(2);
    expect(await at.heard("client", answersTo(2))).toMatchObject({ result: { content: [] } });
    expect(at.toClient.filter((text) => text.includes("elicitation/create"))).toHaveLength(1);
    call(3);
    await asked();
    expect(callsUpstream()).toBe(1);
  });

  it("whose client keeps the call alive with a token is waited for, and told so", async () => {
    begin({}, { holdMs: 20, progressMs: 10 });
    call(1, { _meta: { progressToken: "t" } });
    const { id } = await asked();
    for (let told = 0; told < 3; told += 1) await at.heard("client", ({ method }) => method === "notifications/progress");
    at.send({ jsonrpc: "2.0", id, result: YES });
    expect(await at.heard("client", answersTo(1))).toMatchObject({ result: { content: [] } });
  });

  it("has the form taken away when the call is cancelled, and nothing runs", async () => {
    begin({});
    call(1);
    const { id } = await asked();
    at.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    expect(await at.heard("client", ({ method }) => method === "notifications/cancelled")).toMatchObject({ params: { requestId: id } });
    at.send({ jsonrpc: "2.0", id, result: YES });
    await at.relay.drained();
    expect(callsUpstream()).toBe(0);
  });

  it("who goes away leaves nothing behind", async () => {
    begin({}, { holdMs: 20 });
    call(1);
    await asked();
    await at.heard("client", answersTo(1));
    at.relay.clientGone();
    await at.relay.drained();
    expect(callsUpstream()).toBe(0);
  });
});

describe("whoever sits at the client, without a session", () => {
  interface Answer {
    readonly result: { readonly resultType?: string; readonly requestState: string; readonly isError?: boolean; readonly inputRequests?: { readonly [key: string]: { readonly method: string; readonly params: { readonly message: string } } } };
  }
  let count = 0;
  async function send(more: object = {}): Promise<Answer> {
    const id = `m${(count += 1)}`;
    call(id, { _meta: FORMS, ...more });
    return (await at.heard("client", answersTo(id))) as unknown as Answer; // as MCP says
  }
  const keyOf = ({ result }: Answer): string => Object.keys(result.inputRequests ?? {})[0] ?? "none";

  it("is asked with the first round, and a yes that comes back with its state runs the call, once", async () => {
    open({ roundMs: 5_000 });
    const first = await send();
    expect(first.result).toMatchObject({ resultType: "input_required", inputRequests: { [keyOf(first)]: { method: "elicitation/create", params: { message: expect.stringContaining('Tool: "write"') } } } });
    expect(callsUpstream()).toBe(0);
    expect((await send({ requestState: first.result.requestState, inputResponses: { [keyOf(first)]: YES } })).result).toEqual({ content: [] });
    expect([callsUpstream(), await at.outcomes()]).toEqual([1, ["completed"]]);
  });

  it("whose yes comes without the state, or with another call's, has said nothing", async () => {
    open({ roundMs: 5_000 });
    const first = await send();
    const responses = { [keyOf(first)]: YES };
    expect(await send({ inputResponses: responses, requestState: first.result.requestState, arguments: { path: "/y" } })).toMatchObject({ error: { code: -32_602 } });
    expect(keyOf(await send({ inputResponses: responses }))).toBe(keyOf(first)); // asked, as anybody who calls for the first time
    expect(callsUpstream()).toBe(0);
  });

  it.each([
    ["declines", { action: "decline" }],
    ["cancels", { action: "cancel" }],
    ["submits garbage", { approve: true }],
    ["comes back with nothing", undefined],
  ])("who %s runs nothing", async (_what, response) => {
    open({ roundMs: 5_000 });
    const first = await send();
    const answer = await send({ requestState: first.result.requestState, ...(response === undefined ? {} : { inputResponses: { [keyOf(first)]: response } }) });
    expect(answer.result).toMatchObject({ resultType: "complete", isError: true });
    expect(callsUpstream()).toBe(0);
  });

  it("of another credential or principal is asked apart: nobody's yes is somebody else's", async () => {
    const shared = new Rounds();
    const one = memoryRelay({ policies: local(), answers: true, roundMs: 5_000, shared, principal: "key:one", credential: "one" });
    try {
      at = one;
      const first = await send();
      for (const other of [{ principal: "key:one", credential: "two" }, { principal: "key:two", credential: "one" }]) {
        at = memoryRelay({ policies: local(), answers: true, roundMs: 5_000, shared, ...other });
        const theirs = await send();
        expect(theirs.result.inputRequests).toBeDefined();
        at.relay.clientGone();
      }
      const others = at;
      at = one;
      expect((await send({ requestState: first.result.requestState, inputResponses: { [keyOf(first)]: YES } })).result).toEqual({ content: [] });
      at = others;
      expect(callsUpstream()).toBe(0);
    } finally {
      await one.close();
    }
  });

  it("is asked again where the same call comes anew before the form was answered", async () => {
    open({ roundMs: 5_000 });
    const first = await send();
    const again = await send();
    expect(keyOf(again)).toBe(keyOf(first));
    expect((await send({ requestState: again.result.requestState, inputResponses: { [keyOf(again)]: YES } })).result).toEqual({ content: [] });
    await send({ requestState: first.result.requestState, inputResponses: { [keyOf(first)]: YES } });
    expect(callsUpstream()).toBe(1);
  });
});
