import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { ApprovalDecision, autoApprove, extractBlockMetadata, shutdown, type PolicyViolationError } from "../index.ts";
import { connect, refusalOf, rows, start, useGovernance, warnings, WRITE, WRITES } from "./fixture/governed-client.ts";

useGovernance();

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
      warnings.length = 0;
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
    const answers = [true, new ApprovalDecision({ approved: true, reason: " " }), new ApprovalDecision({ approved: true, reason: "ticket 42" })];
    const { client, received } = await connect("v1 esm", { onPolicyBlock: () => answers.shift() ?? false });
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_denied");
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_denied");
    await client.callTool(WRITE);
    expect(received).toHaveLength(1);
  });
});

describe("conditions", () => {
  it("narrow a policy by the arguments, the caller and what the server claims, through a real client", async () => {
    start({
      version: 1,
      policies: [{ name: "outside", match: "mcp:filesystem:write_file", when: '!within(args.path, "/tmp") && agent.name == "night" && !tool.known', action: "block", reason: "Writes outside /tmp" }],
    });
    const { client, received } = await connect("v1 esm", { governanceConfig: { agentName: "night" } });
    await client.callTool(WRITE);
    const error = await refusalOf(client.callTool({ name: "write_file", arguments: { path: "/etc/passwd" } }));
    expect(error.policyResult?.reason).toBe("Writes outside /tmp");
    const doubtful = await refusalOf(client.callTool({ name: "write_file", arguments: { path: "/tmp/../etc/passwd" } }));
    expect(doubtful.policyResult?.reason).toContain("the condition of outside (policies[0].when, character 2) has no answer (within: the path has a segment of dots");
    expect(received).toHaveLength(1);
  });

  it("without an answer are in the row of the call, those of policies that take no part too", async () => {
    const when = "args.amount > 1000";
    start({ version: 1, default: "allow", policies: [{ name: "trial", match: "mcp:filesystem:write_file", when, action: "block", mode: "observe" }, { name: "careful", match: "mcp:filesystem:write_file", when, action: "warn" }] });
    const { client } = await connect("v1 esm", {});
    await client.callTool(WRITE);
    await shutdown();
    const fault = { source: "policies", field: "args.amount", message: "No such key: amount" };
    expect(rows().find(({ type }) => type === "decision")).toMatchObject({ action: "warn", faults: [{ policy: "trial", ...fault }, { policy: "careful", ...fault }] });
  });
});

describe("secrets stay inside (R28)", () => {
  it("String(error), inspect(error) and JSON.stringify(error) leak no canary from the arguments", async () => {
    start(WRITES);
    const canary = "CANARY-7f3a";
    for (const handler of [undefined, () => false, () => { throw new Error("x"); }] as const) {
      const { client } = await connect("v1 esm", handler === undefined ? {} : { onPolicyBlock: handler });
      const error = await refusalOf(client.callTool({ name: "write_file", arguments: { path: canary, [canary]: [canary] } }));
      const outputs = [String(error), inspect(error, { depth: 10 }), inspect(error, { showHidden: true, depth: 10 }), JSON.stringify(error), error.stack ?? "", JSON.stringify(Object.assign({}, error))];
      for (const output of outputs) expect(output).not.toContain(canary);
      expect(error.call?.arguments["path"]).toBe(canary);
    }
  });
});
