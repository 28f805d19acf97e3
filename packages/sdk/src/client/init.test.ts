import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { configureSession, init, type RecordSink, type SessionOptions } from "../index.ts";
import { type TestResult } from "./fixture/connected-client.ts";
import { connect, refusalOf, start, useGovernance, WRITE, WRITES } from "./fixture/governed-client.ts";

useGovernance();

describe("protocol 2026-07-28, over a v2 client and server", () => {
  it("a call is governed, sent with the envelope of its era, and its spans and record know it", async () => {
    start(WRITES);
    const { Client, InMemoryTransport } = await import("@modelcontextprotocol/client");
    const { McpServer } = await import("@modelcontextprotocol/server");
    const { serveStdio } = await import("@modelcontextprotocol/server/stdio");
    const { z } = await import("zod");
    const received: unknown[] = [];
    const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
    const factory = (): InstanceType<typeof McpServer> => {
      const server = new McpServer({ name: "modern", version: "1.0.0" });
      server.registerTool("write_file", { description: "writes", inputSchema: z.object({ path: z.string() }) }, ({ path }) => {
        received.push(path);
        return { content: [{ type: "text", text: "done" }] };
      });
      return server;
    };
    const serving = serveStdio(factory, { transport: serverSide });
    const client = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
    await client.connect(clientSide);
    expect(client.getProtocolEra()).toBe("modern");
    let answer = false;
    configureSession(client, { serverName: "filesystem", onPolicyBlock: () => answer });
    const write = { name: "write_file", arguments: { path: "/tmp/a" } };
    expect((await refusalOf(client.callTool(write))).code).toBe("approval_denied");
    expect(received).toEqual([]);
    answer = true;
    await client.callTool(write);
    expect(received).toEqual(["/tmp/a"]);
    expect((await refusalOf(client.request({ method: "tools/call", params: { ...write, task: {} } }))).code).toBe("malformed_call");
    await client.close();
    await serving.close();
  });
});

describe("setting up", () => {
  it("with neither policies nor a control plane nor their environment variables, init throws", () => {
    vi.stubEnv("COUNTERSIGN_POLICIES", "");
    expect(() => init()).toThrow(TypeError);
    expect(() => init()).toThrow(/no policies.*COUNTERSIGN_POLICIES/s);
  });

  it("slips in a document are told once, when it comes into force, with file, line and column", async () => {
    const directory = await mkdtemp(join(tmpdir(), "countersign-init-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, "rules.yaml");
    await writeFile(file, "version: 1\ndefault: allow\npolicies:\n  - name: reading\n    match: mcp:a:read\n    action: allow\n");
    const told: string[] = [];
    init({ policies: file, record: "memory", onWarning: (message) => told.push(message) });
    expect(told.filter((message) => message.includes("in force"))).toEqual([
      `${file} is in force, and this in it is probably not what was meant:\n  ${file}:6:5: policies[0] (reading): is an allow that does nothing: the default allows already, and an allow lifts nothing but a blocking default. Remove it. To let calls past a block, use the block's \`except\`.`,
    ]);
    told.length = 0;
    init({ policies: { version: 1, default: "allow", policies: [] }, record: "memory", onWarning: (message) => told.push(message) });
    expect(told.filter((message) => message.includes("in force"))).toEqual([]);
  });

  it.each([["throws", (): never => { throw new Error("logger is dead"); }], ["rejects", () => Promise.reject(new Error("logger is dead"))]])("an onWarning that %s ends nothing: a broken document leaves the last good one in force", async (_name, onWarning) => {
    let changed = (): void => undefined;
    let document: unknown = WRITES;
    const source = { name: "rules", load: () => document as typeof WRITES, watch: (look: () => void) => ((changed = look), () => undefined) };
    // oxlint-disable-next-line typescript/no-misused-promises -- users do pass async functions
    init({ policies: source, record: "memory", onWarning });
    const { client } = await connect("v1 esm", { onPolicyBlock: () => "yes" as never });
    document = { version: 1, oops: true };
    changed();
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_denied");
  });

  it("configureSession before init throws", async () => {
    const { client } = await connect("v1 esm");
    expect(() => configureSession(client, { serverName: "filesystem" })).toThrow(/call init\(\) first/);
  });

  it("init says which classes are governed: v1 and v2, ESM and CJS", () => {
    const { governed } = init({ policies: WRITES, record: "memory" });
    expect(governed.map(({ package: name, version, build }) => `${name}@${version} ${build}`).toSorted()).toEqual([
      "@modelcontextprotocol/client@2.4.0 cjs",
      "@modelcontextprotocol/client@2.4.0 esm",
      "@modelcontextprotocol/sdk@1.32.2 cjs",
      "@modelcontextprotocol/sdk@1.32.2 esm",
    ]);
  });

  it("wrapping twice is harmless: one call is asked about once", async () => {
    init({ policies: { version: 1, policies: [] }, record: "memory" });
    start(WRITES);
    const handler = vi.fn(() => true);
    const { client, received } = await connect("v1 esm", { onPolicyBlock: handler });
    configureSession(client, { serverName: "filesystem", onPolicyBlock: handler });
    await client.callTool(WRITE);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(received).toHaveLength(1);
  });

  it("another copy of the SDK in the process, with other policies, does not keep ours from counting", async () => {
    vi.resetModules();
    const other = await import("../index.ts");
    expect(other.init).not.toBe(init);
    other.init({ policies: { version: 1, default: "allow", policies: [] }, record: "memory", onWarning: () => undefined });
    onTestFinished(() => other.shutdown());
    const handler = vi.fn(() => false);
    start(WRITES);
    const { client, received } = await connect("v1 esm", { onPolicyBlock: handler });
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_denied");
    other.configureSession(client, { serverName: "filesystem" });
    configureSession(client, { serverName: "filesystem", onPolicyBlock: () => (handler(), true) });
    await client.callTool(WRITE);
    expect(handler).toHaveBeenCalledTimes(2);
    expect(received).toHaveLength(1);
    await other.shutdown();
    await client.callTool(WRITE);
    expect(handler).toHaveBeenCalledTimes(3);
  });

  it("a subclass that overrides request and hands it on is governed once", async () => {
    start(WRITES);
    const { clientClass } = await connect("v1 esm");
    class Traced extends clientClass {
      override request(request: unknown, ...rest: unknown[]): Promise<TestResult> {
        return super.request(request, ...rest);
      }
    }
    const { client, received } = await connect("v1 esm");
    Object.setPrototypeOf(client, Traced.prototype);
    const handler = vi.fn(() => true);
    configureSession(client, { serverName: "filesystem", onPolicyBlock: handler });
    await client.callTool(WRITE);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(received).toHaveLength(1);
  });

  it("a second one replaces the first also where the first one's record cannot be written any more, and says so", async () => {
    const told: string[] = [];
    const sink: RecordSink = { write: () => Promise.reject(new Error("the disk is on fire")), sync: async () => undefined, close: async () => undefined };
    init({ policies: WRITES, record: { to: sink, arguments: "none" }, onWarning: () => undefined });
    init({ policies: WRITES, record: "memory", onWarning: (message) => told.push(message) });
    await expect.poll(() => told).toContainEqual("what init() had set up before could not be ended in good order: The record cannot be written: the disk is on fire.");
    expect((await refusalOf((await connect("v2 esm", {})).client.callTool(WRITE))).code).toBe("policy_block");
  });

  it("options that are not right are TypeErrors before anything runs", async () => {
    start(WRITES);
    const { client } = await connect("v2 esm");
    expect(() => configureSession(client, { serverName: "a:b" })).toThrow(TypeError);
    expect(() => configureSession(client, { serverName: "*" })).toThrow(TypeError);
    expect(() => configureSession({}, { serverName: "a" })).toThrow(TypeError);
    expect(() => init({ policies: WRITES, record: "memory", approvalTimeoutMinutes: 0 })).toThrow(TypeError);
    // A user without types passes the wrong thing.
    expect(() => configureSession(client, { onPolicyBlock: "yes" } as unknown as SessionOptions)).toThrow(TypeError);
  });
});
