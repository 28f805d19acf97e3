import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { ApprovalDecision, extractBlockMetadata, shutdown, type ApprovalContext } from "./index.ts";
import { CLIENT_KINDS } from "./client/fixture/connected-client.ts";
import { connect, refusalOf, rows, start, useGovernance, WRITE, WRITES } from "./client/fixture/governed-client.ts";

useGovernance();

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
    expect(rows()).toContainEqual(expect.objectContaining({ type: "outcome", outcome: "outcome_unknown" }));
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
    expect(rows().filter(({ type }) => type === "approval").map(({ status }) => status)).toEqual(["superseded", "approved"]);
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

async function firstError(stream: AsyncGenerator<{ type: string; error?: unknown }>): Promise<never> {
  for await (const message of stream) if (message.type === "error") throw message.error;
  throw new Error("the stream ended without an error");
}
