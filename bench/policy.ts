/**
 * Decisions beside other engines on the same rules (P7), and what it costs to put a new document in force (P8).
 * All in one process and in turns. Each is asked up to the size it can bear.
 */
import type { PolicyDocument } from "@countersign/sdk";
import type { Call } from "../packages/sdk/src/call/call.ts";
import { compileDocument } from "../packages/sdk/src/policy/compile.ts";
import { evaluate, type Counters } from "../packages/sdk/src/policy/evaluate.ts";
import { TokenBuckets } from "../packages/sdk/src/policy/token-buckets.ts";
import { fakeCall } from "../packages/sdk/src/testing/fake-call.ts";
import { median } from "./micro.ts";
import { benchPolicies } from "./policies.ts";
import { OTHER_ENGINES, type OpenEngine } from "./policy-engines.ts";

const SIZES = [10, 1_000, 10_000, 100_000];

interface RuleSet {
  readonly name: string;
  /** The first `count` patterns. */
  readonly patterns: (count: number) => readonly string[];
  /** A server and a tool that one of the patterns is about. */
  readonly known: (pattern: string) => readonly [string, string];
}

const plain = (pattern: string): readonly [string, string] => {
  const [, server = "", tool = ""] = pattern.split(":");
  return [server.replace("*", "server-7"), tool.replace("*", "some_part")];
};

const MIXED: RuleSet = { name: "80 % exact, 15 % prefix, 5 % mcp:*:tool", patterns: (count) => benchPolicies(count).map(({ match }) => String(match)), known: plain };
const PREFIXES: RuleSet = { name: "all mcp:*:x*", patterns: (count) => Array.from({ length: count }, (_, index) => `mcp:*:tool_${index}_*`), known: plain };
const SUFFIXES: RuleSet = { name: "all suffix globs", patterns: (count) => Array.from({ length: count }, (_, index) => `mcp:server-${index % 50}:*_tool_${index}`), known: plain };

/** 64 ids that calls have, a quarter of them in no rule. */
function callsOf({ known }: RuleSet, patterns: readonly string[]): readonly Call[] {
  return Array.from({ length: 64 }, (_, index) => {
    const pattern = patterns[Math.floor((index / 64) * patterns.length)] ?? "";
    const [server, tool] = index % 4 === 3 ? [`server-${index}`, `unknown_${index}`] : known(pattern);
    return fakeCall({ server: { name: server, identity: null, transport: "stdio" }, tool });
  });
}

/** Ours, as guard.ts asks it: matching, combining, the result with its reasons and metadata. */
const openOurs: OpenEngine = (patterns) => {
  const compiled = compileDocument(documentOf(patterns));
  const counters: Counters = { enforced: new TokenBuckets(), observed: new TokenBuckets() };
  return Promise.resolve((call) => evaluate(call, [], compiled, counters, { charge: true, now: 0 }).action === "block");
};

function documentOf(patterns: readonly string[]): PolicyDocument {
  return { version: 1, default: "allow", policies: patterns.map((match, index) => ({ name: `policy-${index}`, match, action: "block", reason: "not this one" })) };
}

/** P7: one decision, in nanoseconds, and how it grows. */
export async function measureDecisions(rounds: number): Promise<void> {
  console.log("P7 decision (ns, medians; 64 ids, a quarter of them in no rule)");
  for (const set of [MIXED, PREFIXES, SUFFIXES]) {
    const engines = set === MIXED ? [...OTHER_ENGINES] : OTHER_ENGINES.filter(({ name }) => name === "linear picomatch");
    await measureSet(set, [{ name: "countersign", largest: Number.POSITIVE_INFINITY, open: openOurs }, ...engines], rounds);
  }
  console.log();
}

async function measureSet(set: RuleSet, engines: readonly { readonly name: string; readonly largest: number; readonly open: OpenEngine }[], rounds: number): Promise<void> {
  console.log(`  ${set.name.padEnd(42)} ${SIZES.map((size) => String(size).padStart(13)).join(" ")} ${"growth".padStart(8)}`);
  const times = new Map<string, (number | string)[]>(engines.map(({ name }) => [name, []]));
  for (const size of SIZES) {
    const patterns = set.patterns(size);
    const calls = callsOf(set, patterns);
    const turns: Turn[] = [];
    for (const { name, largest, open } of engines) {
      if (size > largest) {
        times.get(name)?.push("–");
        continue;
      }
      const decide = await open(patterns, name);
      if (typeof decide === "string") times.get(name)?.push(decide);
      else turns.push({ name, decide, calls, count: 0, taken: [] });
    }
    agree(turns, calls);
    for (let round = -WARM_UPS; round < rounds; round++) for (const turn of turns) takeTurn(turn, round >= 0);
    for (const { name, taken } of turns) times.get(name)?.push(median(taken));
  }
  for (const [name, list] of times) {
    const [first, last] = [list[0], list.at(-1)];
    const growth = typeof first === "number" && typeof last === "number" ? `${(last / first).toFixed(1)}×` : "";
    console.log(`    ${name.padEnd(40)} ${list.map((one) => (typeof one === "number" ? one.toFixed(0) : one).padStart(13)).join(" ")} ${growth.padStart(8)}`);
  }
  const [ours, linear] = ["countersign", "linear picomatch"].map((name) => times.get(name)?.at(-1));
  if (typeof ours === "number" && typeof linear === "number") console.log(`    linear picomatch ÷ countersign at ${SIZES.at(-1)}: ${(linear / ours).toFixed(0)}× (goal 1,000×)`);
}

interface Turn {
  readonly name: string;
  readonly decide: (call: Call) => boolean;
  readonly calls: readonly Call[];
  /** Decisions that take about TURN_MS; found in the first turn. */
  count: number;
  readonly taken: number[];
}

const TURN_MS = 25;
/** Turns until what decides is compiled code. */
const WARM_UPS = 4;

function takeTurn(turn: Turn, counts: boolean): void {
  const { calls, decide } = turn;
  const start = performance.now();
  let done = 0;
  const isOver = turn.count > 0 ? () => done >= turn.count : () => performance.now() - start > TURN_MS;
  do {
    const call = calls[done % calls.length];
    if (call !== undefined) decide(call);
    done += 1;
  } while (!isOver());
  if (counts) turn.taken.push(((performance.now() - start) * 1e6) / done);
  // Fast engines look at the clock too often while they are being counted: give them their full share.
  turn.count = Math.max(done, turn.count);
}

/** Engines of the same rules give the same answers, or the comparison is none. */
function agree(turns: readonly Turn[], calls: readonly Call[]): void {
  const asked = calls.filter((_, index) => index % 16 < 4); // slow engines would take minutes over all
  const answers = turns.map(({ name, decide }) => ({ name, said: asked.map(decide).join() }));
  for (const { name, said } of answers) if (said !== answers[0]?.said) throw new Error(`${name} and ${answers[0]?.name} decide differently`);
}
