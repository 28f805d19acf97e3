import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan, type SpanProcessor } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApprovalDecision, autoApprove, configureSession, init, shutdown, type InitOptions, type PolicyDocument, type SessionOptions } from "../index.ts";
import { connectClient, type Connected } from "../client/fixture/connected-client.ts";

const exporter = new InMemorySpanExporter();
let provider: TracerProvider;
let open: Connected[] = [];

function setUp(processor: SpanProcessor = new SimpleSpanProcessor({ exporter })): void {
  provider = new TracerProvider({ spanProcessors: [processor] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

beforeEach(() => {
  open = [];
  exporter.reset();
});
afterEach(async () => {
  for (const connected of open) await connected.close();
  await shutdown();
  trace.disable();
  context.disable();
  propagation.disable();
});

async function governed(policies: PolicyDocument, session: SessionOptions = {}, options: Partial<InitOptions> = {}, kind: "v1 esm" | "v2 esm" = "v1 esm"): Promise<Connected> {
  init({ policies, record: "memory", onWarning: () => undefined, ...options });
  const connected = await connectClient(kind);
  open.push(connected);
  configureSession(connected.client, { serverName: "filesystem", ...session });
  return connected;
}

function onlySpan(): ReadableSpan {
  const spans = exporter.getFinishedSpans();
  expect(spans).toHaveLength(1);
  // The line above has just said that there is one.
  return spans[0] as ReadableSpan;
}

const WRITE = { name: "write_file", arguments: { path: "/tmp/a", content: "CANARY" } };
const WRITES: PolicyDocument = { version: 1, policies: [{ name: "writes", match: "mcp:filesystem:write_file", action: "block", reason: "File writes require approval" }] };

describe("span attributes, as literals", () => {
  it("an allowed call", async () => {
    setUp();
    const { client } = await governed({ version: 1, policies: [] }, {}, {}, "v2 esm");
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    const span = onlySpan();
    expect(span.name).toBe("tools/call read_file");
    expect(span.kind).toBe(SpanKind.CLIENT);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toEqual({
      "mcp.method.name": "tools/call",
      "mcp.protocol.version": "2025-11-25",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "read_file",
      "jsonrpc.request.id": expect.stringMatching(/^\d+$/),
      "waxell.mcp.server_name": "filesystem",
      "waxell.mcp.tool_name": "read_file",
      "waxell.mcp.governance_action": "allow",
      "waxell.mcp.policy_id": "mcp:filesystem:read_file",
      "waxell.mcp.call_digest": expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("a block that a handler approves", async () => {
    setUp();
    const { client } = await governed(WRITES, { onPolicyBlock: () => new ApprovalDecision({ approved: true, approver: "jane@company.com", elapsedSeconds: 12.3 }) });
    await client.callTool(WRITE);
    const span = onlySpan();
    expect(span.attributes).toEqual({
      "mcp.method.name": "tools/call",
      "mcp.protocol.version": "2025-11-25",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "write_file",
      "jsonrpc.request.id": expect.stringMatching(/^\d+$/),
      "waxell.mcp.server_name": "filesystem",
      "waxell.mcp.tool_name": "write_file",
      "waxell.mcp.governance_action": "block",
      "waxell.mcp.governance_reason": "File writes require approval",
      "waxell.mcp.policy_id": "mcp:filesystem:write_file",
      "waxell.mcp.policy_names": ["writes"],
      "waxell.mcp.call_digest": expect.stringMatching(/^[0-9a-f]{64}$/),
      "waxell.mcp.tool_fingerprint": expect.stringMatching(/^[0-9a-f]{64}$/),
      "waxell.mcp.approval_status": "approved",
      "waxell.mcp.approval_approver": "jane@company.com",
      "waxell.mcp.approval_elapsed_ms": expect.any(Number),
      "waxell.mcp.approval_request_id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(Number.isInteger(span.attributes["waxell.mcp.approval_elapsed_ms"])).toBe(true);
    expect(span.attributes["waxell.mcp.approval_elapsed_ms"]).toBeLessThan(5_000); // measured by us, not the 12.3 s that were claimed
  });

  it.each([
    ["denied", (): boolean => false, { "waxell.mcp.approval_status": "denied", "error.type": "approval_denied" }],
    ["timed out", (): ApprovalDecision => new ApprovalDecision({ approved: false, timedOut: true }), { "waxell.mcp.approval_status": "timeout", "error.type": "approval_timeout" }],
    [
      "approval attributes missing from spans: a handler that throws",
      (): boolean => {
        throw new RangeError("secret CANARY");
      },
      { "waxell.mcp.approval_status": "denied", "waxell.mcp.approval_error": "the handler threw RangeError", "error.type": "approval_denied" },
    ],
    ["a rule", autoApprove, { "waxell.mcp.approval_status": "approved", "waxell.mcp.human": false, "waxell.mcp.approval_approver": "auto_approve" }],
    ["a person", (): ApprovalDecision => new ApprovalDecision({ approved: true, human: true, channel: "terminal" }), { "waxell.mcp.human": true, "waxell.mcp.approval_channel": "terminal" }],
  ] as const)("%s", async (_name, handler, expected) => {
    setUp();
    const { client } = await governed(WRITES, { onPolicyBlock: handler });
    await client.callTool(WRITE).catch(() => undefined);
    expect(onlySpan().attributes).toMatchObject({ "waxell.mcp.governance_action": "block", ...expected });
    expect(JSON.stringify(onlySpan().attributes)).not.toContain("CANARY");
  });

  it.each([
    ["block without a handler", {}, WRITES],
    ["approval: never", { onPolicyBlock: () => true }, { version: 1, policies: [{ name: "n", match: "mcp:*:write_file", action: "block", approval: "never" }] }],
  ] as const)("%s: approval_status is not_required", async (_name, session, policies) => {
    setUp();
    const { client } = await governed(policies as unknown as PolicyDocument, session);
    await client.callTool(WRITE).catch(() => undefined);
    const { attributes, status } = onlySpan();
    expect(attributes).toMatchObject({ "waxell.mcp.governance_action": "block", "waxell.mcp.approval_status": "not_required", "error.type": "policy_block" });
    expect(status.code).toBe(SpanStatusCode.ERROR);
  });

  it("approval_status is absent on allow, warn and throttle; a throttle names its rate", async () => {
    setUp();
    const { client } = await governed({
      version: 1,
      policies: [
        { name: "w", match: "mcp:*:write_file", action: "warn", reason: "careful" },
        { name: "t", match: "mcp:*:read_file", action: "throttle", rate: { limit: 1, per: "1h" } },
      ],
    });
    await client.callTool(WRITE);
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    await client.callTool({ name: "read_file", arguments: { path: "/x" } }).catch(() => undefined);
    const [warned, under, over] = exporter.getFinishedSpans().map(({ attributes }) => attributes);
    expect(warned).toMatchObject({ "waxell.mcp.governance_action": "warn", "waxell.mcp.governance_reason": "careful" });
    expect(under).toMatchObject({ "waxell.mcp.governance_action": "throttle" });
    expect(over).toMatchObject({ "waxell.mcp.governance_action": "throttle", "waxell.mcp.rate_limited": true, "waxell.mcp.retry_after_ms": expect.any(Number), "error.type": "policy_throttle" });
    for (const attributes of [warned, under, over]) expect(attributes).not.toHaveProperty("waxell.mcp.approval_status");
  });

  it("observe mode: what would have happened", async () => {
    setUp();
    const { client, received } = await governed({ version: 1, policies: [{ name: "soon", match: "mcp:*:write_file", action: "block", mode: "observe" }] });
    await client.callTool(WRITE);
    expect(received).toHaveLength(1);
    expect(onlySpan().attributes).toMatchObject({ "waxell.mcp.governance_action": "allow", "waxell.mcp.would_action": "block", "waxell.mcp.would_policies": ["soon"] });
  });

  it("findings of an inspection: types and action, never values", async () => {
    setUp();
    const pii = {
      name: "pii",
      inspectCall: () => [{ type: "email", group: "pii", direction: "input" as const, where: "/content" }],
      inspectResult: () => [{ type: "us_ssn", group: "pii", direction: "output" as const, where: "/content/0/text" }],
    };
    const { client } = await governed({ version: 1, policies: [], inspection: { pii: { input: { email: "warn" } } } }, {}, { inspections: [pii] });
    await client.callTool(WRITE);
    expect(onlySpan().attributes).toMatchObject({ "waxell.mcp.governance_action": "warn", "waxell.mcp.pii_input_types": ["email"], "waxell.mcp.pii_output_types": ["us_ssn"], "waxell.mcp.pii_action": "warn" });
  });

  it("a tool definition that changed on this connection is named", async () => {
    setUp();
    const connected = await governed({ version: 1, policies: [] });
    await connected.client.listTools();
    await connected.client.callTool(WRITE);
    connected.describe("now it does something else");
    await connected.client.listTools();
    await connected.client.callTool(WRITE);
    const [before, after] = exporter.getFinishedSpans().map(({ attributes }) => attributes);
    expect(before).not.toHaveProperty("waxell.mcp.tool_change");
    expect(after).toMatchObject({ "waxell.mcp.tool_change": "changed" });
    expect(after).not.toHaveProperty("waxell.mcp.pii_input_types"); // nothing was found in its arguments
    expect(after?.["waxell.mcp.tool_fingerprint"]).not.toBe(before?.["waxell.mcp.tool_fingerprint"]);
  });

  it("a tool error is tool_error, and a JSON-RPC error its code", async () => {
    setUp();
    const { client } = await governed({ version: 1, policies: [] });
    await client.callTool({ name: "fail_file" });
    expect(onlySpan().attributes["error.type"]).toBe("tool_error");
  });

  it("arguments and results are never on spans unless captureContent: true", async () => {
    setUp();
    const { client } = await governed({ version: 1, policies: [] });
    await client.callTool(WRITE);
    expect(JSON.stringify(onlySpan().attributes)).not.toContain("CANARY");
    await shutdown();
    exporter.reset();
    const again = await governed({ version: 1, policies: [] }, {}, { captureContent: true });
    await again.client.callTool(WRITE);
    expect(onlySpan().attributes["gen_ai.tool.call.arguments"]).toBe('{"content":"CANARY","path":"/tmp/a"}');
    expect(onlySpan().attributes["gen_ai.tool.call.result"]).toBe('{"content":[{"type":"text","text":"done"}]}');
  });
});

it("with captureContent, a result that inspection withholds is on no span, and one that it redacts is there as redacted", async () => {
  const looks = {
    name: "text",
    inspectResult: () => [{ type: "us_ssn", group: "pii", direction: "output" as const, where: "/content/0/text" }],
    redactResult: () => ({ content: [{ type: "text", text: "[number]" }] }),
  };
  for (const [action, captured] of [["block", undefined], ["redact", '{"content":[{"type":"text","text":"[number]"}]}']] as const) {
    exporter.reset();
    setUp();
    const { client } = await governed({ version: 1, policies: [], inspection: { pii: { output: { "*": action } } } }, {}, { captureContent: true, inspections: [looks] });
    await client.callTool(WRITE).catch(() => undefined);
    expect(onlySpan().attributes["gen_ai.tool.call.result"]).toBe(captured);
    await shutdown();
    trace.disable();
    context.disable();
  }
});

describe("trace context in _meta", () => {
  const TRACE = "0af7651916cd43dd8448eb211c80319c";

  it("the parent is params._meta.traceparent where present, and our span is passed on downstream", async () => {
    setUp();
    const { client, received } = await governed({ version: 1, policies: [] });
    await client.callTool({ name: "read_file", arguments: { path: "/x" }, _meta: { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: "vendor=1", mine: 1 } });
    const span = onlySpan();
    expect(span.spanContext().traceId).toBe(TRACE);
    expect(span.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    expect(received[0]?.meta).toEqual({ mine: 1, traceparent: `00-${TRACE}-${span.spanContext().spanId}-01`, tracestate: "vendor=1" });
  });

  it("without one, the active span is the parent", async () => {
    setUp();
    const { client, received } = await governed({ version: 1, policies: [] });
    await trace.getTracer("agent").startActiveSpan("agent", async (agent) => {
      await client.callTool({ name: "read_file", arguments: { path: "/x" } });
      agent.end();
    });
    const [call, agent] = exporter.getFinishedSpans();
    expect(call?.parentSpanContext?.spanId).toBe(agent?.spanContext().spanId);
    expect(received[0]?.meta?.["traceparent"]).toBe(`00-${call?.spanContext().traceId}-${call?.spanContext().spanId}-01`);
  });

  it("without any OpenTelemetry set-up, the caller's context travels through unchanged and nothing is added", async () => {
    const { client, received } = await governed({ version: 1, policies: [] });
    const meta = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: "vendor=1" };
    await client.callTool({ name: "read_file", arguments: { path: "/x" }, _meta: meta });
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    expect(received.map((call) => call.meta)).toEqual([meta, undefined]);
  });

  it("a malformed traceparent is left as it came and starts no trace of its own", async () => {
    setUp();
    const { client } = await governed({ version: 1, policies: [] });
    await client.callTool({ name: "read_file", arguments: { path: "/x" }, _meta: { traceparent: "ff-zz" } });
    expect(onlySpan().parentSpanContext).toBeUndefined();
  });
});

describe("telemetry cannot vote (R29)", () => {
  const broken = (): never => {
    throw new Error("exporter is dead");
  };

  it.each([
    ["a processor that throws on start", { onStart: broken, onEnd: () => undefined }],
    ["a processor that throws on end", { onStart: () => undefined, onEnd: broken }],
  ])("%s changes no verdict", async (_name, hooks) => {
    setUp({ ...hooks, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() });
    const { client, received } = await governed(WRITES, { onPolicyBlock: () => true });
    await client.callTool(WRITE);
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    expect(received).toHaveLength(2);
    await shutdown();
    const strict = await governed(WRITES);
    await expect(strict.client.callTool(WRITE)).rejects.toMatchObject({ code: "policy_block" });
    expect(strict.received).toEqual([]);
  });

  it("a context manager that throws changes no verdict", async () => {
    setUp();
    context.disable();
    context.setGlobalContextManager({ active: () => ROOT_CONTEXT, with: broken, bind: (_context: unknown, target: unknown) => target, enable: broken, disable: () => undefined } as never);
    const { client, received } = await governed(WRITES, { onPolicyBlock: () => false });
    await expect(client.callTool(WRITE)).rejects.toMatchObject({ code: "approval_denied" });
    await client.callTool({ name: "read_file", arguments: { path: "/x" } });
    expect(received).toHaveLength(1);
  });
});
