import { createHash, createHmac } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bindCall } from "./bind-call.ts";
import { callDigest, definitionDigest, identityDigest, createKeyedDigest, requestDigest, type RequestFacts } from "./digest.ts";
import { readCall, type ProposedCall } from "./read-call.ts";
import { createToolCatalog } from "./tool-catalog.ts";

const sha256 = (text: string): string => createHash("sha256").update(Buffer.from(text, "utf8")).digest("hex");
const DEFINITION = "d".repeat(64);
const IDENTITY = "e".repeat(64);

const BASE: ProposedCall = {
  params: { name: "write_file", arguments: { path: "/tmp/a", content: "héllo" }, _meta: { "acme/env": "prod" } },
  task: { ttl: 60 },
  eraKeys: ["task"],
  server: { name: "filesystem", identity: IDENTITY, transport: "stdio" },
  caller: { principal: "local:jane", agent: { name: "file-manager", id: "7" }, user: { id: "user-123" }, session: { id: "s" } },
  tools: createToolCatalog(() => Promise.resolve(undefined)),
};

function digestOf(proposed: ProposedCall, definition: string | null = DEFINITION): string {
  const read = readCall(proposed);
  if (!read.ok) throw new Error(read.refusal.reason);
  const bound = bindCall(read.call, definition);
  expect(callDigest(read.call, definition)).toBe(bound.digest);
  return bound.digest;
}

const withParams = (params: object): ProposedCall => ({ ...BASE, params: { ...(BASE.params as object), ...params } });
const withMeta = (meta: object): ProposedCall => withParams({ _meta: { "acme/env": "prod", ...meta } });

describe("the call digest", () => {
  it("is SHA-256 over a type prefix, a zero byte and canonical text of what would run", () => {
    const text =
      `{"arguments":{"content":"héllo","path":"/tmp/a"},"context":{"acme/env":"prod","io.modelcontextprotocol/task":{"ttl":60}},` +
      `"definition":"${DEFINITION}","server":{"identity":"${IDENTITY}","name":"filesystem"},"tool":"write_file"}`;
    expect(digestOf(BASE)).toBe(sha256(`countersign/call/v1\u0000${text}`));
    expect(digestOf(BASE)).toBe("a7202bc6cce2591af2cc2eaf68f9e0f446d79725c60e07665060d6abcad2aae9");
  });

  it("is the same for the barest call on every machine", () => {
    const bare: ProposedCall = { ...BASE, params: { name: "list" }, task: undefined, server: { name: undefined, identity: null, transport: "memory" } };
    const text = `{"arguments":{},"context":{},"definition":null,"server":{"identity":null,"name":null},"tool":"list"}`;
    expect(digestOf(bare, null)).toBe(sha256(`countersign/call/v1\u0000${text}`));
    expect(digestOf(bare, null)).toBe("23a2a7142930dff1fa6a7375c7c9add99c29743d0ef52811185b9c207e048c46");
  });

  it.each<[string, ProposedCall, string | null]>([
    ["server name", { ...BASE, server: { ...BASE.server, name: "filesystem2" } }, DEFINITION],
    ["a server without a name", { ...BASE, server: { ...BASE.server, name: undefined } }, DEFINITION],
    ["a server that is called null", { ...BASE, server: { ...BASE.server, name: "null" } }, DEFINITION],
    ["server identity", { ...BASE, server: { ...BASE.server, identity: "f".repeat(64) } }, DEFINITION],
    ["an unknown server identity", { ...BASE, server: { ...BASE.server, identity: null } }, DEFINITION],
    ["tool", withParams({ name: "write_file2" }), DEFINITION],
    ["tool in other case", withParams({ name: "Write_file" }), DEFINITION],
    ["definition", BASE, "c".repeat(64)],
    ["an unknown definition", BASE, null],
    ["a value", withParams({ arguments: { path: "/tmp/b", content: "héllo" } }), DEFINITION],
    ["a value in another form of Unicode", withParams({ arguments: { path: "/tmp/a", content: "he\u0301llo" } }), DEFINITION],
    ["a value of another type", withParams({ arguments: { path: "/tmp/a", content: ["héllo"] } }), DEFINITION],
    ["a key more", withParams({ arguments: { path: "/tmp/a", content: "héllo", mode: null } }), DEFINITION],
    ["a key less", withParams({ arguments: { path: "/tmp/a" } }), DEFINITION],
    ["no arguments", withParams({ arguments: {} }), DEFINITION],
    ["context", withMeta({ "acme/env": "test" }), DEFINITION],
    ["context more", withMeta({ "acme/tenant": 1 }), DEFINITION],
    ["context less", withParams({ _meta: {} }), DEFINITION],
    ["context that only looks like a carrier", withMeta({ Traceparent: "00-1" }), DEFINITION],
    ["context that only looks like the protocol's", withMeta({ "io.modelcontextprotocol": 1 }), DEFINITION],
    ["task", { ...BASE, task: { ttl: 61 } }, DEFINITION],
    ["no task", { ...BASE, task: undefined }, DEFINITION],
  ])("changes with %s", (_what, proposed, definition) => {
    expect(digestOf(proposed, definition)).not.toBe(digestOf(BASE));
  });

  it.each<[string, ProposedCall]>([
    ["traceparent", withMeta({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" })],
    ["tracestate", withMeta({ tracestate: "a=1" })],
    ["baggage", withMeta({ baggage: "user=jane" })],
    ["progressToken", withMeta({ progressToken: 7 })],
    ["io.modelcontextprotocol/*", withMeta({ "io.modelcontextprotocol/client": { a: 1 }, "io.modelcontextprotocol/task": 2 })],
    ["the order of keys", withParams({ arguments: { content: "héllo", path: "/tmp/a" } })],
    ["undefined members", withParams({ arguments: { path: "/tmp/a", content: "héllo", mode: undefined } })],
    ["the transport", { ...BASE, server: { ...BASE.server, transport: "http" } }],
    ["who calls", { ...BASE, caller: { principal: "x", agent: { name: "y", id: "" }, user: { id: "" }, session: { id: "" } } }],
    ["task in the params instead of beside them", { ...withParams({ task: { ttl: 60 } }), task: undefined }],
  ])("does not change with %s", (_what, proposed) => {
    expect(digestOf(proposed)).toBe(digestOf(BASE));
  });

  it("cannot be made to meet by moving text from one field to the next (T-sig)", () => {
    const field = fc.constantFrom("", "a", `"`, `","tool":"`, "\u0000", `{"a":1}`, "null", "}", ":");
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(field, field, fc.option(field), fc.option(field), (tool, value, identity, definition) => {
        const call = { ...BASE, params: { name: `t${tool}`, arguments: { [value]: tool } }, server: { name: value, identity, transport: "stdio" as const } };
        const facts = JSON.stringify([tool, value, identity, definition]);
        const digest = digestOf(call, definition);
        expect(seen.get(digest) ?? facts).toBe(facts);
        seen.set(digest, facts);
      }),
      { numRuns: 3_000 },
    );
    expect(seen.size).toBeGreaterThan(1_000);
  });
});

describe("the request digest", () => {
  const facts: RequestFacts = {
    id: "r-1",
    nonce: "n-1",
    tenant: "local",
    callDigest: "a".repeat(64),
    principal: "local:jane",
    agent: "file-manager",
    requirement: [{ policy: "p", approvers: ["ops@company.com"], quorum: 1 }],
    expiresAt: 1_764_000_000_000,
  };

  it("is SHA-256 over its own prefix, a zero byte and canonical text of the question", () => {
    const text =
      `{"agent":"file-manager","callDigest":"${"a".repeat(64)}","expiresAt":1764000000000,"id":"r-1","nonce":"n-1","principal":"local:jane",` +
      `"requirement":[{"approvers":["ops@company.com"],"policy":"p","quorum":1}],"tenant":"local"}`;
    expect(requestDigest(facts)).toBe(sha256(`countersign/request/v1\u0000${text}`));
    expect(requestDigest(facts)).toBe("4b3caca58c91e0d0ebe837c52e999d8c82b6cbad265ee25174e5b048f9f8a001");
  });

  it.each<Partial<RequestFacts>>([
    { id: "r-2" },
    { nonce: "n-2" },
    { tenant: "other" },
    { callDigest: "b".repeat(64) },
    { principal: "local:joe" },
    { agent: "other" },
    { requirement: [] },
    { expiresAt: 1_764_000_000_001 },
  ])("changes with %o", (change) => {
    expect(requestDigest({ ...facts, ...change })).not.toBe(requestDigest(facts));
  });
});

describe("the other digests", () => {
  it("have prefixes of their own, so that none can stand for another", () => {
    expect(definitionDigest("{}")).toBe(sha256("countersign/definition/v1\u0000{}"));
    expect(identityDigest({})).toBe(sha256("countersign/server/v1\u0000{}"));
    expect(identityDigest({ b: 1, a: 2 })).toBe(identityDigest({ a: 2, b: 1 }));
  });

  it("leave the installation only under its key", () => {
    const key = Buffer.alloc(32, 7);
    expect(createKeyedDigest(key)("a".repeat(64))).toBe(createHmac("sha256", key).update("a".repeat(64)).digest("hex"));
    expect(createKeyedDigest(Buffer.alloc(32, 8))("a".repeat(64))).not.toBe(createKeyedDigest(key)("a".repeat(64)));
    const keyed = createKeyedDigest(key);
    for (let n = 0; n < 500; n++) {
      const digest = createHash("sha256").update(String(n)).digest("hex");
      expect(keyed(digest)).toBe(createHmac("sha256", key).update(digest).digest("hex"));
    }
    expect(() => keyed("short")).toThrow(TypeError);
  });
});
