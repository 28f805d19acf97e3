/** The port itself, for callers that can come back: `waitMs`, joining again, giving back. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Question } from "../approval/ask.ts";
import { PolicyViolationError } from "../errors.ts";
import { objectPolicies } from "../policy/policy-source.ts";
import { openPolicyStore } from "../policy/policy-store.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { openControlPlane, type ControlPlane } from "./control-plane.ts";
import { readControlPlaneOptions } from "./control-plane-options.ts";
import { until } from "./fixture/client-suite.ts";
import { FakeControlPlane } from "./fixture/fake-control-plane.ts";

let fake: FakeControlPlane;
let plane: ControlPlane;
const warnings: string[] = [];

async function begin(leaseMs?: number): Promise<void> {
  fake = await FakeControlPlane.start(leaseMs === undefined ? {} : { leaseMs });
  const settings = readControlPlaneOptions({ url: fake.url, apiKey: fake.apiKey }, {});
  if (settings === undefined) throw new Error("they were given");
  plane = openControlPlane(settings, { defaultTimeoutMs: 60_000, now: Date.now, onWarning: (message) => warnings.push(message) });
  plane.start(openPolicyStore(objectPolicies({ version: 1, policies: [] }), () => undefined), false);
  warnings.length = 0;
}
async function end(): Promise<void> {
  await plane.close();
  await fake.close();
}
beforeEach(() => begin());
afterEach(end);

function question(): Question {
  const call = fakeCall();
  return { callId: "c", call, reason: "r", policyResult: undefined, requirements: [], error: new PolicyViolationError("blocked"), policies: ["w"], findings: [], definition: null, traceparent: undefined };
}

it.each([
  ["a large schema", { name: "t", description: "writes", inputSchema: { padding: "ж".repeat(40_000) } }, "writes"],
  ["a large description", { name: "t", description: "\u0001".repeat(20_000) }, "\u0001".repeat(4_000)],
])("%s of the server's does not keep its calls from being asked about", async (_what, definition, description) => {
  const { id } = await plane.ask.join({ ...question(), definition });
  expect(fake.asked(id)?.narration).toEqual({ description, definition: null });
});

it("after waitMs it is pending, and stays so; the same call again joins it, and once approved it is claimed once", async () => {
  const { ask } = plane;
  const first = await ask.join(question());
  const started = performance.now();
  const waited = await ask.wait(first, { signal: undefined, waitMs: 120 });
  expect(waited).toEqual({ kind: "pending", until: first.expiresAt });
  expect(performance.now() - started).toBeGreaterThan(100);
  expect((await fake.requests())[0]?.state).toBe("pending");
  const again = await ask.join(question());
  expect(again.id).toBe(first.id);
  await fake.decide(first.id, "approve");
  expect(await ask.wait(again, { signal: undefined, waitMs: 5_000 })).toMatchObject({ kind: "approved", decision: { approver: "jane@company.com" } });
  expect(await ask.claim(again)).toBe(true);
  await expect(ask.claim(first)).rejects.toMatchObject({ code: "in_progress" });
});

it("a caller that leaves is answered pending at once, and takes nothing back", async () => {
  const { ask } = plane;
  const request = await ask.join(question());
  const leaving = new AbortController();
  const waited = ask.wait(request, { signal: undefined, waitMs: undefined, leave: leaving.signal });
  leaving.abort();
  expect(await waited).toEqual({ kind: "pending", until: request.expiresAt });
  expect(await ask.wait(request, { signal: undefined, waitMs: undefined, leave: leaving.signal })).toEqual({ kind: "pending", until: request.expiresAt });
  expect((await fake.requests())[0]?.state).toBe("pending");
});

it("a claim that is given back can be made again; a report ends it", async () => {
  const { ask } = plane;
  const request = await ask.join(question());
  await fake.decide(request.id, "approve");
  await ask.wait(request, { signal: undefined, waitMs: undefined });
  expect(await ask.claim(request)).toBe(true);
  expect(plane.status().executing).toBe(1);
  await ask.release?.(request, false);
  await until(async () => ((await fake.requests())[0]?.state === "approved" ? true : undefined));
  await until(() => plane.status().executing === 0 || undefined);
  expect(await ask.claim(request)).toBe(true);
  await ask.report(request, { outcome: "failed", isError: true, elapsedMs: 5 });
  await until(async () => ((await fake.requests())[0]?.outcome === "failed" ? true : undefined));
  await until(() => plane.status().executing === 0 || undefined);
  expect(warnings).toEqual([]);
});

it("the outcome of what the control plane has given up is told all the same", async () => {
  await end();
  await begin(300);
  const { ask } = plane;
  const request = await ask.join(question());
  await fake.decide(request.id, "approve");
  await ask.wait(request, { signal: undefined, waitMs: undefined });
  expect(await ask.claim(request)).toBe(true);
  fake.lost.add(request.id);
  await until(() => warnings.length > 0 || undefined);
  await ask.report(request, { outcome: "completed", isError: false, elapsedMs: 5 });
  await until(async () => ((await fake.requests())[0]?.outcome === "completed" ? true : undefined));
  await until(() => plane.status().executing === 0 || undefined);
});

it("what is given back because the caller has gone is nobody's to use: claimed or not, the request ends", async () => {
  const { ask } = plane;
  for (const isClaimed of [true, false]) {
    const request = await ask.join(question());
    await fake.decide(request.id, "approve");
    await ask.wait(request, { signal: undefined, waitMs: undefined });
    if (isClaimed) expect(await ask.claim(request)).toBe(true);
    await ask.release?.(request, true);
    await until(async () => ((await fake.requests()).find(({ id }) => id === request.id)?.state === "cancelled" ? true : undefined));
  }
});

it("what was cancelled or denied there in the meantime is no yes at the claim", async () => {
  const { ask } = plane;
  const request = await ask.join(question());
  await expect(ask.claim(request)).rejects.toMatchObject({ code: "control_plane_unavailable" }); // nobody has answered
  await fake.decide(request.id, "deny");
  await expect(ask.claim(request)).rejects.toMatchObject({ code: "approval_denied" });
});

describe("a caller that comes back to the request that it left", () => {
  it.each([
    ["approve", { kind: "approved" }],
    ["deny", { kind: "denied", decision: { approver: "jane@company.com" } }],
  ] as const)("hears how people answered meanwhile (%s), and nobody is asked anew", async (choice, answer) => {
    const { ask } = plane;
    const first = await ask.join(question());
    await ask.wait(first, { signal: undefined, waitMs: 1 });
    await fake.decide(first.id, choice);
    const again = await ask.rejoin?.(first.id, question());
    expect(again).toMatchObject({ id: first.id });
    if (again !== undefined) expect(await ask.wait(again, { signal: undefined, waitMs: 5_000 })).toMatchObject(answer);
    expect(await fake.requests()).toHaveLength(1);
  });

  it("waits on where nobody has answered, and may claim what is approved then", async () => {
    const { ask } = plane;
    const first = await ask.join(question());
    await ask.wait(first, { signal: undefined, waitMs: 1 });
    const again = (await ask.rejoin?.(first.id, question())) ?? first;
    const answer = ask.wait(again, { signal: undefined, waitMs: 5_000 });
    await fake.decide(first.id, "approve");
    expect(await answer).toMatchObject({ kind: "approved" });
    expect(await ask.claim(again)).toBe(true);
  });

  it("finds nothing where people were asked for less than what the caller's own document asks for by now: they are asked anew", async () => {
    const { ask } = plane;
    const own = { policy: "own", approvers: [], quorum: 1, assurance: undefined, selfApproval: undefined, timeoutMinutes: null, grants: [], edits: false, requireReason: false, escalate: [] };
    const under = (...requirements: Question["requirements"]): Question => ({ ...question(), requirements });
    const first = await ask.join(under(own));
    await fake.decide(first.id, "approve");
    expect(await ask.rejoin?.(first.id, under(own))).toMatchObject({ id: first.id });
    for (const stricter of [[{ ...own, quorum: 2 }], [{ ...own, approvers: ["security"] }], [own, { ...own, policy: "other" }]]) expect(await ask.rejoin?.(first.id, under(...stricter))).toBeUndefined();
  });

  it("finds nothing where the request is about another call, or was never made", async () => {
    const { ask } = plane;
    const { id } = await ask.join(question());
    expect(await ask.rejoin?.(id, { ...question(), call: fakeCall({ arguments: { path: "/other" } }) })).toBeUndefined();
    expect(await ask.rejoin?.("never", question())).toBeUndefined();
  });
});
