/** Fail closed (R12), at guard's own ports: each is made to fail in turn, and the witness says that nothing was sent. */
import { describe, expect, it, vi } from "vitest";
import type { AskPort } from "./approval/ask.ts";
import { ApprovalDecision } from "./approval/decision.ts";
import { createToolCatalog } from "./call/tool-catalog.ts";
import type { ProposedCall } from "./call/read-call.ts";
import { spendPermit } from "./execution/permit.ts";
import { guard, type GuardOptions, type Outcome, type Ports } from "./guard.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { objectPolicies } from "./policy/policy-source.ts";
import { openPolicyStore } from "./policy/policy-store.ts";
import { RecordUnavailableError, type RecordEntry, type RecordPort } from "./record/entry.ts";

const BLOCK: PolicyDocument = { version: 1, policies: [{ name: "b", match: "mcp:files:write", action: "block", reason: "ask first" }] };
const ALLOW: PolicyDocument = { version: 1, policies: [] };

interface World {
  readonly ports: Ports;
  readonly proposed: ProposedCall;
  /** Digests of the calls that were sent. */
  readonly sent: string[];
  readonly entries: RecordEntry[];
}

function world(document: PolicyDocument, changes: Partial<Ports> = {}): World {
  const sent: string[] = [];
  const entries: RecordEntry[] = [];
  const record: RecordPort = {
    append: (entry) => {
      entries.push(entry);
      return { entry };
    },
    commit: async (entry) => void entries.push(entry),
    complete: (_queued, outcome) => void entries.push(outcome),
  };
  const ports: Ports = {
    inspect: { inspections: [] },
    policies: openPolicyStore(objectPolicies(document), () => undefined),
    ask: approving(),
    record,
    observe: { begin: () => ({ carrier: {}, run: (fn) => fn(), end: () => undefined }) },
    now: Date.now,
    newId: () => "id",
    send: async (permit, call) => {
      spendPermit(permit, call);
      sent.push(call.digest);
      return { ok: true, result: { content: [] }, isError: false };
    },
    ...changes,
  };
  const proposed: ProposedCall = {
    params: { name: "write", arguments: { path: "/x" } },
    eraKeys: [],
    server: { name: "files", identity: null, transport: "memory" },
    caller: { principal: "local:test", agent: { name: "a", id: "" }, user: { id: "" }, session: { id: "s" } },
    tools: createToolCatalog(async () => ({ tools: [{ name: "write", inputSchema: { type: "object" } }] })),
  };
  return { ports, proposed, sent, entries };
}

/** Approves everything, and counts what is claimed. */
function approving(changes: Partial<AskPort> = {}): AskPort {
  const decision = new ApprovalDecision({ approved: true, approver: "jane" });
  return {
    canMeet: () => true,
    join: (question) => ({ id: "r", digest: "d", expiresAt: Date.now() + 60_000, question }),
    wait: async () => ({ kind: "approved", decision, elapsedMs: 1 }),
    claim: () => true,
    supersede: () => undefined,
    report: () => undefined,
    ...changes,
  };
}

const broken = (): never => {
  throw new Error("broken on purpose");
};
const rejected = (): Promise<never> => {
  const promise = brokenLater();
  promise.catch(() => undefined); // it is awaited only later
  return promise;
};
const brokenLater = (): Promise<never> => Promise.reject(new Error("broken on purpose"));
const unavailable = (): Promise<never> => Promise.reject(new RecordUnavailableError("the disk is full"));

async function refusal(at: World, options?: GuardOptions): Promise<Extract<Outcome, { kind: "refused" }>> {
  const outcome = await guard(at.proposed, at.ports, options);
  expect(at.sent).toEqual([]);
  if (outcome.kind !== "refused") throw new Error(`it was ${outcome.kind}`);
  return outcome;
}

describe("fail closed: whatever fails before the send, nothing is sent", () => {
  it.each([
    ["policies throw", { policies: { loading: undefined, generation: 1, findingAction: () => "allow", evaluate: broken } }, "internal_error"],
    ["no document is in force", { policies: { loading: undefined, generation: 0, findingAction: () => "block", evaluate: () => undefined } }, "policy_unavailable"],
    ["the first load fails", { policies: { loading: rejected(), generation: 0, findingAction: () => "block", evaluate: () => undefined } }, "internal_error"],
    ["an inspection throws", { inspect: { inspections: [{ name: "i", inspectCall: broken }] } }, "inspection_block"],
    ["an inspection rejects", { inspect: { inspections: [{ name: "i", inspectCall: brokenLater }] } }, "inspection_block"],
    ["an inspection answers nonsense", { inspect: { inspections: [{ name: "i", inspectCall: () => "nothing to see" as never }] } }, "inspection_block"],
  ] as [string, Partial<Ports>, string][])("%s", async (_name, changes, code) => {
    for (const document of [ALLOW, BLOCK]) expect((await refusal(world(document, changes))).code).toBe(code);
  });

  it.each([
    ["canMeet throws", { canMeet: broken }, "internal_error"],
    ["canMeet says no", { canMeet: () => false }, "approval_needs_control_plane"],
    ["join throws", { join: broken }, "internal_error"],
    ["join rejects", { join: brokenLater }, "internal_error"],
    ["wait rejects", { wait: brokenLater }, "internal_error"],
    ["claim throws", { claim: broken }, "internal_error"],
    ["claim rejects", { claim: brokenLater }, "internal_error"],
    ["claim says no, again and again", { claim: () => false }, "superseded"],
  ] as [string, Partial<AskPort>, string][])("asking: %s", async (_name, changes, code) => {
    expect((await refusal(world(BLOCK, { ask: approving(changes) }))).code).toBe(code);
  });

  it("the intent cannot be committed: an approved call is not sent, and says record_unavailable", async () => {
    const claim = vi.fn(() => true);
    const { record } = world(BLOCK).ports;
    const at = world(BLOCK, { record: { ...record, commit: unavailable }, ask: approving({ claim }) });
    const { code, error } = await refusal(at);
    expect(code).toBe("record_unavailable");
    expect(error.cause).toBeInstanceOf(RecordUnavailableError);
    expect(claim).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["the intent cannot be committed", "record_unavailable", (record: RecordPort): RecordPort => ({ ...record, commit: unavailable })],
    ["the answer cannot be recorded", "record_unavailable", (record: RecordPort): RecordPort => ({ ...record, append: (entry) => (entry.type === "approval" ? unavailable() : record.append(entry)) })],
    ["the caller goes away", "cancelled", (record: RecordPort): RecordPort => record],
  ] as const)("after the claim %s: the claim is given back, once, and that this fails changes nothing", async (_name, code, failing) => {
    for (const failure of [() => undefined, broken, brokenLater]) {
      const controller = new AbortController();
      const release = vi.fn(failure);
      const claim = (): boolean => {
        if (code === "cancelled") controller.abort();
        return true;
      };
      const at = world(BLOCK, { ask: approving({ claim, release }) });
      expect((await refusal({ ...at, ports: { ...at.ports, record: failing(at.ports.record) } }, { signal: controller.signal })).code).toBe(code);
      expect(release).toHaveBeenCalledTimes(1);
      expect(release).toHaveBeenCalledWith(expect.anything(), code === "cancelled");
    }
  });

  it("a yes that comes when the caller has already gone is taken back, and nothing is claimed", async () => {
    for (const failure of [() => undefined, broken, brokenLater]) {
      const controller = new AbortController();
      const [release, claim] = [vi.fn(failure), vi.fn(() => true)];
      const wait: AskPort["wait"] = async () => {
        controller.abort();
        return { kind: "approved", decision: new ApprovalDecision({ approved: true }), elapsedMs: 1 };
      };
      expect((await refusal(world(BLOCK, { ask: approving({ wait, release, claim }) }), { signal: controller.signal })).code).toBe("cancelled");
      expect(release).toHaveBeenCalledExactlyOnceWith(expect.anything(), true);
      expect(claim).not.toHaveBeenCalled();
    }
  });

  it("a caller that has gone before anybody was asked bothers nobody", async () => {
    const controller = new AbortController();
    const join = vi.fn(approving().join);
    const inspections = [{ name: "slow", inspectCall: async () => (controller.abort(), []) }];
    const { ports, proposed, sent } = world(BLOCK, { ask: approving({ join }), inspect: { inspections } });
    const outcome = await guard(proposed, ports, { signal: controller.signal });
    expect([outcome.kind, "code" in outcome && outcome.code, join.mock.calls.length, sent]).toEqual(["refused", "cancelled", 0, []]);
  });

  it("what was sent is never given back", async () => {
    const release = vi.fn();
    const at = world(BLOCK, { ask: approving({ release }) });
    await expect(guard(at.proposed, { ...at.ports, send: async () => ({ ok: false, error: new Error("reset"), answered: false }) })).rejects.toThrow("reset");
    expect(release).not.toHaveBeenCalled();
  });

  it("a question that was superseded while people thought is asked anew, with the policy of now", async () => {
    const answers: Awaited<ReturnType<AskPort["wait"]>>[] = [{ kind: "superseded", decision: new ApprovalDecision({ approved: false }), elapsedMs: 1 }];
    const join = vi.fn(approving().join);
    const at = world(BLOCK, { ask: approving({ join, wait: async () => answers.shift() ?? { kind: "approved", decision: new ApprovalDecision({ approved: true }), elapsedMs: 1 } }) });
    expect((await guard(at.proposed, at.ports)).kind).toBe("ran");
    expect(join).toHaveBeenCalledTimes(2);
    expect(at.entries.filter(({ type }) => type === "approval").map((entry) => "status" in entry && entry.status)).toEqual(["superseded", "approved"]);
  });

  it.each([ALLOW, BLOCK])("the decision cannot be recorded: nothing is sent", async (document) => {
    const { record } = world(document).ports;
    expect((await refusal(world(document, { record: { ...record, append: unavailable } }))).code).toBe("record_unavailable");
  });

  it("the intent is committed before the first byte", async () => {
    const at = world(BLOCK);
    const order: string[] = [];
    const send: Ports["send"] = async (permit, call, carrier) => {
      order.push("send");
      return at.ports.send(permit, call, carrier);
    };
    const record: RecordPort = {
      ...at.ports.record,
      commit: async (entry) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push(entry.type);
      },
    };
    await guard(at.proposed, { ...at.ports, send, record });
    expect(order).toEqual(["intent", "send"]);
  });
});

it("a tool that is taken from the list while people answer is refused, and nothing is sent", async () => {
  const at = world(BLOCK);
  const wait: AskPort["wait"] = async () => {
    at.proposed.tools.observe(undefined, { tools: [] });
    return { kind: "approved", decision: new ApprovalDecision({ approved: true }), elapsedMs: 1 };
  };
  expect((await refusal({ ...at, ports: { ...at.ports, ask: approving({ wait }) } })).code).toBe("unknown_tool");
});

describe("what is not a failure of ours passes", () => {
  it("the error of sending is thrown as it came, and the record says what is known", async () => {
    const failure = new Error("connection reset");
    for (const [answered, outcome] of [[true, "failed"], [false, "outcome_unknown"]] as const) {
      const at = world(ALLOW);
      const send: Ports["send"] = async () => ({ ok: false, error: failure, answered });
      await expect(guard(at.proposed, { ...at.ports, send })).rejects.toBe(failure);
      expect(at.entries).toContainEqual(expect.objectContaining({ type: "outcome", outcome }));
    }
  });

  it("a report of the outcome that fails leaves the result as it is", async () => {
    for (const report of [broken, brokenLater]) expect((await guard(world(BLOCK).proposed, world(BLOCK, { ask: approving({ report }) }).ports)).kind).toBe("ran");
  });

  it("a span that cannot be begun or ended is no reason: observe is asked once and its end once", async () => {
    const at = world(ALLOW);
    const end = vi.fn();
    await guard(at.proposed, { ...at.ports, observe: { begin: () => ({ carrier: {}, run: (fn) => fn(), end }) } });
    expect(end).toHaveBeenCalledTimes(1);
    expect(at.sent).toHaveLength(1);
  });

  it("only callers that set waitMs can see pending", async () => {
    const at = world(BLOCK, { ask: approving({ wait: async () => ({ kind: "pending", until: 5 }) }) });
    expect(await guard(at.proposed, at.ports, { waitMs: 1 })).toEqual({ kind: "pending", requestId: "r", until: 5 });
    expect(at.sent).toEqual([]);
  });
});

describe("results", () => {
  const inspectResult = () => [{ type: "us_ssn", group: "pii", direction: "output" as const, where: "/content" }];
  const WITHHOLD: PolicyDocument = { version: 1, policies: [], inspection: { pii: { output: { "*": "block" } } } };

  it("a result that inspection blocks has run and is withheld: no one is asked, code result_withheld", async () => {
    const wait = vi.fn();
    const at = world(WITHHOLD, { inspect: { inspections: [{ name: "pii", inspectResult }] }, ask: approving({ wait }) });
    const outcome = await guard(at.proposed, at.ports);
    expect(outcome).toMatchObject({ kind: "refused", code: "result_withheld" });
    expect(at.sent).toHaveLength(1);
    expect(wait).not.toHaveBeenCalled();
    expect(at.entries).toContainEqual(expect.objectContaining({ type: "outcome", outcome: "withheld" }));
  });

  it("an inspection of a result that throws withholds it", async () => {
    const at = world(ALLOW, { inspect: { inspections: [{ name: "pii", inspectResult: broken }] } });
    expect(await guard(at.proposed, at.ports)).toMatchObject({ kind: "refused", code: "result_withheld" });
  });
});

describe("inspection.tools.onChange", () => {
  it.each([["block", "policy"], ["allow", "ran"]] as const)("%s: a tool whose definition changed on this connection", async (onChange, expected) => {
    const document: PolicyDocument = { version: 1, policies: [], inspection: { tools: { onChange } } };
    const at = world(document, { ask: undefined });
    at.proposed.tools.observe(undefined, { tools: [{ name: "write", description: "writes" }] });
    expect((await guard(at.proposed, at.ports)).kind).toBe("ran");
    at.proposed.tools.observe(undefined, { tools: [{ name: "write", description: "writes and deletes" }] });
    const outcome = await guard(at.proposed, at.ports);
    if (expected === "ran") expect(outcome.kind).toBe("ran");
    else expect(outcome).toMatchObject({ kind: "refused", code: "inspection_block", reason: "The tool's definition is changed" });
  });
});

it("a tool name with escape codes reaches no terminal through the message of a refusal", async () => {
  const at = world({ version: 1, policies: [{ name: "all", match: "mcp:files:*", action: "block" }] }, { ask: undefined });
  const { error } = await refusal({ ...at, proposed: { ...at.proposed, params: { name: "\u001b[2Jwrite\n", arguments: {} } } });
  expect(error.message).toBe(String.raw`MCP tool call blocked: mcp:files:\u{1B}[2Jwrite\n: Policy all`);
});

it("a call that was judged and held before, and comes back to the same question, is counted by no rate again", async () => {
  const document: PolicyDocument = { version: 1, policies: [...(BLOCK.policies ?? []), { name: "slow", match: "mcp:files:write", action: "throttle", reason: "slowly", rate: { limit: 1, per: "1h" } }] };
  const ask = approving({ wait: async () => ({ kind: "pending", until: 5 }) });
  const at = world(document, { ask });
  expect(await guard(at.proposed, at.ports, { waitMs: 1 })).toMatchObject({ kind: "pending" });
  for (let round = 0; round < 3; round += 1) expect(await guard(at.proposed, at.ports, { waitMs: 1, charged: true })).toMatchObject({ kind: "pending" });
  expect(await guard(at.proposed, at.ports, { waitMs: 1 })).toMatchObject({ kind: "refused", code: "policy_throttle" });
});
