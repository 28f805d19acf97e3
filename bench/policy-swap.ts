/** What it costs to put a document of 100,000 policies in force, in one go, and what calls feel meanwhile (P8). */
import type { Call } from "../packages/sdk/src/call/call.ts";
import { compileDocument } from "../packages/sdk/src/policy/compile.ts";
import type { PolicyContent } from "../packages/sdk/src/policy/policy-source.ts";
import { openPolicyStore, type PolicyStore } from "../packages/sdk/src/policy/policy-store.ts";
import { readPolicyText } from "../packages/sdk/src/policy/read-document.ts";
import { fakeCall } from "../packages/sdk/src/testing/fake-call.ts";
import { median } from "./micro.ts";
import { benchPolicies } from "./policies.ts";

const SIZE = 100_000;

export async function measureSwap(rounds: number): Promise<void> {
  console.log(`P8 a swap of ${SIZE.toLocaleString("en")} policies (ms, medians)`);
  const texts = ["even", "odd"].map((reason) => JSON.stringify({ version: 1, default: "allow", policies: benchPolicies(SIZE).map((policy) => ({ ...policy, reason })) }));
  const text = texts[0] ?? "";
  const read = readPolicyText(text, "bench");
  const steps = {
    "JSON.parse": () => JSON.parse(text),
    "build: compileDocument": () => compileDocument(read),
    "read: strict parse and schema": () => readPolicyText(text, "bench"),
    "all: read, digest, build": () => compileDocument(JSON.parse(JSON.stringify(readPolicyText(text, "bench")))),
  };
  const taken = new Map(Object.keys(steps).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds + 1; round++) {
    for (const [name, step] of Object.entries(steps)) {
      const start = performance.now();
      step();
      if (round > 0) taken.get(name)?.push(performance.now() - start);
    }
  }
  const base = median(taken.get("JSON.parse") ?? []);
  for (const [name, list] of taken) console.log(`    ${name.padEnd(50)} ${median(list).toFixed(1).padStart(9)}  ${(median(list) / base).toFixed(2)}× JSON.parse`);
  await measureStall(texts, rounds);
  console.log();
}

/** Calls that fall due each millisecond, before and during swaps through a watched source; how late each is answered. */
async function measureStall(texts: readonly string[], rounds: number): Promise<void> {
  let swap = (): void => undefined;
  let version = 0;
  const load = (): PolicyContent => ({ text: texts[version % texts.length] ?? "" });
  const store = openPolicyStore({ name: "bench", load, watch: (changed) => ((swap = changed), () => undefined) }, () => undefined);
  const call = fakeCall({ server: { name: "server-7", identity: null, transport: "stdio" }, tool: "tool_7" });
  const before: Lateness[] = [];
  const during: Lateness[] = [];
  for (let round = 0; round < rounds; round++) {
    before.push(await lateness(store, call, () => undefined));
    during.push(await lateness(store, call, () => (version++, swap())));
  }
  store.close();
  const of = (list: readonly Lateness[], key: keyof Lateness): number => median(list.map((one) => one[key]));
  for (const [name, list] of [["before", before], ["during", during]] as const) {
    console.log(`    calls ${name} a swap: p50 ${of(list, "p50").toFixed(2)}, p99 ${of(list, "p99").toFixed(2)}, longest ${of(list, "longest").toFixed(1)} ms late`);
  }
  console.log(`    p99 during ÷ before: ${(of(during, "p99") / of(before, "p99")).toFixed(1)}× (goal 2×)`);
}

interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

const WINDOW_MS = 1_500;

async function lateness(store: PolicyStore, call: Call, act: () => void): Promise<Lateness> {
  const start = performance.now();
  const late: number[] = [];
  let acted = false;
  while (late.length < WINDOW_MS) {
    // One call is due each millisecond; all that are due by now are answered now.
    while (late.length < WINDOW_MS && start + late.length <= performance.now()) {
      const due = start + late.length;
      store.evaluate(call, [], { charge: true, now: due });
      late.push(performance.now() - due);
    }
    if (!acted && late.length > 100) {
      acted = true;
      act();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  late.sort((a, b) => a - b);
  return { p50: late[WINDOW_MS >> 1] ?? 0, p99: late[Math.floor(WINDOW_MS * 0.99)] ?? 0, longest: late.at(-1) ?? 0 };
}
