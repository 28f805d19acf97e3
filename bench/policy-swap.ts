/**
 * What it costs to put a document of 100,000 policies in force, and what calls feel meanwhile (P8). The work is measured step by
 * step in place, as a first load does it; the swap as a whole through the built package, a watched source and a real client.
 */
import { configureSession, init, shutdown, type PolicySource } from "@countersign/sdk";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { compilePrepared } from "../packages/sdk/src/policy/compile.ts";
import { prepareDocument } from "../packages/sdk/src/policy/prepare-document.ts";
import { readPolicyText } from "../packages/sdk/src/policy/read-document.ts";
import { median } from "./micro.ts";
import { benchPolicies } from "./policies.ts";

const SIZE = 100_000;
const GOAL_MS = 250;
/** The last swap's thread is gone by then: the calls before a swap are those of a process that has nothing else to do. */
const SETTLE_MS = 500;

export async function measureSwap(rounds: number): Promise<void> {
  const texts = ["even", "odd"].map((reason) => JSON.stringify({ version: 1, default: "allow", policies: benchPolicies(SIZE).map((policy) => ({ ...policy, reason })) }));
  console.log(`P8 a swap of ${SIZE.toLocaleString("en")} policies, ${((texts[0]?.length ?? 0) / 1e6).toFixed(1)} MB of JSON`);
  measureSteps(texts[0] ?? "", rounds);
  await measureCalls(texts, rounds);
  console.log();
}

/** In place and in one go, each step beside a plain parse. */
function measureSteps(text: string, rounds: number): void {
  const read = readPolicyText(text, "bench");
  const steps = {
    "JSON.parse": () => JSON.parse(text),
    "read: strict parse, check": () => readPolicyText(text, "bench"),
    "build: canonical text, digest, index": () => compilePrepared(prepareDocument(read)),
    "both, as a first load does": () => compilePrepared(prepareDocument(readPolicyText(text, "bench"))),
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
  console.log(`  ${"in place, in one go".padEnd(50)} ${"ms".padStart(9)}  ${"÷ JSON.parse".padStart(12)}`);
  for (const [name, list] of taken) console.log(`    ${name.padEnd(48)} ${median(list).toFixed(1).padStart(9)}  ${`${(median(list) / base).toFixed(2)}×`.padStart(12)}`);
}

/** What one swap did to the process and to the calls that fell due before and during it. */
interface Swap {
  readonly inForceMs: number;
  readonly cpuMs: number;
  readonly before: Window;
  readonly during: Window;
}

async function measureCalls(texts: readonly string[], rounds: number): Promise<void> {
  let changed = (): void => undefined;
  let version = 0;
  const source: PolicySource = { name: "bench", load: () => ({ text: texts[version % texts.length] ?? "" }), watch: (tell) => ((changed = tell), () => undefined) };
  const { status } = init({ policies: source, record: "memory", onWarning: () => undefined });
  const client = await connect();
  configureSession(client, { serverName: "server-7", governanceConfig: { agentName: "bench-agent", userId: "bench" } });
  const call = (): Promise<unknown> => client.callTool({ name: "echo", arguments: { path: "/srv/data/reports/2026/q3.txt" } });
  const isInForce = (generation: number) => (): boolean => status().policies.generation > generation;
  const swaps: Swap[] = [];
  for (let round = 0; round < rounds + 2; round++) {
    version += 1;
    const cpuMs = await cpuOfSwap(changed, isInForce(status().policies.generation));
    version += 1;
    await sleep(SETTLE_MS);
    const until = performance.now() + GOAL_MS;
    const before = await callsUntil(call, () => performance.now() > until);
    const start = performance.now();
    const ended = isInForce(status().policies.generation);
    changed();
    const during = await callsUntil(call, ended);
    if (round > 1) swaps.push({ inForceMs: performance.now() - start, cpuMs, before, during });
  }
  await client.close();
  await shutdown();
  print(swaps);
}

function print(swaps: readonly Swap[]): void {
  const line = (name: string, value: number, unit: string): void => console.log(`    ${name.padEnd(48)} ${value.toFixed(unit === "×" ? 2 : 1).padStart(9)}  ${unit}`);
  console.log("  aside, while calls go on (medians; calls of all swaps together)");
  line("from the source's word to in force", median(swaps.map(({ inForceMs }) => inForceMs)), `ms (goal ${GOAL_MS})`);
  line("CPU of the thread that calls run on", median(swaps.map(({ cpuMs }) => cpuMs)), "ms");
  line("its longest turn before", median(swaps.map(({ before }) => before.longestTurnMs)), "ms");
  line("its longest turn during", median(swaps.map(({ during }) => during.longestTurnMs)), "ms");
  const [before, during] = (["before", "during"] as const).map((window) => swaps.flatMap((swap) => swap[window].lateMs).toSorted((a, b) => a - b));
  for (const [name, late] of [["before", before], ["during", during]] as const) {
    if (late === undefined) continue;
    console.log(`    calls ${name}, due each ms: ${String(late.length).padStart(5)}, answered after p50 ${quantile(late, 0.5).toFixed(3)}, p99 ${quantile(late, 0.99).toFixed(3)}, longest ${quantile(late, 1).toFixed(2)} ms`);
  }
  if (before !== undefined && during !== undefined) line("p99 during ÷ before", quantile(during, 0.99) / quantile(before, 0.99), "×");
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A swap with nothing else to do. */
async function cpuOfSwap(changed: () => void, isInForce: () => boolean): Promise<number> {
  const before = process.threadCpuUsage();
  changed();
  while (!isInForce()) await sleep(10);
  const { system, user } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

interface Window {
  /** From when a call was due to its answer. */
  readonly lateMs: readonly number[];
  readonly longestTurnMs: number;
}

/** One call falls due each millisecond, however long the others take. */
async function callsUntil(call: () => Promise<unknown>, isOver: () => boolean): Promise<Window> {
  const start = performance.now();
  const lateMs: number[] = [];
  let longestTurnMs = 0;
  let turn = start;
  while (!isOver()) {
    for (let due = start + lateMs.length; due <= performance.now(); due++) {
      await call();
      lateMs.push(performance.now() - due);
    }
    await nextTurn();
    const now = performance.now();
    longestTurnMs = Math.max(longestTurnMs, now - turn);
    turn = now;
  }
  return { lateMs, longestTurnMs };
}

async function connect(): Promise<Client> {
  const client = new Client({ name: "bench", version: "1.0.0" });
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const server = new Server({ name: "echo", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, () => ({ content: [{ type: "text", text: "ok" }] }));
  await Promise.all([server.connect(serverSide), client.connect(clientSide)]);
  return client;
}
