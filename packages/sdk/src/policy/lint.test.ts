import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fakeCall } from "../testing/fake-call.ts";
import { compileDocument } from "./compile.ts";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { evaluate } from "./evaluate.ts";
import { randomScenarios } from "./fixture/reference/scenario.ts";
import { lintDocument, type LintFacts, type LintFinding } from "./lint.ts";
import { TokenBuckets } from "./token-buckets.ts";

const rate = { limit: 1, per: "1m" };
const policy = (name: string, match: string | string[], action: DocumentPolicy["action"], more: Partial<DocumentPolicy> = {}): DocumentPolicy => ({
  name,
  match,
  action,
  ...(action === "throttle" ? { rate } : {}),
  ...more,
});
/** Typed loosely: what a condition may say is no concern of lint. */
const when = (text: string): object => ({ when: text });
const lint = (policies: DocumentPolicy[], byDefault: PolicyDocument["default"] = "allow", facts: LintFacts = {}): LintFinding[] => lintDocument({ version: 1, default: byDefault, policies }, facts);
const said = (findings: readonly LintFinding[]): string[] => findings.map(({ code, path }) => `${code} ${path}`);
const never = { approval: "never" } as const;

describe("lint says where a policy can change no verdict", () => {
  it("because another blocks all of its calls for good", () => {
    const forbid = policy("forbid", "mcp:files:delete_*", "block", never);
    const findings = lint([policy("careful", "mcp:files:delete_file", "warn"), forbid, policy("slow", "mcp:files:delete_*_now", "throttle"), policy("ask", ["mcp:files:delete_a", "mcp:files:delete_b"], "block")]);
    expect(findings).toEqual([
      {
        code: "shadowed",
        policy: "careful",
        path: "policies.0.match",
        message: "policies[0] (careful): never decides: every call it matches is one that policies[1] (forbid) blocks for good.",
        mend: "Remove it, or except these calls from the block.",
      },
      expect.objectContaining({ code: "shadowed", policy: "slow" }),
      expect.objectContaining({ code: "shadowed", policy: "ask" }),
    ]);
    // Each pattern may be covered by another policy.
    expect(said(lint([policy("ask", ["mcp:a:x", "mcp:b:x"], "block"), policy("a", "mcp:a:*", "block", never), policy("b", "mcp:b:*", "block", never)]))).toEqual(["shadowed policies.0.match"]);
  });

  it.each<[string, DocumentPolicy[]]>([
    ["one of its patterns is free", [policy("ask", ["mcp:a:x", "mcp:b:x"], "block"), policy("a", "mcp:a:*", "block", never)]],
    ["the block can be asked", [policy("ask", "mcp:a:x", "block", { approval: { quorum: 2 } }), policy("a", "mcp:a:*", "block")]],
    ["the block is only observed", [policy("ask", "mcp:a:x", "block"), policy("a", "mcp:a:*", "block", { ...never, mode: "observe" })]],
    ["the block has a condition", [policy("ask", "mcp:a:x", "block"), policy("a", "mcp:a:*", "block", { ...never, ...when("args.n > 3") })]],
    ["the block has an exception", [policy("ask", "mcp:a:x", "block"), policy("a", "mcp:a:*", "block", { ...never, except: "mcp:a:x" })]],
    ["a look-alike may escape the block", [policy("ask", "mcp:a:a\u0300\u0323", "block"), policy("a", "mcp:a:a\u0300*", "block", never)]],
    ["servers without a name escape the allow", [policy("reading", "mcp::x", "allow"), policy("all", "mcp:a*:x", "allow")]],
  ])("unless %s", (_, policies) => {
    expect(lint(policies, "block")).toEqual([]);
  });

  it("even where the covered one has a condition or exceptions, and the other has the same exceptions", () => {
    const forbid = policy("forbid", "mcp:a:*", "block", { ...never, except: "mcp:a:x" });
    expect(said(lint([forbid, policy("ask", "mcp:a:*", "block", { except: ["mcp:*:x", "mcp:*:y"], ...when("args.n > 3") })]))).toEqual(["shadowed policies.1.match"]);
  });

  it("because it is an allow that lifts nothing", () => {
    const reading = policy("reading", "mcp:*:read_*", "allow");
    expect(lint([reading])).toMatchObject([{ code: "idle_allow", path: "policies.0.action", message: expect.stringContaining("an allow that does nothing") }]);
    expect(said(lintDocument({ version: 1, policies: [reading] }))).toEqual(["missing_default default", "idle_allow policies.0.action"]);
    expect(lint([reading], "block")).toEqual([]);
    expect(lint([reading], { action: "block", approval: "never" })).toEqual([]);
    expect(said(lint([reading, policy("one", "mcp:a:read_file", "allow")], "block"))).toEqual(["shadowed policies.1.match"]);
  });

  it("because a warning is never the strictest", () => {
    expect(said(lint([policy("careful", "mcp:a:x", "warn"), policy("slow", "mcp:*:x", "throttle")]))).toEqual(["shadowed policies.0.match"]);
    expect(lint([policy("careful", "mcp:*:x", "warn"), policy("slow", "mcp:a:x", "throttle")])).toEqual([]);
  });

  it("because it excepts all that it matches", () => {
    expect(lint([policy("careful", "mcp:a:x", "warn", { except: "mcp:*:x*" })])).toMatchObject([{ code: "excepted", path: "policies.0.except", message: expect.stringContaining("nothing is left of it") }]);
    expect(lint([policy("ask", "mcp:a:x", "block", { except: "mcp:a:x" })])).toMatchObject([{ code: "excepted", message: expect.stringContaining("look-alike") }]);
  });

  it("because another says the same, and names the later one only", () => {
    const ask = policy("ask", ["mcp:a:x", "mcp:b:*"], "block", { approval: { requireReason: true, approvers: ["ops"] } });
    const again = policy("again", ["mcp:b:**", "mcp:a:x"], "block", { approval: { approvers: ["ops"], requireReason: true }, reason: "Other words" });
    expect(lint([ask, again])).toMatchObject([{ code: "duplicate", policy: "again", path: "policies.1", message: expect.stringContaining("policies[0] (ask)") }]);
    expect(lint([ask, { ...again, approval: { approvers: ["sec"], requireReason: true } }])).toEqual([]);
    expect(lint([ask, { ...again, except: "mcp:b:y" }])).toEqual([]);
    expect(lint([ask, { ...again, ...when("args.n > 3") }])).toEqual([]);
    expect(said(lint([policy("a", "mcp:*:x", "block", never), policy("b", "mcp:*:x", "block", never), policy("c", ["mcp:*:x", "mcp:a:x"], "block", never)]))).toEqual(["duplicate policies.1", "shadowed policies.2.match"]);
  });

  it("because what it observes could change nothing", () => {
    const observe = { mode: "observe" } as const;
    expect(said(lint([policy("trial", "mcp:a:x", "allow", observe)]))).toEqual(["idle_observe policies.0.mode"]);
    expect(said(lint([policy("trial", "mcp:a:x", "throttle", observe), policy("forbid", "mcp:*:*", "block", never)]))).toEqual(["idle_observe policies.0.mode"]);
    expect(said(lint([policy("trial", "mcp:a:x", "warn", observe), policy("real", "mcp:a:x", "warn")]))).toEqual(["idle_observe policies.0.mode"]);
    expect(lint([policy("trial", "mcp:a:x", "block", observe), policy("real", "mcp:a:x", "warn")])).toEqual([]);
  });
});

describe("lint says where a document contradicts itself or leaves something open", () => {
  it("an allow of what is blocked for good", () => {
    const policies = [policy("reading", ["mcp:a:read", "mcp:a:list"], "allow"), policy("forbid", "mcp:*:*", "block", never)];
    expect(lint(policies, "block")).toMatchObject([{ code: "contradictory", policy: "reading", path: "policies.0.match" }]);
    expect(lint([policy("reading", ["mcp:a:read", "mcp:a:list"], "allow"), policy("forbid", "mcp:*:read", "block", never)], "block")).toEqual([]);
  });

  it("a default that is not written, and one under which nothing runs", () => {
    expect(said(lintDocument({ version: 1, policies: [] }))).toEqual(["missing_default default"]);
    expect(said(lint([policy("ask", "mcp:*:*", "block")], { action: "block", approval: "never" }))).toEqual(["nothing_runs default"]);
    expect(said(lint([policy("trial", "mcp:*:*", "allow", { mode: "observe" })], { action: "block", approval: "never" }))).toEqual(["nothing_runs default"]);
  });
});

describe("lint with facts says what does not exist", () => {
  const facts: LintFacts = { tools: { files: [{ name: "read_file" }, { name: "write_file" }], git: [{ name: "push" }] }, servers: ["crm"], approvers: ["jane@example.com", "group:ops"] };

  it("tools and servers, with the nearest name", () => {
    const findings = lint([policy("ask", ["mcp:files:wirte_file", "mcp:flies:*", "mcp:*:delete_*", "mcp:files:read_*"], "block", { except: "mcp:git:pushh" })], "allow", { tools: facts.tools ?? {}, servers: [] });
    expect(findings.map(({ code, mend, path }) => [code, path, mend])).toEqual([
      ["unknown_tool", "policies.0.match.0", 'Did you mean "write_file"?'],
      ["unknown_server", "policies.0.match.1", 'Did you mean "files"?'],
      ["unknown_tool", "policies.0.match.2", "Correct the tool's name, or remove the pattern."],
      ["unknown_tool", "policies.0.except", 'Did you mean "push"?'],
    ]);
  });

  it("nothing about servers whose tools are not known, or that have no name", () => {
    expect(lint([policy("ask", ["mcp:crm:update", "mcp:*:anything", "mcp::anything"], "block")], "allow", facts)).toEqual([]);
  });

  it("approvers, and requirements that nobody can meet", () => {
    const approval = { approvers: ["jane@exampel.com", "group:ops"], escalate: [{ after: "2m", to: ["group:leads"] }] };
    const findings = lint([policy("ask", "mcp:files:read_file", "block", { approval })], { action: "block", approval: { approvers: ["bob"] } }, facts);
    expect(said(findings)).toEqual(["unknown_approver default.approval.approvers.0", "unmeetable default.approval.approvers", "unknown_approver policies.0.approval.approvers.0", "unknown_approver policies.0.approval.escalate.0.to.0"]);
    expect(findings[2]?.mend).toBe('Did you mean "jane@example.com"?');
    expect(said(lint([policy("ask", "mcp:files:read_file", "block", { approval: { approvers: ["a", "a"], quorum: 2 } })]))).toEqual(["unmeetable policies.0.approval.quorum"]);
    expect(lint([policy("ask", "mcp:files:read_file", "block", { approval: { approvers: ["group:a"], quorum: 2 } })])).toEqual([]);
  });

  it("with line and column where they are known", () => {
    const positions: LintFacts["positions"] = (path) => (path === "policies.0.action" ? { line: 4, column: 5 } : undefined);
    expect(lint([policy("reading", "mcp:a:x", "allow")], "allow", { positions })).toMatchObject([{ line: 4, column: 5 }]);
  });
});

const SERVERS = ["git", "files", "gitlab", "l", "other", undefined];
const TOOLS = ["write", "write_file", "delete", "write:file", "WRITE", "ｗｒｉｔｅ", " write", "e", "K", "k", "Écrire", "w_e", "site", "ﬁle", "FILE", "x"];
const CALLS = SERVERS.flatMap((name) => TOOLS.map((tool) => fakeCall({ server: { name, identity: null, transport: "stdio" }, tool })));

function verdictsOf(document: PolicyDocument): string[] {
  const compiled = compileDocument(document);
  return CALLS.map((call) => {
    const { action, askable, would } = evaluate(call, [], compiled, { enforced: new TokenBuckets(), observed: new TokenBuckets() }, { charge: false, now: 0 });
    return `${call.policyId} ${action} ${askable} ${would?.action ?? action}`;
  });
}

const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));

it(`what lint calls idle changes no verdict when it is removed, all of it at once, in 3,000 documents with the seed ${seed}`, () => {
  const idle = new Set<string>(["excepted", "duplicate", "shadowed", "contradictory", "idle_allow", "idle_observe"]);
  const seen = new Map<string, number>();
  let documents = 0;
  for (const { document } of randomScenarios(seed)) {
    if ((documents += 1) > 3_000) break;
    const named = lintDocument(document).filter(({ code, message }) => idle.has(code) && !message.includes("look-alike names"));
    for (const { code } of named) seen.set(code, (seen.get(code) ?? 0) + 1);
    if (named.length === 0) continue;
    const gone = new Set(named.map((finding) => finding.policy));
    const without = { ...document, policies: document.policies.filter(({ name }) => !gone.has(name)) };
    expect(verdictsOf(without), `COUNTERSIGN_SEED=${seed}: ${JSON.stringify({ document, named }, undefined, 1)}`).toEqual(verdictsOf(document));
  }
  expect(seen.get("shadowed")).toBeGreaterThan(50);
  expect(seen.get("idle_allow")).toBeGreaterThan(50);
  expect(seen.get("idle_observe")).toBeGreaterThan(50);
});

it("lints 20,000 policies of which half block for good in a time that grows with their number, not its square", () => {
  const many = (count: number): DocumentPolicy[] => Array.from({ length: count }, (_, index) => policy(`p${index}`, `mcp:server-${index % 50}:tool_${index >> 1}_*`, "block", index % 2 === 0 ? never : {}));
  const timeOf = (count: number): number => {
    const start = performance.now();
    lint(many(count));
    return performance.now() - start;
  };
  timeOf(2_000);
  expect(timeOf(20_000)).toBeLessThan(Math.max(50, timeOf(2_000)) * 50);
});
