import { describe, expect, it } from "vitest";
import { readCall, type CallReading, type ProposedCall } from "./read-call.ts";
import { createToolCatalog } from "./tool-catalog.ts";

const CANARY = "hunter2-the-secret";
const SERVER = { name: "filesystem", identity: "e".repeat(64), transport: "stdio" } as const;
const CALLER = { principal: "local:jane", agent: { name: "file-manager", id: "7" }, user: { id: "user-123" }, session: { id: "s" } };
const LEGACY = ["task"];
const MODERN = ["inputResponses", "requestState"];

function read(params: unknown, more: Partial<ProposedCall> = {}): CallReading {
  return readCall({ params, eraKeys: LEGACY, server: SERVER, caller: CALLER, tools: createToolCatalog(() => Promise.resolve(undefined)), ...more });
}

function reasonOf(params: unknown, more: Partial<ProposedCall> = {}): string {
  const reading = read(params, more);
  if (reading.ok) return "accepted";
  expect(reading.refusal.code).toBe("malformed_call");
  return reading.refusal.reason;
}

function callOf(params: unknown, more: Partial<ProposedCall> = {}) {
  const reading = read(params, more);
  if (!reading.ok) throw new Error(reading.refusal.reason);
  return reading.call;
}

describe("a name or key that takes minutes to fold", () => {
  it("is refused at once: a megabyte of combining marks", () => {
    const marks = "\u0301\u0327".repeat(500_000);
    for (const params of [{ name: marks }, { name: "a", [marks]: 1 }]) {
      const before = process.threadCpuUsage(); // its own time: another process may have the processor meanwhile
      expect(reasonOf(params)).not.toBe("accepted");
      const { user, system } = process.threadCpuUsage(before);
      expect((user + system) / 1_000).toBeLessThan(100);
    }
    expect(callOf({ name: "\u0301\u0327".repeat(512) }).tool).toHaveLength(1_024);
  });
});

describe("a call that is read", () => {
  it("is a snapshot: whatever the caller changes afterwards changes nothing", () => {
    const params = { name: "write_file", arguments: { path: "/tmp/a", list: [{ n: 1 }] }, _meta: { "acme/env": ["prod"] } };
    const task = { ttl: 60 };
    const server = { ...SERVER };
    const caller = structuredClone(CALLER);
    const call = callOf(params, { task, server, caller });
    const before = structuredClone(call);
    params.name = "rm";
    params.arguments.path = "/etc/passwd";
    Object.assign(params.arguments.list[0] ?? {}, { n: 2 });
    params.arguments.list.push({ n: 3 });
    params._meta["acme/env"][0] = "test";
    Object.assign(params, { arguments: {}, _meta: {}, task: {} });
    task.ttl = 1;
    Object.assign(server, { name: "other", identity: null });
    Object.assign(caller, { principal: "root" });
    Object.assign(caller.agent, { name: "other" });
    Object.assign(caller.user, { id: "other" });
    Object.assign(caller.session, { id: "other" });
    expect(call).toEqual(before);
    expect(call).toEqual({
      server: SERVER,
      tool: "write_file",
      arguments: { list: [{ n: 1 }], path: "/tmp/a" },
      argumentsText: `{"list":[{"n":1}],"path":"/tmp/a"}`,
      context: { "acme/env": ["prod"], "io.modelcontextprotocol/task": { ttl: 60 } },
      contextText: `{"acme/env":["prod"],"io.modelcontextprotocol/task":{"ttl":60}}`,
      meta: { "acme/env": ["prod"] },
      era: { task: { ttl: 60 } },
      caller: CALLER,
    });
  });

  it("reads each member of the params once", () => {
    const reads: PropertyKey[] = [];
    const params = new Proxy({ name: "ls", arguments: { a: 1 }, _meta: { b: 1 } }, { get: (target, key) => (reads.push(key), Reflect.get(target, key)) });
    expect(callOf(params)).toMatchObject({ tool: "ls", arguments: { a: 1 }, meta: { b: 1 } });
    expect(reads).toEqual(["name", "arguments", "_meta"]);
  });

  it("has arguments {} where none are given", () => {
    for (const params of [{ name: "ls" }, { name: "ls", arguments: undefined }, { name: "ls", arguments: {} }]) {
      expect(callOf(params)).toMatchObject({ arguments: {}, argumentsText: "{}" });
    }
  });

  it("shares nothing that can be written with other calls", () => {
    const one = callOf({ name: "ls" });
    expect(() => Object.assign(one.arguments, { path: CANARY })).toThrow(TypeError);
    expect(() => Object.assign(one.context, { path: CANARY })).toThrow(TypeError);
    expect(callOf({ name: "ls" })).toMatchObject({ arguments: {}, context: {} });
  });

  it("keeps the whole _meta to be sent and binds what is no carrier", () => {
    const _meta = { traceparent: "00-1", tracestate: "a", baggage: "b", progressToken: 1, "io.modelcontextprotocol/x": 2, "countersign/session": "s", other: { deep: true } };
    const call = callOf({ name: "ls", _meta });
    expect(call.meta).toEqual(_meta);
    expect(call.context).toEqual({ "countersign/session": "s", other: { deep: true } });
  });

  it("takes the task beside the params, which is the one the client sends", () => {
    expect(callOf({ name: "ls", task: { ttl: 1 } }).era).toEqual({ task: { ttl: 1 } });
    expect(callOf({ name: "ls" }, { task: { ttl: 2 } }).era).toEqual({ task: { ttl: 2 } });
    expect(callOf({ name: "ls", task: { ttl: 1 } }, { task: { ttl: 2 } }).era).toEqual({ task: { ttl: 2 } });
    expect(callOf({ name: "ls" }, { task: { ttl: 2 }, eraKeys: MODERN })).toMatchObject({ era: {}, context: {} });
  });

  it("takes the keys of its protocol era and sends them, outside the digest's context", () => {
    const params = { name: "ls", inputResponses: { a: { action: "accept" } }, requestState: "opaque" };
    expect(callOf(params, { eraKeys: MODERN })).toMatchObject({ era: { inputResponses: { a: { action: "accept" } }, requestState: "opaque" }, context: {} });
  });

  it.each(["a", " ", "write file", "__proto__", "constructor", "mcp:a:b", "*", "\u0000", "日本", "😀"])("may name any tool: %o", (name) => {
    expect(callOf({ name }).tool).toBe(name);
  });
});

describe("a call that is refused", () => {
  it.each<[string, unknown, string]>([
    ["no params", undefined, "params must be an object"],
    ["null", null, "params must be an object"],
    ["a list", [{ name: "ls" }], "params must be an object"],
    ["a text", `{"name":"ls"}`, "params must be an object"],
    ["no name", { arguments: {} }, "/name: must be a non-empty string"],
    ["an empty name", { name: "" }, "/name: must be a non-empty string"],
    ["a name that is too long", { name: "a".repeat(1_025) }, "/name: longer than 1024 characters"],
    ["a name that is null", { name: null }, "/name: must be a non-empty string"],
    ["a name that is an object", { name: Object("ls") }, "/name: must be a non-empty string"],
    ["a name with a lone surrogate", { name: "ls\ud800" }, "/name: a lone surrogate"],
    ["null arguments", { name: "ls", arguments: null }, "/arguments: must be an object"],
    ["arguments as a list", { name: "ls", arguments: [CANARY] }, "/arguments: must be an object"],
    ["arguments as text", { name: "ls", arguments: `{"path":"${CANARY}"}` }, "/arguments: must be an object"],
    ["arguments as a function", { name: "ls", arguments: () => CANARY }, "/arguments: a function, which is not JSON"],
    ["a big integer in the arguments", { name: "ls", arguments: { a: { b: [2 ** 60] } } }, "/arguments/a/b/0: an integer beyond ±(2^53-1); send it as a string"],
    ["null _meta", { name: "ls", _meta: null }, "/_meta: must be an object"],
    ["_meta as a list", { name: "ls", _meta: [] }, "/_meta: must be an object"],
    ["__proto__ in _meta", { name: "ls", _meta: JSON.parse(`{"__proto__":{}}`) }, "/_meta/__proto__: the key __proto__"],
    ["a task that is no JSON", { name: "ls", task: { run: () => CANARY } }, "/task/run: a function, which is not JSON"],
    ["__proto__ in the params", JSON.parse(`{"name":"ls","__proto__":{}}`), `params: the key "__proto__" is not defined for tools/call here`],
    ["an unknown key", { name: "ls", approved: true }, `params: the key "approved" is not defined for tools/call here`],
    ["an unknown key with escapes", { name: "ls", "\u001b[2J": 1 }, String.raw`params: the key "\u001b[2J" is not defined for tools/call here`],
    ["a key of the other era", { name: "ls", requestState: "x" }, `params: the key "requestState" is not defined for tools/call here`],
    ["an unknown key of which the first part is shown", { name: "ls", ["k".repeat(5_000)]: 1 }, `params: the key "${"k".repeat(40)}" is not defined for tools/call here`],
  ])("has %s", (_what, params, reason) => {
    expect(reasonOf(params)).toBe(reason);
    expect(reason).not.toContain(CANARY);
  });

  // CVE-2026-27896: keys that another parser takes for the protocol's own.
  it.each([
    ["Name", "name"],
    ["NAME", "name"],
    ["nAme", "name"],
    ["ｎame", "name"],
    ["ARGUMENTS", "arguments"],
    ["Arguments", "arguments"],
    ["argument\u017f", "arguments"],
    ["argumentｓ", "arguments"],
    ["_Meta", "_meta"],
    ["_META", "_meta"],
    ["＿meta", "_meta"],
    ["Task", "task"],
    ["tas\u212a", "task"],
    ["ta\u017fk", "task"],
    ["InputResponses", "inputResponses"],
    ["inputresponses", "inputResponses"],
    ["inputRe\u017fpon\u017fes", "inputResponses"],
    ["requeststate", "requestState"],
    ["reque\u017ftState", "requestState"],
    ["REQUESTSTATE", "requestState"],
  ])("has the key %o, which equals %o only after case folding", (key, twin) => {
    for (const beside of [{ name: "ls" }, { name: "ls", arguments: {} }, {}]) {
      const reason = reasonOf({ ...beside, [key]: "ls" }, { eraKeys: [...LEGACY, ...MODERN] });
      expect(reason).toBe(`params: a key that equals "${twin}" only after case folding`);
    }
  });

  it.each([
    ["a revoked Proxy as params", revoked(), "params could not be read"],
    ["a revoked Proxy as arguments", { name: "ls", arguments: revoked() }, "/arguments: could not be read"],
    ["a getter that throws", Object.defineProperty({}, "name", { enumerable: true, get: () => fail() }), "params could not be read"],
    ["params whose keys throw", new Proxy({}, { ownKeys: () => fail() }), "params could not be read"],
  ])("is refused and does not throw: %s", (_what, params, reason) => {
    const reading = read(params);
    expect(reading).toMatchObject({ ok: false, refusal: { code: "malformed_call", reason } });
    expect(!reading.ok && reading.refusal.cause).toBeDefined();
  });

  it("is larger than its limit in all, not only part by part", () => {
    const part = "x".repeat(400);
    const params = { name: "ls", arguments: { a: part }, _meta: { b: part } };
    expect(reasonOf(params, { maxBytes: 1_000 })).toBe("accepted");
    expect(reasonOf({ ...params, task: part }, { maxBytes: 1_000 })).toBe("params: larger than the limit of 1000 bytes");
    expect(reasonOf({ name: "n".repeat(1_001) }, { maxBytes: 1_000 })).toBe("params: larger than the limit of 1000 bytes");
    expect(reasonOf({ name: "ls", arguments: { a: "x".repeat(1_000) } }, { maxBytes: 1_000 })).toBe("/arguments: larger than the limit for one call");
    expect(reasonOf({ name: "ls", arguments: { a: "x".repeat(4 * 1024 * 1024) } })).toBe("/arguments: larger than the limit for one call");
  });

  it("is deeper than 64, counted from the params", () => {
    const deep = (levels: number): unknown => Array.from({ length: levels }).reduce<unknown>((inner) => ({ a: inner }), 1);
    expect(reasonOf({ name: "ls", arguments: deep(63) })).toBe("accepted");
    expect(reasonOf({ name: "ls", arguments: deep(64) })).toMatch(/nested deeper than 64$/);
    expect(reasonOf({ name: "ls", _meta: deep(64) })).toMatch(/nested deeper than 64$/);
    expect(reasonOf({ name: "ls", task: deep(64) })).toMatch(/nested deeper than 64$/);
  });

  it("does not see inherited members", () => {
    expect(reasonOf(Object.create({ name: "ls" }))).toBe("/name: must be a non-empty string");
    expect(callOf(Object.assign(Object.create({ arguments: { path: CANARY }, task: 1 }), { name: "ls" }))).toMatchObject({ arguments: {}, era: {} });
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function fail(): never {
  throw new Error(CANARY);
}
