import { afterEach, describe, expect, it } from "vitest";
import type { Inspection } from "@countersign/sdk";
import { memoryRelay, type MemoryRelay, type MemoryRelayOptions, type Message } from "../fixture/memory-relay.ts";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { Rounds } from "./rounds.ts";

const DECLARED = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } } };
const UNDECLARED = { ...DECLARED, "io.modelcontextprotocol/clientCapabilities": {} };
const AT = { createdAt: "2026-11-26T00:00:00Z", lastUpdatedAt: "2026-11-26T00:00:00Z" };
const DONE = { content: [{ type: "text", text: "done" }] };

/** The two ways in which servers speak of tasks. */
const ERAS = {
  session: {
    params: { name: "write", task: { ttl: 60_000 } },
    unasked: { name: "write" },
    made: (ttl: number | null = 60_000) => ({ task: { taskId: "t1", status: "working", ttl, ...AT } }),
    get: (status: string) => ({ taskId: "t1", status, ttl: 60_000, ...AT }),
    notice: "notifications/tasks/status",
  },
  "no session": {
    params: { name: "write", _meta: DECLARED },
    unasked: { name: "write", _meta: UNDECLARED },
    made: (ttl: number | null = 60_000) => ({ resultType: "task", taskId: "t1", status: "working", ttlMs: ttl, ...AT }),
    get: (status: string, more: object = {}) => ({ resultType: "complete", taskId: "t1", status, ttlMs: 60_000, ...AT, ...more }),
    notice: "notifications/tasks",
  },
} as const;

let at: MemoryRelay;
function open(options: MemoryRelayOptions = {}): MemoryRelay {
  return (at = memoryRelay(options));
}
afterEach(() => at.close());

const isCall = ({ method }: Message): boolean => method === "tools/call";
let count = 0;
/** Sends a request and answers it as the server does; what the client hears, as it came. */
async function pass(method: string, params: object, answer: object): Promise<string> {
  const id = `t${(count += 1)}`;
  at.send({ jsonrpc: "2.0", id, method, params });
  const sent = method === "tools/call" ? await at.heard("upstream", isCall) : { id };
  at.say({ jsonrpc: "2.0", id: sent["id"], ...answer });
  await at.heard("client", (message) => message["id"] === id);
  return at.toClient.find((line) => line.includes(`"id":"${id}"`)) ?? "";
}
const resultOf = (line: string): unknown => (JSON.parse(line) as { result: unknown }).result; // what was passed

describe.each(Object.entries(ERAS))("a task (%s)", (_era, { params, unasked, made, get, notice }) => {
  it("that its client asked for passes as it came, and the call is being executed until the task's end is seen", async () => {
    const people = scriptedAsk();
    open({ ask: people, policies: { version: 1, policies: [{ name: "w", match: "mcp:files:write", action: "block" }] } });
    people.decide("approved");
    expect(resultOf(await pass("tools/call", params, { result: made() }))).toEqual(made());
    expect(resultOf(await pass("tasks/get", { taskId: "t1" }, { result: get("working") }))).toEqual(get("working"));
    expect([people.claimed, people.outcomes]).toEqual([["r1"], []]);
    await pass("tasks/get", { taskId: "t1" }, { result: get("completed") });
    await expect.poll(() => people.outcomes).toEqual(["completed"]);
    expect(await at.outcomes()).toEqual(["completed"]);
  });

  it.each([
    ["failed", "failed"],
    ["cancelled", "failed"],
  ])("that ends as %s, as a notification says, is recorded as %s", async (status, outcome) => {
    open();
    await pass("tools/call", params, { result: made() });
    const text = JSON.stringify({ jsonrpc: "2.0", method: notice, params: get(status) });
    at.say(text);
    expect(at.toClient.at(-1)).toBe(`${text}\n`);
    await at.relay.drained();
    expect(await at.outcomes()).toEqual([outcome]);
  });

  it("that is cancelled by its client ends when the server says so", async () => {
    open();
    await pass("tools/call", params, { result: made() });
    await pass("tasks/cancel", { taskId: "t1" }, { result: get("cancelled") });
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["failed"]);
  });

  it("whose end nobody sees has an unknown outcome when the server does not keep it any more", async () => {
    open();
    await pass("tools/call", params, { result: made(30) });
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("that is kept for ever is waited for as long as it is asked about, and no longer", async () => {
    const shared = new Rounds({ continuationMs: 600 });
    open({ shared });
    await pass("tools/call", params, { result: made(null) });
    for (let look = 0; look < 4; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      await pass("tasks/get", { taskId: "t1" }, { result: get("working") });
    }
    expect(at.record()).not.toContain("outcome_unknown");
    await shared.executions.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("that nobody asked for is told in words, not passed for a result, and its end is unknown", async () => {
    open();
    const answer = resultOf(await pass("tools/call", unasked, { result: made() }));
    expect(answer).toMatchObject({ isError: true, content: [{ type: "text", text: expect.stringContaining("made a task of it, which this client did not ask for") }] });
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it.each(["clientGone", "upstreamGone"] as const)("goes no further than its connection: %s", async (gone) => {
    open();
    await pass("tools/call", params, { result: made() });
    at.relay[gone]();
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });

  it("of another id changes nothing", async () => {
    open();
    await pass("tools/call", params, { result: made() });
    await pass("tasks/get", { taskId: "t2" }, { result: { ...get("completed"), taskId: "t2" } });
    at.say({ jsonrpc: "2.0", method: notice, params: { ...get("failed"), taskId: "t2" } });
    at.relay.clientGone();
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["outcome_unknown"]);
  });
});

it("who asked for a task in a session and gets none is told why in an error, since it reads no result in its place", async () => {
  const people = scriptedAsk();
  open({ ask: people, holdMs: 20, policies: { version: 1, policies: [{ name: "w", match: "mcp:files:write", action: "block", reason: "Writes need approval" }] } });
  at.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: ERAS.session.params });
  expect(await at.heard("client", ({ id }) => id === 1)).toEqual({ jsonrpc: "2.0", id: 1, error: { code: -31_000, message: expect.stringContaining("call write again with the same arguments") } });
  people.decide("denied", "not on Fridays");
  at.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: ERAS.session.params });
  expect(await at.heard("client", ({ id }) => id === 2)).toEqual({ jsonrpc: "2.0", id: 2, error: { code: -31_000, message: expect.stringContaining('The approver says: "not on Fridays"') } });
});

describe("a task's result, where results are looked into", () => {
  const LOOKS: Inspection = {
    name: "secrets",
    inspectResult: (_call, result) => (JSON.stringify(result).includes("s3cret") ? [{ type: "secret", group: "pii", direction: "output", where: "/content/0/text" }] : []),
    redactResult: () => ({ content: [{ type: "text", text: "[secret]" }] }),
  };
  const policies = (action: "block" | "redact") => ({ version: 1 as const, policies: [], inspection: { pii: { output: { secret: action } } } });
  const SECRET = { content: [{ type: "text", text: "the s3cret" }] };
  const session = ERAS.session;
  const modern = ERAS["no session"];
  const withheld = expect.objectContaining({ isError: true, content: [{ type: "text", text: expect.stringContaining("its result is withheld") }] });

  it("is withheld however often it is fetched, in a session, and the status passes", async () => {
    open({ inspections: [LOOKS], policies: policies("block") });
    await pass("tools/call", session.params, { result: session.made() });
    expect(resultOf(await pass("tasks/get", { taskId: "t1" }, { result: session.get("completed") }))).toEqual(session.get("completed"));
    for (let time = 0; time < 2; time += 1) expect(resultOf(await pass("tasks/result", { taskId: "t1" }, { result: SECRET }))).toEqual(withheld);
    expect(at.toClient.join("")).not.toContain("s3cret");
    expect(await at.outcomes()).toEqual(["withheld"]);
  });

  it("is withheld inside the task, without a session, in answers and notifications", async () => {
    open({ inspections: [LOOKS], policies: policies("block") });
    await pass("tools/call", modern.params, { result: modern.made() });
    const line = await pass("tasks/get", { taskId: "t1" }, { result: modern.get("completed", { result: SECRET }) });
    expect(resultOf(line)).toEqual({ ...modern.get("completed"), result: withheld });
    at.say({ jsonrpc: "2.0", method: modern.notice, params: modern.get("completed", { result: SECRET }) });
    expect(await at.heard("client", ({ method }) => method === modern.notice)).toMatchObject({ params: { status: "completed", result: withheld } });
    expect(at.toClient.join("")).not.toContain("s3cret");
    expect(await at.outcomes()).toEqual(["withheld"]);
  });

  it("is passed on redacted, and what needs no redaction passes in its own bytes", async () => {
    open({ inspections: [LOOKS], policies: policies("redact") });
    await pass("tools/call", session.params, { result: session.made() });
    expect(resultOf(await pass("tasks/result", { taskId: "t1" }, { result: SECRET }))).toEqual({ content: [{ type: "text", text: "[secret]" }] });
    await pass("tools/call", session.params, { result: { task: { ...session.made().task, taskId: "t3" } } });
    at.send({ jsonrpc: "2.0", id: "own", method: "tasks/result", params: { taskId: "t3" } });
    at.say('{"id":"own" , "result":{"content":[],"n":1.0},"jsonrpc":"2.0"}');
    await at.heard("client", ({ id }) => id === "own");
    expect(at.toClient.at(-1)).toBe('{"id":"own" , "result":{"content":[],"n":1.0},"jsonrpc":"2.0"}\n');
    expect(await at.outcomes()).toEqual(["completed", "completed"]);
  });

  it("of a task whose beginning was not seen is not passed on", async () => {
    open({ inspections: [LOOKS], policies: policies("block") });
    expect(resultOf(await pass("tasks/result", { taskId: "old" }, { result: DONE }))).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("how this one came about was not seen") }] });
  });

  it("whose result is never fetched has completed all the same", async () => {
    open({ inspections: [LOOKS], policies: policies("block") });
    await pass("tools/call", session.params, { result: session.made(40) });
    await pass("tasks/get", { taskId: "t1" }, { result: session.get("completed") });
    await at.relay.drained();
    expect(await at.outcomes()).toEqual(["completed"]);
  });
});

it("an error in place of a task's result is a failure, but for one that only says that the server has no such task", async () => {
  open();
  await pass("tools/call", ERAS.session.params, { result: ERAS.session.made() });
  await pass("tasks/result", { taskId: "t1" }, { error: { code: -32_602, message: "no such task" } });
  expect(at.record()).not.toContain('"type":"outcome"');
  await pass("tasks/result", { taskId: "t1" }, { error: { code: -32_603, message: "it broke" } });
  await at.relay.drained();
  expect(await at.outcomes()).toEqual(["failed"]);
});

describe("what a server says of a task, nested so deep that nobody can write it", () => {
  const DEEP = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const inspections: readonly Inspection[] = [{ name: "looks", inspectResult: () => [] }];

  it("passes as it came where nothing is looked into, whoever asked", async () => {
    open();
    for (const method of ["notifications/tasks/status", "notifications/tasks"]) at.say(`{"jsonrpc":"2.0","method":"${method}","params":{"taskId":"t","status":"completed","result":{},"x":${DEEP}}}`);
    at.send({ jsonrpc: "2.0", id: "g", method: "tasks/get", params: { taskId: "t" } });
    at.say(`{"jsonrpc":"2.0","id":"g","result":{"taskId":"t","status":"completed","result":{},"x":${DEEP}}}`);
    expect(at.toClient.map((line) => line.length > DEEP.length)).toEqual([true, true, true]);
  });

  it("is withheld where results are looked into, and ends nothing else", async () => {
    open({ inspections });
    at.say(`{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"t","status":"completed","result":{},"x":${DEEP}}}`);
    expect((await at.heard("client", ({ method }) => method === "notifications/tasks/status"))["params"]).toEqual({ taskId: "t", status: "completed" });
    await pass("tools/call", ERAS["no session"].params, { result: ERAS["no session"].made() });
    for (const id of ["one", "two"]) {
      at.send({ jsonrpc: "2.0", id, method: "tasks/get", params: { taskId: "t1", _meta: DECLARED } });
      at.say(`{"jsonrpc":"2.0","id":"${id}","result":{"taskId":"t1","status":"completed","result":{"content":[]},"x":${DEEP}}}`);
      await at.heard("client", (message) => message["id"] === id);
    }
    at.send({ jsonrpc: "2.0", id: "three", method: "tasks/get", params: { taskId: "t1", _meta: DECLARED } });
    at.say(`{"jsonrpc":"2.0","id":"three","result":{"taskId":"t1","status":"completed","result":${DEEP}}}`);
    expect((await at.heard("client", ({ id }) => id === "three"))["result"]).toMatchObject({ status: "completed", result: { content: [] } });
    expect(await at.outcomes()).toEqual(["completed"]);
  });
});
