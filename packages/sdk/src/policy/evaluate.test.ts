import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Call } from "../call/call.ts";
import type { Finding } from "../inspection/inspection.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { compileDocument } from "./compile.ts";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { evaluate, type Verdict } from "./evaluate.ts";
import { readPolicyObject, readPolicyText } from "./read-document.ts";
import { readPolicyCases, runPolicyCase } from "./run-case.ts";
import { TokenBuckets } from "./token-buckets.ts";

const toolCall = (server: string | undefined, tool: string): Call => fakeCall({ server: { name: server, identity: null, transport: "stdio" }, tool });

/** The last of `times` verdicts at one moment, on fresh counters. */
function judge(document: PolicyDocument, call: Call, findings: readonly Finding[] = [], times = 1, charge = true): Verdict {
  const compiled = compileDocument(document);
  const counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
  for (let nth = 1; nth < times; nth++) evaluate(call, findings, compiled, counters, { charge, now: 0 });
  return evaluate(call, findings, compiled, counters, { charge, now: 0 });
}

// Table tests: what users can also run as `countersign policy test`.

const CASES = new URL("./fixture/cases/", import.meta.url);

describe.each(readdirSync(CASES))("%s", (file) => {
  const cases = readPolicyCases(readFileSync(new URL(file, CASES), "utf8"), file);
  it.each(cases.map((one) => [one.case, one] as const))("%s", (_, one) => expect(runPolicyCase(one)).toEqual([]));
});

it("a condition without an answer is named with its field, and counts as the stricter side", () => {
  const document = readPolicyObject({ version: 1, policies: [{ name: "big", match: "mcp:bank:pay", when: "args.amount > 1000", action: "block", reason: "Large payments" }] });
  const verdict = judge(document, toolCall("bank", "pay"));
  expect(verdict.reason).toBe("Large payments; the condition of big (policies[0].when, character 6) has no answer (args.amount: No such key: amount), which counts as the stricter side");
  expect(verdict.faults).toMatchObject([{ policy: "big", error: { kind: "error", field: "args.amount" }, place: { source: "policies", path: "policies[0].when" } }]);
});

it.each([
  ["YAML", "version: 1\npolicies:\n  - name: big\n    match: mcp:bank:pay\n    when: 'has(args.to) || args.amount > 1000'\n    action: block\n", { line: 5, column: 33 }],
  ["JSON", '{ "version": 1,\n "policies": [{ "name": "big", "match": "mcp:bank:pay",\n  "when": "args.amount > 1000", "action": "block" }] }', { line: 3, column: 17 }],
])("a condition of a %s text without an answer is named with file, line, column and field", (_, text, { line, column }) => {
  const verdict = judge(readPolicyText(text, "rules.policy"), toolCall("bank", "pay"));
  expect(verdict.reason).toBe(`Policy big; the condition of big (rules.policy:${line}:${column}) has no answer (args.amount: No such key: amount), which counts as the stricter side`);
  expect(verdict.faults).toMatchObject([{ policy: "big", error: { field: "args.amount" }, place: { source: "rules.policy", path: "policies[0].when", line, column } }]);
});

it("a condition without an answer of a policy that takes no part is named too", () => {
  const when = "args.amount > 1000";
  const document = readPolicyText(JSON.stringify({ version: 1, policies: [{ name: "a", match: "mcp:bank:pay", when, action: "allow" }, { name: "b", match: "mcp:bank:pay", when, action: "block", mode: "observe" }] }), "x.json");
  const verdict = judge(document, toolCall("bank", "pay"));
  expect(verdict).toMatchObject({ action: "allow", reason: "", would: undefined });
  expect(verdict.faults.map(({ policy, place }) => [policy, place.line])).toEqual([["a", 1], ["b", 1]]);
});

// Properties.

const ACTIONS = ["allow", "warn", "throttle", "block"] as const;
const SERVERS = ["a", "b", "*", ""];
const TOOLS = ["x", "y", "x*", "*", "*y"];

const approvalTerms = fc.record(
  { approvers: fc.subarray(["ops", "sec", "group:leads"]), quorum: fc.integer({ min: 1, max: 3 }), timeoutMinutes: fc.integer({ min: 1, max: 9 }), requireReason: fc.boolean() },
  { requiredKeys: [] },
);
const pattern = fc.tuple(fc.constantFrom(...SERVERS), fc.constantFrom(...TOOLS)).map(([server, tool]) => `mcp:${server}:${tool}`);
const policyOf = (actions: readonly DocumentPolicy["action"][], modes: readonly ("enforce" | "observe")[]): fc.Arbitrary<Omit<DocumentPolicy, "name">> =>
  fc
    .record({
      match: fc.array(pattern, { minLength: 1, maxLength: 2 }),
      except: fc.option(pattern, { nil: undefined }),
      action: fc.constantFrom(...actions),
      mode: fc.constantFrom(...modes),
      approval: fc.oneof(fc.constant("never" as const), approvalTerms, fc.constant(undefined)),
      limit: fc.integer({ min: 1, max: 3 }),
      reason: fc.option(fc.constantFrom("one", "two"), { nil: undefined }),
    })
    .map(({ action, approval, except, limit, match, mode, reason }) => ({
      match,
      action,
      mode,
      ...(except === undefined ? {} : { except }),
      ...(reason === undefined ? {} : { reason }),
      ...(action === "block" && approval !== undefined ? { approval } : {}),
      ...(action === "throttle" ? { rate: { limit, per: "1m" } } : {}),
    }));
const named = (policies: readonly Omit<DocumentPolicy, "name">[], prefix = "p"): DocumentPolicy[] => policies.map((one, index) => ({ name: `${prefix}${index}`, ...one }));
const policies = (modes: readonly ("enforce" | "observe")[] = ["enforce"]): fc.Arbitrary<DocumentPolicy[]> => fc.array(policyOf(ACTIONS, modes), { maxLength: 6 }).map((list) => named(list));
const fallback: fc.Arbitrary<NonNullable<PolicyDocument["default"]>> = fc.oneof(
  fc.constantFrom("allow" as const, "block" as const),
  fc.oneof(fc.constant("never" as const), approvalTerms).map((approval) => ({ action: "block" as const, approval })),
);
const call = fc.tuple(fc.constantFrom("a", "b", "c", undefined), fc.constantFrom("x", "y", "xy", "X")).map(([server, tool]) => toolCall(server, tool));
const findings = fc.subarray<Finding>([
  { type: "email", group: "pii", direction: "input", where: "/a" },
  { type: "us_ssn", group: "pii", direction: "input", where: "/b" },
]);
const inspection = { pii: { input: { email: "warn", ssn: "block" } } } as const;
const times = fc.integer({ min: 1, max: 4 });

/** Runs without a question. */
const runs = ({ action, rateLimited }: Verdict): boolean => action !== "block" && !rateLimited;
/** Runs, or could after a yes. */
const mayRun = (verdict: Verdict): boolean => runs(verdict) || verdict.askable;
const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).toSorted();

describe("a verdict", () => {
  it("does not depend on the order of policies", () => {
    const shuffled = policies().chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })));
    fc.assert(
      fc.property(shuffled, fallback, call, findings, times, ([list, other], byDefault, one, found, nth) => {
        const first = judge({ version: 1, default: byDefault, policies: list, inspection }, one, found, nth);
        const second = judge({ version: 1, default: byDefault, policies: other, inspection }, one, found, nth);
        const facts = ({ action, askable, confusable, rateLimited, retryAfterMs }: Verdict) => ({ action, askable, confusable, rateLimited, retryAfterMs });
        expect(facts(second)).toEqual(facts(first));
        expect(sorted(second.policies)).toEqual(sorted(first.policies));
        expect(sorted(second.decisive)).toEqual(sorted(first.decisive));
        expect(sorted(second.requirements)).toEqual(sorted(first.requirements));
        expect(second.policyResult?.metadata.timeoutMinutes).toBe(first.policyResult?.metadata.timeoutMinutes);
        expect(sorted(second.policyResult?.metadata.approvers ?? [])).toEqual(sorted(first.policyResult?.metadata.approvers ?? []));
      }),
      { numRuns: 2_000 },
    );
  });

  it("never runs what did not run before, because a block, a throttle or a warning was added", () => {
    const added = policyOf(["block", "throttle", "warn"], ["enforce", "observe"]).map((one) => ({ name: "added", ...one }));
    fc.assert(
      fc.property(policies(), added, fallback, call, findings, times, (list, more, byDefault, one, found, nth) => {
        const before = judge({ version: 1, default: byDefault, policies: list, inspection }, one, found, nth);
        const after = judge({ version: 1, default: byDefault, policies: [...list, more], inspection }, one, found, nth);
        if (!runs(before)) expect(runs(after)).toBe(false);
        if (!mayRun(before)) expect(mayRun(after)).toBe(false);
        // And nobody who had to be asked before is left out.
        if (after.action === "block" && after.askable) expect(sorted(after.requirements)).toEqual(expect.arrayContaining(sorted(before.requirements)));
      }),
      { numRuns: 3_000 },
    );
  });

  it("runs what did not run before because of an added allow only under a blocking default", () => {
    const added = policyOf(["allow"], ["enforce"]).map((one) => ({ name: "added", ...one }));
    let lifted = 0;
    fc.assert(
      fc.property(policies(), added, fallback, call, findings, times, (list, more, byDefault, one, found, nth) => {
        const before = judge({ version: 1, default: byDefault, policies: list, inspection }, one, found, nth);
        const after = judge({ version: 1, default: byDefault, policies: [...list, more], inspection }, one, found, nth);
        if (runs(before) || !runs(after)) return;
        lifted += 1;
        expect(byDefault).not.toBe("allow");
        expect(before.policies.every((name) => list.find((policy) => policy.name === name)?.action !== "block")).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    expect(lifted).toBeGreaterThan(20);
  });

  it("is identical with and without observe policies, but for what they would have done", () => {
    fc.assert(
      fc.property(policies(["enforce", "observe"]), fallback, call, findings, times, (list, byDefault, one, found, nth) => {
        const enforced = list.filter(({ mode }) => mode !== "observe");
        const { would, confusable, ...verdict } = judge({ version: 1, default: byDefault, policies: list, inspection }, one, found, nth);
        const { would: none, confusable: alike, ...alone } = judge({ version: 1, default: byDefault, policies: enforced, inspection }, one, found, nth);
        expect(verdict).toEqual(alone);
        expect(none).toBeUndefined();
        expect(confusable || !alike).toBe(true);
        const asEnforced = judge({ version: 1, default: byDefault, policies: list.map((policy) => ({ ...policy, mode: "enforce" as const })), inspection }, one, found);
        if (would !== undefined && nth === 1) expect(would.action).toBe(asEnforced.action);
      }),
      { numRuns: 3_000 },
    );
  });

  it("names policies in document order", () => {
    fc.assert(
      fc.property(policies(), fallback, call, (list, byDefault, one) => {
        const order = (names: readonly string[]): number[] => names.filter((name) => name !== "default").map((name) => list.findIndex((policy) => policy.name === name));
        const verdict = judge({ version: 1, default: byDefault, policies: list }, one);
        for (const places of [order(verdict.policies), order(verdict.decisive), order(verdict.requirements.map(({ policy }) => policy))]) {
          expect(places).toEqual(places.toSorted((a, b) => a - b));
        }
      }),
    );
  });
});

describe("the re-check at the claim", () => {
  const document: PolicyDocument = {
    version: 1,
    policies: [
      { name: "slow", match: "mcp:a:*", action: "throttle", rate: { limit: 2, per: "1m" } },
      { name: "ask", match: "mcp:a:x", action: "block" },
    ],
  };

  it("takes no token and meets no rate", () => {
    const compiled = compileDocument(document);
    const counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
    const [x, y] = [toolCall("a", "x"), toolCall("a", "y")];
    const limited = (one: Call, charge: boolean): boolean => evaluate(one, [], compiled, counters, { charge, now: 0 }).rateLimited;
    expect(limited(x, true)).toBe(false);
    for (let nth = 0; nth < 10; nth++) expect(limited(x, false)).toBe(false);
    expect(limited(y, true)).toBe(false);
    expect(limited(y, true)).toBe(true);
    expect(evaluate(x, [], compiled, counters, { charge: false, now: 0 })).toMatchObject({ action: "block", askable: true, rateLimited: false });
  });
});

describe("observed throttles", () => {
  it("count apart, so that enforcing one later starts with a full bucket", () => {
    const observed: PolicyDocument = { version: 1, policies: [{ name: "slow", match: "mcp:a:*", action: "throttle", mode: "observe", rate: { limit: 1, per: "1m" } }] };
    const enforced: PolicyDocument = { version: 1, policies: [{ name: "slow", match: "mcp:a:*", action: "throttle", rate: { limit: 1, per: "1m" } }] };
    const counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
    const one = toolCall("a", "x");
    for (let nth = 0; nth < 5; nth++) evaluate(one, [], compileDocument(observed), counters, { charge: true, now: 0 });
    expect(evaluate(one, [], compileDocument(enforced), counters, { charge: true, now: 0 }).rateLimited).toBe(false);
    expect(evaluate(one, [], compileDocument(enforced), counters, { charge: true, now: 0 }).rateLimited).toBe(true);
  });
});

it("what a verdict hands out cannot change the next one", () => {
  const compiled = compileDocument({ version: 1, policies: [{ name: "ask", match: "mcp:a:x", action: "block", approval: { approvers: ["ops"] } }] });
  const counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
  const ask = (): Verdict => evaluate(toolCall("a", "x"), [], compiled, counters, { charge: true, now: 0 });
  const first = ask();
  // JavaScript callers do not read `readonly`.
  const [approvers, requirements, decisive] = [first.policyResult?.metadata.approvers, first.requirements, first.decisive] as [unknown[], unknown[], unknown[]];
  approvers.push("mallory");
  requirements.pop();
  decisive.pop();
  expect(ask()).toMatchObject({ decisive: ["ask"], requirements: [{ approvers: ["ops"] }], policyResult: { metadata: { approvers: ["ops"] } } });
});
