import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApprovalDecision, autoApprove, configureSession, extractBlockMetadata, init, MemorySink, PolicyViolationError, shutdown, type ApprovalContext, type InitOptions, type PolicyDocument, type SessionOptions } from "./index.ts";
import { CLIENT_KINDS, connectClient, type ClientKind, type Connected, type TestResult } from "./client/fixture/connected-client.ts";

const WRITES: PolicyDocument = {
  version: 1,
  default: "allow",
  policies: [
    { name: "writes", match: "mcp:filesystem:write_file", action: "block", reason: "File writes require approval", approval: { approvers: ["ops-team@company.com"], timeoutMinutes: 5 } },
  ],
};
const WRITE = { name: "write_file", arguments: { path: "/tmp/a", content: "hello" } };

let open: Connected[] = [];
let warnings: string[] = [];
let sink: MemorySink;

beforeEach(() => {
  open = [];
  warnings = [];
  sink = new MemorySink();
});
afterEach(async () => {
  for (const { close } of open) await close();
  await shutdown();
});

function start(policies: PolicyDocument, options: Omit<InitOptions, "policies"> = {}): void {
  init({ policies, record: { to: sink, arguments: "none" }, onWarning: (message) => warnings.push(message), ...options });
}

async function connect(kind: ClientKind, session?: SessionOptions): Promise<Connected> {
  const connected = await connectClient(kind);
  open.push(connected);
  if (session !== undefined) configureSession(connected.client, { serverName: "filesystem", ...session });
  return connected;
}

async function refusalOf(call: Promise<unknown>): Promise<PolicyViolationError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PolicyViolationError);
  return error as PolicyViolationError;
}

describe.each(CLIENT_KINDS)("%s client", (kind) => {
  it("allow / warn / throttle: the handler is never called", async () => {
    start({
      version: 1,
      policies: [
        { name: "w", match: "mcp:filesystem:write_file", action: "warn", reason: "careful" },
        { name: "t", match: "mcp:filesystem:read_file", action: "throttle", rate: { limit: 5, per: "1m" } },
      ],
    });
    const handler = vi.fn(() => true);
    const { client, received } = await connect(kind, { onPolicyBlock: handler });
    await client.callTool(WRITE);
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    await client.callTool({ name: "fail_file" });
    expect(received.map(({ name }) => name)).toEqual(["write_file", "read_file", "fail_file"]);
    expect(handler).not.toHaveBeenCalled();
  });

  it("throttle runs while under its rate, and over it throws with policyResult.action = throttle and retryAfterMs", async () => {
    start({ version: 1, policies: [{ name: "slow", match: "mcp:*:read_file", action: "throttle", rate: { limit: 2, per: "1m" } }] });
    const handler = vi.fn(() => true);
    const { client, received } = await connect(kind, { onPolicyBlock: handler });
    const read = { name: "read_file", arguments: { path: "/x" } };
    await client.callTool(read);
    await client.callTool(read);
    const error = await refusalOf(client.callTool(read));
    expect(error.code).toBe("policy_throttle");
    expect(error.policyResult?.action).toBe("throttle");
    expect(error.policyResult?.rateLimited).toBe(true);
    expect(error.retryAfterMs).toBeGreaterThan(25_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(30_000);
    expect(received).toHaveLength(2);
    expect(handler).not.toHaveBeenCalled();
  });

  it("block, no handler: throws", async () => {
    start(WRITES);
    const { client, received } = await connect(kind, {});
    const error = await refusalOf(client.callTool(WRITE));
    expect(error.message).toBe("MCP tool call blocked: mcp:filesystem:write_file: File writes require approval");
    expect(error.code).toBe("policy_block");
    expect(received).toEqual([]);
  });

  it("block with approval: never throws, and the handler is never called", async () => {
    start({ version: 1, policies: [{ name: "n", match: "mcp:*:write_file", action: "block", approval: "never" }] });
    const handler = vi.fn(() => true);
    const { client, received } = await connect(kind, { onPolicyBlock: handler });
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("policy_block");
    expect(handler).not.toHaveBeenCalled();
    expect(received).toEqual([]);
  });

  it("block, handler approves: the tool runs, and its result passes unchanged", async () => {
    start(WRITES);
    const seen: ApprovalContext[] = [];
    const { client, received } = await connect(kind, {
      onPolicyBlock: async (error, context) => {
        seen.push(context);
        expect(extractBlockMetadata(error)).toEqual({ reason: "File writes require approval", actionType: "write_file", approvers: ["ops-team@company.com"], timeoutMinutes: 5 });
        return new ApprovalDecision({ approved: true, approver: "jane@company.com", elapsedSeconds: 0.5 });
      },
    });
    const result = await client.callTool(WRITE);
    expect(result.content).toEqual([{ type: "text", text: "done" }]);
    expect(received.map((call) => call.arguments)).toEqual([{ path: "/tmp/a", content: "hello" }]);
    expect(seen[0]?.call.arguments).toEqual({ path: "/tmp/a", content: "hello" });
    expect(seen[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(seen[0]?.deadline.getTime()).toBeGreaterThan(Date.now() + 4 * 60_000);
  });

  it("handler denies: the original PolicyViolationError propagates", async () => {
    start(WRITES);
    let asked: unknown;
    const { client, received } = await connect(kind, {
      onPolicyBlock: (error) => {
        asked = error;
        return new ApprovalDecision({ approved: false, approver: "joe", elapsedSeconds: 5 });
      },
    });
    const error = await refusalOf(client.callTool(WRITE));
    expect(error).toBe(asked);
    expect(error.code).toBe("approval_denied");
    expect(error.approval?.approver).toBe("joe");
    expect(received).toEqual([]);
  });

  it("all four ways to call a tool are seen, and each refuses with the same PolicyViolationError", async () => {
    start(WRITES);
    const { client, clientClass, received } = await connect(kind, {});
    const isV1 = kind.startsWith("v1");
    const { CallToolResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const schema = isV1 ? [CallToolResultSchema] : [];
    const ways: Promise<unknown>[] = [
      client.callTool(WRITE),
      client.request({ method: "tools/call", params: WRITE }, ...schema),
      clientClass.prototype.callTool.call(client, WRITE),
    ];
    if (isV1) ways.push(firstError(client.experimental.tasks.callToolStream(WRITE, CallToolResultSchema)));
    else ways.push(client.request({ method: "tools/call", params: WRITE }, CallToolResultSchema));
    const errors = await Promise.all(ways.map(refusalOf));
    expect(new Set(errors.map(({ message }) => message)).size).toBe(1);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["policy_block"]));
    expect(received).toEqual([]);
  });

  it("a client that was never configured is governed under the id mcp::{tool}: unknown is the stricter side", async () => {
    start(WRITES);
    const { client, received } = await connect(kind);
    const error = await refusalOf(client.callTool(WRITE));
    expect(error.message).toContain("mcp::write_file");
    expect(error.message).toContain("configureSession({ serverName })");
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    expect(received.map(({ name }) => name)).toEqual(["read_file"]);
  });

  it("what runs is the snapshot, even if the caller mutates its object while a person thinks", async () => {
    start(WRITES);
    const args: Record<string, unknown> = { path: "/tmp/a", nested: { deep: [1, 2] } };
    const params: Record<string, unknown> = { name: "write_file", arguments: args };
    const { client, received } = await connect(kind, {
      onPolicyBlock: () => {
        args["path"] = "/etc/passwd";
        (args["nested"] as Record<string, unknown>)["deep"] = "changed";
        params["name"] = "fail_file";
        params["arguments"] = { path: "/etc/shadow" };
        return true;
      },
    });
    await client.callTool(params);
    expect(received).toEqual([{ name: "write_file", arguments: { path: "/tmp/a", nested: { deep: [1, 2] } }, meta: undefined }]);
  });

  it("a tool's own error result passes unchanged", async () => {
    start(WRITES);
    const { client } = await connect(kind, {});
    expect(await client.callTool({ name: "fail_file" })).toMatchObject({ isError: true, content: [{ type: "text", text: "the disk is on fire" }] });
  });

  it("a time-out of the client is the client's own error, and the record says outcome_unknown", async () => {
    start(WRITES);
    const { client } = await connect(kind, {});
    const { CallToolResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const options = { timeout: 50 };
    const call = kind.startsWith("v1") ? client.callTool({ name: "slow_file" }, CallToolResultSchema, options) : client.callTool({ name: "slow_file" }, options);
    await expect(call).rejects.toThrow(/timed out/i);
    await shutdown();
    expect(await rows()).toContainEqual(expect.objectContaining({ type: "outcome", outcome: "outcome_unknown" }));
  });

  it("the person's time does not count against the client's own time-out", async () => {
    start(WRITES);
    const { client, received } = await connect(kind, { onPolicyBlock: () => new Promise((resolve) => setTimeout(resolve, 300, true)) });
    const { CallToolResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const options = { timeout: 100 };
    await (kind.startsWith("v1") ? client.callTool(WRITE, CallToolResultSchema, options) : client.callTool(WRITE, options));
    expect(received).toHaveLength(1);
  });

  it("caller aborts while waiting: handler aborted, nothing runs, code cancelled", async () => {
    start(WRITES);
    const aborter = new AbortController();
    let handlerSignal: AbortSignal | undefined;
    const { client, received } = await connect(kind, {
      onPolicyBlock: (_error, { signal }) => {
        handlerSignal = signal;
        setTimeout(() => aborter.abort(new Error("gave up")), 20);
        return new Promise((resolve) => setTimeout(resolve, 150, true));
      },
    });
    const { CallToolResultSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const options = { signal: aborter.signal };
    const error = await refusalOf(kind.startsWith("v1") ? client.callTool(WRITE, CallToolResultSchema, options) : client.callTool(WRITE, options));
    expect(error.code).toBe("cancelled");
    expect(handlerSignal?.aborted).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 200)); // the handler's late yes changes nothing
    expect(received).toEqual([]);
  });

  it("caller vanishes while waiting: the connection closes, and nothing runs", async () => {
    start(WRITES);
    const connected = await connect(kind, {
      onPolicyBlock: async () => {
        await connected.close();
        return true;
      },
    });
    expect((await refusalOf(connected.client.callTool(WRITE))).code).toBe("cancelled");
    expect(connected.received).toEqual([]);
  });

  it("a tool definition that changes before the claim supersedes the request, and people are asked anew", async () => {
    start(WRITES);
    const digests: string[] = [];
    const connected = await connect(kind, {
      onPolicyBlock: async (_error, { digest, call }) => {
        digests.push(digest);
        expect(call.definition).toMatch(/^[0-9a-f]{64}$/); // listed once before asking
        if (digests.length > 1) return true;
        connected.describe("now it deletes everything");
        await connected.client.listTools();
        return true;
      },
    });
    await connected.client.callTool(WRITE);
    expect(new Set(digests).size).toBe(2);
    expect(connected.received).toHaveLength(1);
    await shutdown();
    expect((await rows()).filter(({ type }) => type === "approval").map(({ status }) => status)).toEqual(["superseded", "approved"]);
  });

  it("an allowed call never causes a listing; a held one lists once", async () => {
    start(WRITES);
    const { client, methods } = await connect(kind, { onPolicyBlock: () => true });
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    expect(methods).not.toContain("tools/list");
    await client.callTool(WRITE);
    await client.callTool(WRITE);
    expect(methods.filter((method) => method === "tools/list")).toHaveLength(1);
  });

  it("where the server's list is known, an unlisted name is refused as unknown_tool", async () => {
    start(WRITES);
    const { client, received } = await connect(kind, {});
    await client.listTools();
    expect((await refusalOf(client.callTool({ name: "write_file ", arguments: { path: "x" } }))).code).toBe("unknown_tool");
    expect(received).toEqual([]);
  });

  it("malformed calls are refused before policy, and nothing of their values is said", async () => {
    start({ version: 1, policies: [] });
    const { client, received } = await connect(kind, {});
    const bad: unknown[] = [
      { name: "read_file", arguments: { path: "secret-canary", size: Number.NaN } },
      { name: "read_file", arguments: { path: "secret-canary", id: 2 ** 53 } },
      { name: "read_file", arguments: { path: "secret-canary\ud800" } },
      { name: "read_file", arguments: null },
      { name: "", arguments: {} },
    ];
    for (const params of bad) {
      const error = await refusalOf(client.request({ method: "tools/call", params }, ...(kind.startsWith("v1") ? [{ parse: (value: unknown) => value }] : [])));
      expect(error.code).toBe("malformed_call");
      expect(inspect(error)).not.toContain("secret-canary");
    }
    expect(received).toEqual([]);
  });

  it("shutdown takes every hook away", async () => {
    start(WRITES);
    const { client, clientClass, received } = await connect(kind, {});
    await refusalOf(client.callTool(WRITE));
    await shutdown();
    expect(Object.hasOwn(clientClass.prototype, "request")).toBe(false);
    await client.callTool(WRITE);
    expect(received).toHaveLength(1);
  });

  it("many calls at once are governed one by one", async () => {
    start(WRITES);
    const { client, received } = await connect(kind, { onPolicyBlock: async (_error, { call }) => (call.arguments["n"] as number) % 3 === 0 });
    const settled = await Promise.allSettled(Array.from({ length: 60 }, (_, n) => client.callTool({ name: "write_file", arguments: { path: "/x", n } })));
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(20);
    expect(received.map((call) => call.arguments["n"]).toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 20 }, (_, n) => n * 3));
  });
});

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

describe("the window", () => {
  it("the window ends: the wrapper enforces the deadline whatever the handler does, and aborts its signal", async () => {
    start(
      { version: 1, policies: [{ name: "w", match: "mcp:*:write_file", action: "block", approval: { timeoutMinutes: 0.001 } }] },
    );
    let signal: AbortSignal | undefined;
    const { client, received } = await connect("v1 esm", {
      onPolicyBlock: (_error, context) => {
        signal = context.signal;
        return new Promise((resolve) => setTimeout(resolve, 200, true));
      },
    });
    const error = await refusalOf(client.callTool(WRITE));
    expect(error.code).toBe("approval_timeout");
    expect(error.approval?.timedOut).toBe(true);
    expect(signal?.aborted).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(received).toEqual([]);
  });

  it("timedOut: true is a time-out even with approved: true", async () => {
    start(WRITES);
    const { client, received } = await connect("v2 esm", { onPolicyBlock: () => new ApprovalDecision({ approved: true, timedOut: true, elapsedSeconds: 300 }) });
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_timeout");
    expect(received).toEqual([]);
  });

  it("without a window in the policy it is init's, and extractBlockMetadata().timeoutMinutes is null", async () => {
    start({ version: 1, policies: [{ name: "w", match: "mcp:*:write_file", action: "block" }] }, { approvalTimeoutMinutes: 2 });
    const seen: [number | null, number][] = [];
    const { client } = await connect("v2 esm", {
      onPolicyBlock: (error, { deadline }) => {
        seen.push([extractBlockMetadata(error).timeoutMinutes, deadline.getTime() - Date.now()]);
        return false;
      },
    });
    await refusalOf(client.callTool(WRITE));
    expect(seen[0]?.[0]).toBeNull();
    expect(seen[0]?.[1]).toBeGreaterThan(110_000);
    expect(seen[0]?.[1]).toBeLessThanOrEqual(120_000);
  });
});

describe("troubleshooting of the reference page", () => {
  it("approval handler never triggers: without onPolicyBlock, or with null, a block is final", async () => {
    start(WRITES);
    for (const session of [{}, { onPolicyBlock: null }]) {
      const { client } = await connect("v1 esm", session);
      expect((await refusalOf(client.callTool(WRITE))).code).toBe("policy_block");
    }
  });

  it("handler runs but tool still doesn't execute: anything that is no decision denies, with a warning that names what came back", async () => {
    start(WRITES);
    // Users without types return anything.
    for (const [answer, named] of [["yes", "a string"], [{ approved: "yes" }, "approved"], [undefined, "undefined"], [1, "a number"]] as [never, string][]) {
      warnings = [];
      const { client, received } = await connect("v1 esm", { onPolicyBlock: () => answer });
      expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_denied");
      expect(received).toEqual([]);
      expect(warnings.join("\n")).toContain(named);
    }
  });

  it("true and false count, and so does a plain object whose own approved is exactly true", async () => {
    start(WRITES);
    for (const answer of [true, { approved: true, approver: "x" }]) {
      const { client, received } = await connect("v1 esm", { onPolicyBlock: () => answer });
      await client.callTool(WRITE);
      expect(received).toHaveLength(1);
    }
  });

  it("async handler: sync and async handlers both work", async () => {
    start(WRITES);
    for (const handler of [() => true, async () => true]) {
      const { client, received } = await connect("v2 esm", { onPolicyBlock: handler });
      await client.callTool(WRITE);
      expect(received).toHaveLength(1);
    }
  });

  it("handler throws: denied, cause kept", async () => {
    start(WRITES);
    const boom = new RangeError("no network");
    for (const handler of [() => { throw boom; }, async () => { throw boom; }]) {
      const { client, received } = await connect("v2 esm", { onPolicyBlock: handler });
      const error = await refusalOf(client.callTool(WRITE));
      expect(error.code).toBe("approval_denied");
      expect(error.cause).toBe(boom);
      expect(received).toEqual([]);
    }
  });

  it("no policy_result on the error: a block from a security check falls back to the message", async () => {
    const inspection = { name: "pii", inspectCall: () => [{ type: "us_ssn", group: "pii", direction: "input" as const, where: "/content" }] };
    start({ version: 1, policies: [], inspection: { pii: { input: { ssn: "block" } } } }, { inspections: [inspection] });
    const errors: PolicyViolationError[] = [];
    const { client, received } = await connect("v1 esm", { onPolicyBlock: (error) => { errors.push(error); return errors.length > 1; } });
    const error = await refusalOf(client.callTool(WRITE));
    expect(error.policyResult).toBeUndefined();
    expect(error.code).toBe("approval_denied");
    expect(extractBlockMetadata(error)).toEqual({
      reason: "MCP tool call blocked: mcp:filesystem:write_file: The arguments contain us_ssn",
      actionType: "write_file",
      approvers: [],
      timeoutMinutes: null,
    });
    await client.callTool(WRITE);
    expect(received).toHaveLength(1);
  });
});

describe("requirements that an answer in this process cannot meet", () => {
  it.each([{ quorum: 2 }, { assurance: "authenticated" as const }, { assurance: "passkey" as const }, { selfApproval: false }])("%j: the handler is not asked, code approval_needs_control_plane", async (approval) => {
    start({ version: 1, policies: [{ name: "w", match: "mcp:*:write_file", action: "block", approval }] });
    const handler = vi.fn(() => true);
    const { client, received } = await connect("v1 esm", { onPolicyBlock: handler });
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_needs_control_plane");
    const auto = await connect("v1 esm", { onPolicyBlock: autoApprove });
    expect((await refusalOf(auto.client.callTool(WRITE))).code).toBe("approval_needs_control_plane");
    expect(handler).not.toHaveBeenCalled();
    expect([...received, ...auto.received]).toEqual([]);
  });

  it("requireReason: a yes without a reason denies", async () => {
    start({ version: 1, policies: [{ name: "w", match: "mcp:*:write_file", action: "block", approval: { requireReason: true } }] });
    let reason: string | undefined;
    const { client, received } = await connect("v1 esm", { onPolicyBlock: () => (reason === undefined ? true : new ApprovalDecision({ approved: true, reason })) });
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_denied");
    reason = "ticket 42";
    await client.callTool(WRITE);
    expect(received).toHaveLength(1);
  });
});

describe("secrets stay inside (R28)", () => {
  it("String(error), inspect(error) and JSON.stringify(error) leak no canary from the arguments", async () => {
    start(WRITES);
    const canary = "CANARY-7f3a";
    for (const handler of [undefined, () => false, () => { throw new Error("x"); }] as const) {
      const { client } = await connect("v1 esm", handler === undefined ? {} : { onPolicyBlock: handler });
      const error = await refusalOf(client.callTool({ name: "write_file", arguments: { path: canary, [canary]: [canary] } }));
      const outputs = [String(error), inspect(error, { depth: 10 }), inspect(error, { showHidden: true, depth: 10 }), JSON.stringify(error), error.stack ?? "", JSON.stringify({ ...error })];
      for (const output of outputs) expect(output).not.toContain(canary);
      expect(error.call?.arguments["path"]).toBe(canary);
    }
  });
});

async function firstError(stream: AsyncGenerator<{ type: string; error?: unknown }>): Promise<never> {
  for await (const message of stream) if (message.type === "error") throw message.error;
  throw new Error("the stream ended without an error");
}

async function rows(): Promise<Record<string, unknown>[]> {
  return sink.text().trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}
