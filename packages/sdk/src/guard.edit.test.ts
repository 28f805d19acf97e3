/** Edits at guard's own ports: what an approver wrote runs as if the caller had sent it, or nothing does. */
import { describe, expect, it, vi } from "vitest";
import type { Answer, AskPort, JoinedRequest, Question } from "./approval/ask.ts";
import { ApprovalDecision } from "./approval/decision.ts";
import type { Edit } from "./approval/edit.ts";
import type { Call } from "./call/call.ts";
import { createToolCatalog } from "./call/tool-catalog.ts";
import type { ProposedCall } from "./call/read-call.ts";
import { spendPermit } from "./execution/permit.ts";
import { guard, type Outcome, type Ports } from "./guard.ts";
import type { Inspection } from "./inspection/inspection.ts";
import type { PolicyDocument } from "./policy/document.ts";
import { objectPolicies } from "./policy/policy-source.ts";
import { openPolicyStore } from "./policy/policy-store.ts";
import type { RecordEntry } from "./record/entry.ts";

const held = (approval: object = { edits: true }): PolicyDocument => ({ version: 1, policies: [{ name: "w", match: "mcp:files:write", action: "block", reason: "ask first", approval }] });
const YES = new ApprovalDecision({ approved: true, approver: "jane" });
const NO = new ApprovalDecision({ approved: false });

interface World {
  readonly ports: Ports;
  readonly sent: Call[];
  readonly joined: { readonly question: Question; readonly edit: Edit | undefined }[];
  readonly claimed: JoinedRequest[];
  readonly superseded: JoinedRequest[];
  /** Why which edit was given up before it was joined. */
  readonly dropped: string[];
  readonly entries: RecordEntry[];
  run(args?: object): Promise<Outcome>;
}

const edited = (argumentsText: string): Answer => ({ kind: "edited", edit: { requestId: "r2", argumentsText }, decision: NO, elapsedMs: 1 });
const approved: Answer = { kind: "approved", decision: YES, elapsedMs: 1 };

/** `answers`: to what is waited for, in order. */
function world(document: PolicyDocument, answers: readonly Answer[], changes: Partial<Omit<Ports, "ask">> & { readonly ask?: Partial<AskPort> } = {}): World {
  const [sent, joined, claimed, superseded, dropped, entries]: [Call[], World["joined"][number][], JoinedRequest[], JoinedRequest[], string[], RecordEntry[]] = [[], [], [], [], [], []];
  const left = [...answers];
  const ask: AskPort = {
    canMeet: () => true,
    join: (question, edit) => {
      joined.push({ question, edit });
      return { id: `r${joined.length}`, digest: "d", expiresAt: Date.now() + 60_000, question };
    },
    wait: async () => left.shift() ?? approved,
    claim: (request) => claimed.push(request) > 0,
    supersede: (request) => void superseded.push(request),
    dropEdit: ({ requestId }, reason) => void dropped.push(`${requestId}: ${reason}`),
    report: () => undefined,
    ...changes.ask,
  };
  const ports: Ports = {
    inspect: { inspections: [] },
    policies: openPolicyStore(objectPolicies(document), () => undefined),
    record: { append: (entry) => (entries.push(entry), { entry }), commit: async (entry) => void entries.push(entry), complete: (_queued, outcome) => void entries.push(outcome) },
    observe: { begin: () => ({ carrier: {}, run: (fn) => fn(), end: () => undefined }) },
    now: Date.now,
    newId: () => "id",
    send: async (permit, call) => {
      spendPermit(permit, call);
      sent.push(call);
      return { ok: true, result: { content: [] }, isError: false };
    },
    ...changes,
    ask,
  };
  const proposed: ProposedCall = {
    params: { name: "write", arguments: { path: "/x", content: "old" }, _meta: { env: "prod" } },
    eraKeys: [],
    server: { name: "files", identity: "i".repeat(64), transport: "memory" },
    caller: { principal: "local:test", agent: { name: "a", id: "" }, user: { id: "" }, session: { id: "s" } },
    tools: createToolCatalog(async () => ({ tools: [{ name: "write", inputSchema: { type: "object" } }] })),
  };
  return { ports, sent, joined, claimed, superseded, dropped, entries, run: () => guard(proposed, ports) };
}

const EDIT = edited('{"content":"new","path":"/x"}');

describe("an approver's other arguments", () => {
  it("run, whole and alone: asked about under their own digest, claimed, sent; the caller learns which were changed", async () => {
    const { run, sent, joined, claimed, entries } = world(held(), [EDIT, approved]);
    expect(await run()).toMatchObject({ kind: "ran", changed: ["content"] });
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ tool: "write", arguments: { content: "new", path: "/x" }, context: { env: "prod" }, server: { name: "files", identity: "i".repeat(64) } });
    expect(joined.map(({ edit }) => edit?.requestId)).toEqual([undefined, "r2"]);
    expect(claimed.map(({ question }) => question.call.digest)).toEqual([sent[0]?.digest]);
    expect(joined[0]?.question.call.digest).not.toBe(sent[0]?.digest);
    expect(entries.map((entry) => (entry.type === "approval" ? `approval ${entry.status}` : entry.type))).toEqual(["decision", "approval superseded", "decision", "approval approved", "intent", "outcome"]);
    expect(entries.filter(({ type }) => type === "intent")).toMatchObject([{ digest: sent[0]?.digest }]);
  });

  it("are changed again by another approver: the last ones run, and what differs is told against what the caller sent", async () => {
    const { run, sent } = world(held(), [EDIT, edited('{"content":"old","path":"/y"}'), approved]);
    expect(await run()).toMatchObject({ kind: "ran", changed: ["path"] });
    expect(sent[0]?.argumentsText).toBe('{"content":"old","path":"/y"}');
  });

  it("are denied, or time runs out: nothing runs, and the call as it was is not asked about again", async () => {
    for (const end of ["denied", "timeout"] as const) {
      const { run, sent, joined } = world(held(), [EDIT, { kind: end, decision: NO, elapsedMs: 1 }]);
      expect(await run()).toMatchObject({ kind: "refused", code: end === "denied" ? "approval_denied" : "approval_timeout" });
      expect(sent).toEqual([]);
      expect(joined).toHaveLength(2);
    }
  });

  it.each([
    ["the policy says nothing of edits", {}],
    ["the policy forbids them", { edits: false }],
  ])("do not count where %s, whoever sends them", async (_, approval) => {
    const { run, sent, joined, dropped } = world(held(approval), [EDIT, approved]);
    expect(await run()).toMatchObject({ kind: "refused", code: "superseded" });
    expect([sent, joined.length]).toEqual([[], 1]);
    expect(dropped).toEqual(["r2: The agent's side does not run the changed call: the arguments were changed, and the policy in force here does not allow that"]);
  });

  it("do not run where the policy here forbids them, and are not charged to a rate again", async () => {
    const document: PolicyDocument = { version: 1, policies: [...held().policies, { name: "never", match: "mcp:files:*", when: 'args.content == "new"', action: "block", approval: "never", reason: "never new" }, { name: "slow", match: "mcp:*:*", action: "throttle", rate: { limit: 1, per: "1h" } }] };
    const forbidden = world(document, [EDIT, approved]);
    expect(await forbidden.run()).toMatchObject({ kind: "refused", code: "policy_block", reason: "ask first; never new" });
    const fine = world(document, [edited('{"content":"other","path":"/x"}'), approved]);
    expect(await fine.run()).toMatchObject({ kind: "ran" });
    expect([forbidden.sent.length, fine.sent.length]).toEqual([0, 1]);
    expect([forbidden.dropped, fine.dropped]).toEqual([["r2: The agent's side does not run the changed call: ask first; never new"], []]);
  });

  it("that the policy would let through still wait for the people who are asked about them, and run on their claim", async () => {
    const document: PolicyDocument = { version: 1, policies: [{ name: "w", match: "mcp:files:write", when: 'args.content == "old"', action: "block", approval: { edits: true } }] };
    const { run, sent, claimed } = world(document, [EDIT, approved]);
    expect(await run()).toMatchObject({ kind: "ran" });
    expect([claimed.length, sent[0]?.arguments]).toEqual([1, { content: "new", path: "/x" }]);
    const denied = world(document, [EDIT, { kind: "denied", decision: NO, elapsedMs: 1 }]);
    expect(await denied.run()).toMatchObject({ kind: "refused", code: "approval_denied" });
    expect(denied.sent).toEqual([]);
  });

  it("are inspected like any others: what blocks, blocks; what is redacted is asked about as it will be sent", async () => {
    const finds = (action: "block" | "redact") => ({
      inspections: [{ name: "own", inspectCall: ({ argumentsText }) => (argumentsText.includes("new") ? [{ type: "email", group: "pii", direction: "input", where: "/content" }] : []), redactCall: ({ arguments: args }) => ({ ...args, content: "[gone]" }) } satisfies Inspection],
      document: { ...held(), inspection: { pii: { input: { email: action } } } } satisfies PolicyDocument,
    });
    const blocks = finds("block");
    // A finding that blocks is one more thing to be asked about, and no policy says of it that arguments may be changed: still the claim decides.
    const blocked = world(blocks.document, [EDIT, { kind: "denied", decision: NO, elapsedMs: 1 }], { inspect: { inspections: blocks.inspections } });
    expect(await blocked.run()).toMatchObject({ kind: "refused" });
    expect(blocked.sent).toEqual([]);
    const redacts = finds("redact");
    const redacted = world(redacts.document, [EDIT, approved], { inspect: { inspections: redacts.inspections } });
    await redacted.run();
    expect(redacted.joined[1]?.question.call.argumentsText).toBe('{"content":"[gone]","path":"/x"}');
  });

  it("a claim that comes to nothing refuses the call; nobody is asked a third time", async () => {
    const { run, sent, joined, superseded } = world(held(), [EDIT, approved], { ask: { claim: () => false } });
    expect(await run()).toMatchObject({ kind: "refused", code: "superseded" });
    expect([sent.length, joined.length, superseded.length]).toEqual([0, 2, 1]);
  });

  it.each(['{"content":1,"content":2}', "[]", "nonsense"])("that no strict parse takes (%s) run nothing", async (text) => {
    const { run, sent, joined, dropped } = world(held(), [edited(text), approved]);
    expect(await run()).toMatchObject({ kind: "refused", code: "superseded" });
    expect([sent.length, joined.length, dropped.length]).toEqual([0, 1, 1]);
  });

  it("a caller that has gone meanwhile: nothing is asked about any more", async () => {
    const controller = new AbortController();
    const gone = world(held(), [approved], { ask: { wait: vi.fn(async () => (controller.abort(), EDIT)) } });
    const outcome = await guard({ ...({ params: { name: "write", arguments: { path: "/x", content: "old" } }, eraKeys: [], server: { name: "files", identity: null, transport: "memory" }, caller: { principal: "p", agent: { name: "a", id: "" }, user: { id: "" }, session: { id: "s" } }, tools: createToolCatalog(async () => ({ tools: [{ name: "write" }] })) } as const) }, gone.ports, { signal: controller.signal });
    expect(outcome).toMatchObject({ kind: "refused", code: "cancelled" });
    expect([gone.sent.length, gone.joined.length, gone.dropped.length]).toEqual([0, 1, 1]);
  });
});
