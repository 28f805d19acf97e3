/** What the suite cannot ask of any control plane: clocks that are off, claims refused there, a record that breaks here, handlers beside the inbox. */
import { trace } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { connect, refusalOf, rows, warnings, WRITE } from "../client/fixture/governed-client.ts";
import { allOf, ApprovalDecision, escalate, firstOf, inboxApproval, init, shutdown, withTimeout, type ApprovalHandler, type PolicyDocument, type RecordSink } from "../index.ts";
import { until, useControlPlane } from "./fixture/client-suite.ts";
import { FakeControlPlane, type FakeOptions } from "./fixture/fake-control-plane.ts";

let fake: FakeControlPlane;
let nextOptions: FakeOptions = {};
const world = useControlPlane(async () => (fake = await FakeControlPlane.start(nextOptions)));
const { begin, pending } = world;
const state = async (): Promise<string | undefined> => (await fake.requests()).at(-1)?.state;

const asking = (approval: object): PolicyDocument => ({ version: 1, policies: [{ name: "w", match: "mcp:*:write_file", action: "block", approval }] });
/** A handler that answers when it is told to. */
function person(): { readonly handler: ApprovalHandler; answer(approved: boolean): void; readonly asked: () => number } {
  const answers: ((approved: boolean) => void)[] = [];
  let asked = 0;
  const handler: ApprovalHandler = (_error, { signal }) =>
    new Promise((resolve, reject) => {
      asked += 1;
      answers.push((approved) => resolve(new ApprovalDecision({ approved, approver: "me", channel: "terminal", human: true })));
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }); // reasons are DOMExceptions
    });
  return { handler, answer: (approved) => answers.shift()?.(approved), asked: () => asked };
}

describe("time", () => {
  it.each([-600_000, 600_000])("the control plane's clock is off by %i ms: the window is as long as the policy says", async (clockOffsetMs) => {
    nextOptions = { clockOffsetMs };
    const own = await FakeControlPlane.start(nextOptions);
    nextOptions = {};
    init({ controlPlane: { url: own.url, apiKey: own.apiKey }, policies: asking({ timeoutMinutes: 0.02 }), record: "memory" });
    const { client, received } = await connect("v2 esm", {});
    const started = performance.now();
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("approval_timeout");
    expect(performance.now() - started).toBeGreaterThan(1_150);
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(received).toEqual([]);
    await shutdown();
    await own.close();
  });

  it("silence is a no also where the control plane cannot be asked how it ended", async () => {
    await begin({ policies: asking({ timeoutMinutes: 0.02 }) });
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    await pending();
    await until(() => world.way.answered.includes("POST /v1/approvals") || undefined); // the row is there before
    world.way.fault = () => "refuse";
    world.way.cutAll();
    expect((await refused).code).toBe("approval_timeout");
    expect(received).toEqual([]);
  });

  it("without a window in the policy, init's counts", async () => {
    await begin({ policies: asking({}), approvalTimeoutMinutes: 2 });
    const { client } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const { id } = await pending();
    expect(fake.asked(id)?.timeoutMs).toBe(120_000);
    await fake.decide(id, "deny");
    await refused;
  });
});

describe("the claim", () => {
  it("superseded there: people are asked anew, and nothing runs on the old answer", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    fake.supersedeNextClaims = 1;
    const call = client.callTool(WRITE);
    const { id } = await pending();
    await fake.decide(id, "approve");
    const again = await until(async () => (await fake.requests()).find((request) => request.id !== id && request.state === "pending"));
    expect(received).toEqual([]);
    await fake.decide(again.id, "approve");
    await call;
    expect(received).toHaveLength(1);
    expect((await fake.requests()).map(({ claims }) => claims)).toEqual([0, 1]);
  });

  it("comes too late: nothing runs, and the error says that it was approved and what to do", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    fake.lateNextClaims = 1;
    const refused = refusalOf(client.callTool(WRITE));
    await fake.decide((await pending()).id, "approve");
    const error = await refused;
    expect([error.code, error.message]).toEqual(["approval_timeout", expect.stringContaining("it was approved, and the approval was not used in time; nothing ran on it: make the call again to ask anew")]);
    expect(received).toEqual([]);
  });

  it("then the record here breaks: nothing was sent, and the approval is given back", async () => {
    const broken = new Error("the disk is on fire");
    let works = true;
    const sink: RecordSink = { write: async () => (works ? undefined : Promise.reject(broken)), sync: async () => undefined, close: async () => undefined };
    await begin({ record: { to: sink, arguments: "none" } });
    const { client, received } = await connect("v2 esm", {});
    const refused = refusalOf(client.callTool(WRITE));
    const { id } = await pending();
    works = false;
    const other = client.callTool({ name: "read_file", arguments: { path: "/x" } }).catch((error: unknown) => error); // makes a row that cannot be written
    await until(() => warnings.some((warning) => warning.includes("The record cannot be written")) || undefined, 3_000).catch(() => undefined);
    await fake.decide(id, "approve");
    expect((await refused).code).toBe("record_unavailable");
    expect(received.filter(({ name }) => name === "write_file")).toEqual([]);
    await until(async () => ((await state()) === "approved" ? true : undefined));
    works = true;
    await until(() => warnings.some((warning) => warning.includes("can be written again")) || undefined);
    await other;
  });

  it("the caller goes away while it is under way: nothing is sent, the claim is given back, and the request ends", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", {});
    world.way.fault = (line) => (line.endsWith("/claim") ? { delayMs: 400 } : undefined);
    const controller = new AbortController();
    const refused = refusalOf(client.callTool(WRITE, { signal: controller.signal }));
    await fake.decide((await pending()).id, "approve");
    await until(() => world.way.seen.some((line) => line.endsWith("/claim")) || undefined);
    controller.abort();
    expect((await refused).code).toBe("cancelled");
    await until(async () => ((await fake.requests()).at(-1)?.claims === 0 && (await state()) === "cancelled") || undefined);
    expect(received).toEqual([]);
  });

  it("what is asked there tells the claims of the caller, what the server says of the tool, and the policies' requirement", async () => {
    await begin({ policies: asking({ approvers: ["ops@company.com"], quorum: 2, timeoutMinutes: 3 }) });
    const { client } = await connect("v2 esm", { governanceConfig: { agentName: "files", userId: "u1", sessionId: "s1" } });
    const refused = refusalOf(client.callTool(WRITE));
    const { id } = await pending();
    const body = fake.asked(id);
    expect(body?.caller).toEqual({ agent: { name: "files", id: "" }, user: { id: "u1" }, session: { id: "s1" } });
    expect(body?.call.arguments).toEqual(WRITE.arguments);
    expect(body?.narration.description).toBe("writes a file");
    expect(body?.requirements).toMatchObject([{ policy: "w", approvers: ["ops@company.com"], quorum: 2, timeoutMinutes: 3 }]);
    await fake.decide(id, "deny");
    const error = await refused;
    expect(error.call?.caller.principal).toBe("key:k1");
  });
});

describe("firstOf(promptApproval, inboxApproval)", () => {
  it("a local yes runs, and the row is taken back as answered locally", async () => {
    await begin();
    const { handler, answer } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    const call = client.callTool(WRITE);
    const { id } = await pending();
    answer(true);
    await call;
    expect(received).toHaveLength(1);
    expect(await fake.requests()).toMatchObject([{ id, state: "cancelled", endReason: "answered locally", claims: 0 }]);
    await shutdown();
    const approval = rows().find(({ type }) => type === "approval");
    expect(approval).toMatchObject({ status: "approved", approver: "me", channel: "terminal" });
    expect(approval?.["requestId"]).not.toBe(id);
    expect((await fake.shipped()).filter(({ type }) => type === "approval")).toHaveLength(1); // its own row: the control plane knows nothing of it
  });

  it("people of the control plane are faster: their approval is spent there, and the record says so", async () => {
    await begin();
    const { handler } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    const call = client.callTool(WRITE);
    const { id } = await pending();
    await fake.decide(id, "approve");
    await call;
    expect(received).toHaveLength(1);
    expect(await fake.requests()).toMatchObject([{ id, claims: 1 }]);
    await shutdown();
    expect(rows().find(({ type }) => type === "approval")).toMatchObject({ requestId: id, approver: "jane@company.com" });
  });

  it("the row was denied before the local yes: the row wins, though the news has not come", async () => {
    await begin();
    const { handler, answer } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    const refused = refusalOf(client.callTool(WRITE));
    const { id } = await pending();
    world.way.fault = (line) => (line.endsWith("/events") ? "refuse" : undefined);
    world.way.cutAll();
    await fake.decide(id, "deny", "no");
    answer(true);
    const error = await refused;
    expect([error.code, error.approval?.approver]).toEqual(["approval_denied", "jane@company.com"]);
    expect(received).toEqual([]);
  });

  it("the row was approved before the local yes: that approval is spent, and the row is not taken back", async () => {
    await begin();
    const { handler, answer } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    const call = client.callTool(WRITE);
    const { id } = await pending();
    world.way.fault = (line) => (line.endsWith("/events") ? "refuse" : undefined);
    world.way.cutAll();
    await fake.decide(id, "approve");
    answer(true);
    await call;
    expect(received).toHaveLength(1);
    expect(await fake.requests()).toMatchObject([{ claims: 1, endReason: null }]);
  });

  it("a local yes while the row is being made: it is not left behind", async () => {
    await begin();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(async () => true, inboxApproval) });
    world.way.fault = (line) => (line.endsWith("/approvals") ? { delayMs: 200 } : undefined);
    await client.callTool(WRITE);
    expect(received).toHaveLength(1);
    expect(await fake.requests()).toMatchObject([{ state: "cancelled", endReason: "answered locally" }]);
  });

  it("a local no ends the row too", async () => {
    await begin();
    const { handler, answer } = person();
    const { client } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    const refused = refusalOf(client.callTool(WRITE));
    await pending();
    answer(false);
    expect((await refused).code).toBe("approval_denied");
    await until(async () => ((await state()) === "cancelled" ? true : undefined));
  });

  it.each([{ quorum: 2 }, { assurance: "authenticated" }, { selfApproval: false }])("%j: no local answer counts, so nobody here is asked and the inbox is", async (approval) => {
    await begin({ policies: asking(approval) });
    const { handler, asked } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    const call = client.callTool(WRITE);
    await fake.decide((await pending()).id, "approve");
    await call;
    expect(asked()).toBe(0);
    expect(received).toHaveLength(1);
    const alone = await connect("v2 esm", { onPolicyBlock: handler });
    expect((await refusalOf(alone.client.callTool(WRITE))).code).toBe("approval_needs_control_plane");
  });

  it("the control plane is away: the local answer counts where it may", async () => {
    await begin();
    const { handler, answer, asked } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: firstOf(handler, inboxApproval) });
    world.way.fault = () => "refuse";
    const call = client.callTool(WRITE);
    await until(() => asked() === 1 || undefined);
    answer(true);
    await call;
    expect(received).toHaveLength(1);
  });
});

describe("other combinators", () => {
  it("escalate: the row is made when its time has come, and not before", async () => {
    await begin();
    const { handler } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: escalate([{ after: 0, handler }, { after: 300, handler: inboxApproval }]) });
    const started = performance.now();
    const call = client.callTool(WRITE);
    const { id } = await pending();
    expect(performance.now() - started).toBeGreaterThan(290);
    await fake.decide(id, "approve");
    await call;
    expect(received).toHaveLength(1);
  });

  it("withTimeout: its window is the row's, and the end of it is a time-out", async () => {
    await begin({ policies: asking({}) });
    const { client, received } = await connect("v2 esm", { onPolicyBlock: withTimeout(inboxApproval, { ms: 900 }) });
    const refused = refusalOf(client.callTool(WRITE));
    const { id } = await pending();
    expect(fake.asked(id)?.timeoutMs).toBeLessThanOrEqual(900);
    expect((await refused).code).toBe("approval_timeout");
    expect(received).toEqual([]);
    await until(async () => ((await state()) === "cancelled" || (await state()) === "expired") || undefined);
  });

  it.each(["approve", "deny", "silence", "cancel"] as const)("withTimeout on %s: record and span name the request that people have", async (how) => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    onTestFinished(() => trace.disable());
    await begin({ policies: asking({}) });
    const { client } = await connect("v2 esm", { onPolicyBlock: withTimeout(inboxApproval, { ms: how === "silence" ? 700 : 60_000 }) });
    const controller = new AbortController();
    const call = client.callTool(WRITE, { signal: controller.signal }).catch((error: unknown) => error);
    const { id } = await pending();
    if (how === "cancel") {
      await until(() => world.way.answered.includes("POST /v1/approvals") || undefined); // the row is there before
      await new Promise((resolve) => setTimeout(resolve, 100)); // and is heard of
      controller.abort();
    } else if (how !== "silence") await fake.decide(id, how);
    await call;
    await shutdown();
    const span = await until(() => exporter.getFinishedSpans().find(({ name }) => name === "tools/call write_file"));
    const status = { approve: "approved", deny: "denied", silence: "timeout", cancel: "denied" }[how];
    expect(rows().find(({ type }) => type === "approval")).toMatchObject({ requestId: id, status });
    expect(span.attributes).toMatchObject({ "waxell.mcp.approval_request_id": id, "waxell.mcp.approval_status": status });
  });

  it("allOf: both must agree; a local no takes back what people have approved", async () => {
    await begin();
    const { handler, answer, asked } = person();
    const { client, received } = await connect("v2 esm", { onPolicyBlock: allOf(handler, inboxApproval) });
    const call = client.callTool(WRITE);
    await fake.decide((await pending()).id, "approve");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(received).toEqual([]);
    answer(true);
    await call;
    expect((await fake.requests())[0]?.claims).toBe(1);
    const refused = refusalOf(client.callTool(WRITE));
    await fake.decide((await pending()).id, "approve");
    await until(() => asked() === 2 || undefined);
    answer(false);
    expect((await refused).code).toBe("approval_denied");
    await until(async () => ((await state()) === "cancelled" ? true : undefined));
    expect(received).toHaveLength(1);
  });

  it("an inbox alone that cannot be reached says so, inside withTimeout too", async () => {
    await begin();
    const { client } = await connect("v2 esm", { onPolicyBlock: withTimeout(inboxApproval, { minutes: 1 }) });
    world.way.fault = () => "refuse";
    expect((await refusalOf(client.callTool(WRITE))).code).toBe("control_plane_unavailable");
  });

  it("without a control plane, configureSession says what is missing", async () => {
    vi.stubEnv("COUNTERSIGN_URL", "");
    init({ policies: asking({}), record: "memory" });
    await expect(connect("v2 esm", { onPolicyBlock: firstOf(() => true, inboxApproval) })).rejects.toThrow(/inboxApproval needs a control plane/);
  });
});
