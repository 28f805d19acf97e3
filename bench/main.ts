/**
 * Ratios, measured side by side in one run: cases take turns, medians of all turns are compared, CPU is counted for each call.
 * Nothing here is asserted; a shared machine moves times by a third. `--quick` takes fewer turns; a word picks groups by title.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { CaseOptions } from "./cases.ts";
import type { Turn } from "./child.ts";
import { CONTROL_GROUPS, runControlGroups } from "./control/groups.ts";
import { measureBridge, measureHttp } from "./gateway/http.ts";
import { measureMemory } from "./gateway/memory.ts";
import { measureStdioCalls, measureStdioStart } from "./gateway/stdio.ts";
import { measureMicro, median } from "./micro.ts";
import { measureDecisions } from "./policy.ts";
import { measureSwap } from "./policy-swap.ts";

const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 3 : 9;
const wanted = process.argv.slice(2).find((word) => !word.startsWith("--"));
/** `P1` is a word of "P1 callTool" and none of "P11 deciders". */
const isWanted = ({ title }: { readonly title: string }): boolean => wanted === undefined || (/^P\d+$/.test(wanted) ? title.split(/\W+/).includes(wanted) : title.includes(wanted));

interface Group {
  readonly title: string;
  readonly calls: number;
  readonly base: string;
  readonly cases: Readonly<Record<string, Partial<CaseOptions>>>;
}

const DEFAULTS: CaseOptions = { line: "v1", transport: "memory", governance: "none", policies: 10_000, tracing: false, scan: false, bytes: 128 };
const countersign = { governance: "countersign" } as const;

const GROUPS: readonly Group[] = [
  {
    title: "P1 callTool in memory, v1, 128 B, allow path",
    calls: 5_000,
    base: "raw",
    cases: {
      raw: {},
      "countersign, 10 policies": { ...countersign, policies: 10 },
      "countersign, 10,000 policies": countersign,
      "countersign, 10,000 policies, tracing": { ...countersign, tracing: true },
      "peer executeWithGovernance, 10 rules": { governance: "peer", policies: 10 },
      "peer executeWithGovernance, 10,000 rules": { governance: "peer" },
    },
  },
  {
    title: "P1 callTool in memory, v2, 128 B, allow path",
    calls: 5_000,
    base: "raw",
    cases: { raw: { line: "v2" }, "countersign, 10,000 policies": { ...countersign, line: "v2" }, "countersign, 10,000 policies, tracing": { ...countersign, line: "v2", tracing: true } },
  },
  {
    title: "P2 callTool in memory, v1, 1 KiB, with scan of arguments and result and a batched span",
    calls: 4_000,
    base: "raw",
    cases: { raw: { bytes: 1024 }, "countersign, 10,000 policies, scan, tracing": { ...countersign, bytes: 1024, scan: true, tracing: true } },
  },
  {
    title: "P2 callTool over stdio, 1 KiB",
    calls: 1_500,
    base: "raw v1",
    cases: {
      "raw v1": { transport: "stdio", bytes: 1024 },
      "countersign v1, 10,000 policies, scan, tracing": { ...countersign, transport: "stdio", bytes: 1024, scan: true, tracing: true },
      "raw v2": { transport: "stdio", bytes: 1024, line: "v2" },
      "countersign v2, 10,000 policies, scan, tracing": { ...countersign, transport: "stdio", bytes: 1024, line: "v2", scan: true, tracing: true },
    },
  },
];

/** Groups that are run by functions of their own. */
const IN_PROCESS = [
  { title: "P7 decision", run: () => measureDecisions(ROUNDS) },
  { title: "P8 swap", run: () => measureSwap(ROUNDS) },
  { title: "P15, P16 single steps", run: printMicro },
  { title: "P3, P6 gateway over stdio", run: () => measureStdioCalls(scratch, ROUNDS) },
  { title: "P4, P5, P6 gateway over HTTP", run: () => measureHttp(scratch, ROUNDS) },
  { title: "P4, P5 gateway over HTTP before a stdio server", run: () => measureBridge(scratch, ROUNDS) },
  { title: "P17 gateway, memory", run: () => measureMemory(scratch, quick) },
  { title: "P18 gateway over stdio, cold start", run: () => measureStdioStart(scratch, ROUNDS) },
];

const scratch = mkdtempSync(join(tmpdir(), "countersign-bench-"));
try {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}; medians of ${ROUNDS} turns each\n`);
  for (const group of GROUPS.filter(isWanted)) await runGroup(group);
  for (const { run } of IN_PROCESS.filter(isWanted)) await run();
  await runControlGroups(CONTROL_GROUPS.filter(isWanted), scratch, ROUNDS);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function printMicro(): Promise<void> {
  console.log("Single steps (ns a call, medians)");
  for (const { name, ours, base, ratio } of measureMicro()) console.log(`  ${name.padEnd(74)} ${ours.toFixed(0).padStart(9)} ${base.toFixed(0).padStart(9)}  ${ratio.toFixed(2)}×`);
}

async function runGroup({ title, calls, base, cases }: Group): Promise<void> {
  const children = new Map<string, ChildProcess>();
  for (const [name, options] of Object.entries(cases)) children.set(name, await start({ ...DEFAULTS, ...options }));
  const turns = new Map<string, Turn[]>([...children.keys()].map((name) => [name, []]));
  for (let warm = 0; warm < 2; warm++) for (const child of children.values()) await turn(child, calls); // compiled code
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, child] of children) turns.get(name)?.push(await turn(child, calls));
  }
  for (const child of children.values()) {
    child.send("end");
    await once(child, "exit");
  }
  print(title, base, turns);
}

async function start(options: CaseOptions): Promise<ChildProcess> {
  const child = fork(new URL("./child.ts", import.meta.url), { env: { ...process.env, COUNTERSIGN_DIR: scratch } });
  child.send(options);
  await once(child, "message");
  return child;
}

async function turn(child: ChildProcess, calls: number): Promise<Turn> {
  const answer = once(child, "message");
  child.send(calls);
  const [result] = await answer;
  return result as Turn; // child.ts answers a number with a Turn
}

function print(title: string, base: string, turns: ReadonlyMap<string, readonly Turn[]>): void {
  console.log(title);
  console.log(`  ${"".padEnd(50)} ${"p50 µs".padStart(8)} ${"p99 µs".padStart(8)} ${"÷ raw".padStart(7)} ${"CPU µs".padStart(8)} ${"+CPU µs".padStart(8)}`);
  let baseP50 = 0;
  let baseCpu = 0;
  for (const [name, list] of turns) {
    const p50 = median(list.map((one) => one.p50));
    const cpu = median(list.map((one) => one.cpu));
    if (name === base || name.startsWith("raw")) [baseP50, baseCpu] = [p50, cpu];
    const p99 = median(list.map((one) => one.p99));
    console.log(`  ${name.padEnd(50)} ${p50.toFixed(1).padStart(8)} ${p99.toFixed(1).padStart(8)} ${(p50 / baseP50).toFixed(2).padStart(6)}× ${cpu.toFixed(1).padStart(8)} ${(cpu - baseCpu).toFixed(1).padStart(8)}`);
  }
  console.log();
}
