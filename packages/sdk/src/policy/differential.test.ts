import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Call } from "../call/call.ts";
import type { Finding } from "../inspection/inspection.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { compileDocument } from "./compile.ts";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { evaluate, type Counters, type EvaluateOptions, type Verdict } from "./evaluate.ts";
import { randomScenarios, type Scenario, type Step } from "./fixture/reference/scenario.ts";
import { ReferenceInterpreter, type ReferenceVerdict } from "./fixture/reference/interpreter.ts";
import { TokenBuckets } from "./token-buckets.ts";

// In the name of each test: COUNTERSIGN_SEED=… runs the same again.
const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
const isLong = process.env["COUNTERSIGN_LONG"] === "1";
const PAIRS = isLong ? 1_000_000 : 50_000;
const timeout = isLong ? 1_800_000 : 60_000;

const fresh = (): Counters => ({ enforced: new TokenBuckets(), observed: new TokenBuckets() });

/** Calls are few and expensive to bind, so each is bound once. */
const bound = new Map<string, Call>();
function callOf({ call }: Step): Call {
  // With the arguments as they are: no digest is looked at here.
  return { ...boundCall(call), arguments: call.args };
}

function boundCall(call: Step["call"]): Call {
  const key = JSON.stringify([call.server ?? null, call.tool, call.agent, call.user, call.session]);
  let made = bound.get(key);
  if (made === undefined) {
    const caller = { principal: "local", agent: { name: call.agent, id: "" }, user: { id: call.user }, session: { id: call.session } };
    bound.set(key, (made = fakeCall({ server: { name: call.server, identity: null, transport: "stdio" }, tool: call.tool, caller })));
  }
  return made;
}

const findingsOf = ({ findings }: Step): readonly Finding[] => findings.map((finding) => ({ ...finding, where: "/a" }));

const optionsOf = ({ at, charge, claims, now }: Step): EvaluateOptions => ({ at, charge, claims: () => claims, now });

type Facts = Pick<Verdict, "action" | "askable" | "policies" | "decisive" | "requirements" | "rateLimited" | "retryAfterMs" | "confusable" | "would">;
type Faults = ReferenceVerdict["faults"];

/** The facts of a verdict as a text, the same for the same facts. The time to wait is compared by itself. */
function factsOf(verdict: Facts, faults: Faults): string {
  const { action, askable, policies, decisive, rateLimited, confusable, would } = verdict;
  const requirements = verdict.requirements.map((one) => Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return JSON.stringify({ action, askable, policies, decisive, requirements, rateLimited, confusable, would: would === undefined ? null : [would.action, would.policies], faults });
}

/** The engine counts tokens in floating point: it may say a millisecond more than it takes, and never less. */
function isSameWait(engine: number, exact: number): boolean {
  return engine === exact || (exact > 0 && engine === exact + 1);
}

interface Difference {
  readonly scenario: Scenario;
  readonly engine: string;
  readonly reference: string;
}

/** Runs a scenario through both; returns where they first differ. */
function compare(scenario: Scenario, onVerdict?: (verdict: Verdict, step: Step) => void): Difference | undefined {
  const compiled = compileDocument(scenario.document);
  const reference = new ReferenceInterpreter(scenario.document);
  const counters = fresh();
  for (const [index, step] of scenario.steps.entries()) {
    const verdict = evaluate(callOf(step), findingsOf(step), compiled, counters, optionsOf(step));
    const expected = reference.judge(step.call, step.findings, step);
    const faults = verdict.faults.map(({ policy, error }) => [policy, error.kind] as const);
    const [engine, plain] = [factsOf(verdict, faults), factsOf(expected, expected.faults)];
    if (engine !== plain || !isSameWait(verdict.retryAfterMs, expected.retryAfterMs)) {
      const waits = [verdict.retryAfterMs, expected.retryAfterMs].map((ms) => `, wait ${ms} ms`);
      return { scenario: { ...scenario, steps: scenario.steps.slice(0, index + 1) }, engine: engine + waits[0], reference: plain + waits[1] };
    }
    onVerdict?.(verdict, step);
  }
  return undefined;
}

/** The same difference with as few policies and calls as it takes: what a person reads. */
function smallest(found: Difference): Difference {
  const { document, steps } = found.scenario;
  const fewerPolicies = document.policies.map((_, at) => ({ document: { ...document, policies: document.policies.toSpliced(at, 1) }, steps }));
  const fewerSteps = steps.map((_, at) => ({ document, steps: steps.toSpliced(at, 1) }));
  for (const scenario of [...fewerPolicies, ...fewerSteps]) {
    const still = compare(scenario);
    if (still !== undefined) return smallest(still);
  }
  return found;
}

describe(`with the seed ${seed}`, () => {
  it(`the engine says what the reference interpreter says, ${PAIRS.toLocaleString("en")} times`, { timeout }, () => {
    const seen = { total: 0, matched: 0, block: 0, never: 0, limited: 0, throttle: 0, warn: 0, byDefault: 0, inspection: 0, confusable: 0, nameless: 0, would: 0, faulty: 0, overBudget: 0 };
    for (const scenario of randomScenarios(seed)) {
      const found = compare(scenario, (verdict, { call }) => {
        seen.total += 1;
        if (verdict.policies.length > 0) seen.matched += 1;
        if (verdict.action === "block") seen[verdict.askable ? "block" : "never"] += 1;
        if (verdict.action === "throttle") seen[verdict.rateLimited ? "limited" : "throttle"] += 1;
        if (verdict.action === "warn") seen.warn += 1;
        if (verdict.decisive.includes("default")) seen.byDefault += 1;
        if (verdict.requirements.some(({ policy }) => policy === "inspection")) seen.inspection += 1;
        if (verdict.confusable) seen.confusable += 1;
        if (call.server === undefined && verdict.policies.length > 0) seen.nameless += 1;
        if (verdict.would !== undefined) seen.would += 1;
        if (verdict.faults.some(({ error }) => error.kind === "error")) seen.faulty += 1;
        if (verdict.faults.some(({ error }) => error.kind === "budget")) seen.overBudget += 1;
      });
      if (found !== undefined) {
        const { engine, reference, scenario: least } = smallest(found);
        expect(engine, `COUNTERSIGN_SEED=${seed}: ${JSON.stringify(least, undefined, 1)}`).toBe(reference);
      }
      if (seen.total >= PAIRS) break;
    }
    // The scenarios are about something: each kind of answer is given by at least one in two hundred.
    for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(PAIRS / 200);
  });

  it("a block, a throttle or a warning that is added never lets a call run that did not, in any state of the throttles", { timeout }, () => {
    let stopped = 0;
    let pairs = 0;
    const more = randomScenarios(seed + 1);
    for (const { document, steps } of randomScenarios(seed + 2)) {
      const added = addable(more.next().value);
      const last = steps.at(-1);
      if (last === undefined || added === undefined) continue;
      for (const byDefault of DEFAULTS) {
        const { default: _, ...rest } = document;
        const before = { ...rest, ...byDefault };
        const first = judgeLast(before, before, steps);
        const second = judgeLast(before, { ...before, policies: [...before.policies, added] }, steps);
        const told = `COUNTERSIGN_SEED=${seed}: ${JSON.stringify({ before, added, steps })}`;
        if (!runs(first)) expect(runs(second), told).toBe(false);
        if (!mayRun(first)) expect(mayRun(second), told).toBe(false);
        if (first.action === "block" && second.askable) expect(sorted(second.requirements), told).toEqual(expect.arrayContaining(sorted(first.requirements)));
        if (runs(first) && !runs(second)) stopped += 1;
        pairs += 1;
      }
      if (pairs >= PAIRS / 5) break;
    }
    expect(stopped).toBeGreaterThan(pairs / 100);
  });
});

/** Every form that a default has. */
const DEFAULTS: readonly Pick<PolicyDocument, "default">[] = [
  {},
  { default: "allow" },
  { default: "block" },
  { default: { action: "block" } },
  { default: { action: "block", approval: "never" } },
  { default: { action: "block", approval: { approvers: ["ops"], quorum: 2, requireReason: true } } },
];

/** A policy of the scenario that restricts, under a name of its own. */
function addable(scenario: Scenario | void): DocumentPolicy | undefined {
  const policy = scenario?.document.policies.find(({ action }) => action !== "allow");
  return policy === undefined ? undefined : { ...policy, name: "added" };
}

/** The verdict of `document` on the last call, after `earlier` has judged the others. */
function judgeLast(earlier: PolicyDocument, document: PolicyDocument, steps: readonly Step[]): Verdict {
  const counters = fresh();
  const run = (compiled: ReturnType<typeof compileDocument>, step: Step): Verdict => evaluate(callOf(step), findingsOf(step), compiled, counters, optionsOf(step));
  const compiled = compileDocument(earlier);
  for (const step of steps.slice(0, -1)) run(compiled, step);
  const last = steps.at(-1);
  if (last === undefined) throw new Error("a scenario without a call");
  return run(compileDocument(document), last);
}

/** Runs without a question. */
const runs = ({ action, rateLimited }: Verdict): boolean => action !== "block" && !rateLimited;
/** Runs, or could after a yes. */
const mayRun = (verdict: Verdict): boolean => runs(verdict) || verdict.askable;
const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).toSorted();
