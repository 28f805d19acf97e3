/**
 * P3, P6, P18 over stdio: an official client before a server, directly and through a byte relay, a relay that parses every line, and the
 * gateway with 10,000 policies and its record on. All of them are started in one run and take turns; ratios are to the byte relay.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { printHead, quantile } from "../control/table.ts";
import { benchPolicies } from "../policies.ts";

const NODE = process.execPath;
const SERVER = [NODE, fileURLToPath(new URL("./echo-server.ts", import.meta.url))];
const COUNTERSIGN = fileURLToPath(new URL("../../packages/server/dist/cli/main.js", import.meta.url));
const RELAY = fileURLToPath(new URL("./relay.mjs", import.meta.url));
const BASE = "byte relay";

type Lines = ReadonlyMap<string, readonly string[]>;

function linesIn(scratch: string): Lines {
  const directory = join(scratch, "gateway");
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "policies.json");
  writeFileSync(file, JSON.stringify({ version: 1, default: "allow", policies: benchPolicies(10_000) }));
  return new Map([
    ["direct", SERVER],
    [BASE, [NODE, RELAY, "bytes", ...SERVER]],
    ["parsing relay", [NODE, RELAY, "parse", ...SERVER]],
    ["countersign gateway, 10,000 policies, record", [NODE, COUNTERSIGN, "gateway", "--name", "filesystem", "--policies", file, "--no-control-plane", "--dir", directory, "--", ...SERVER]],
  ]);
}

interface Turn {
  readonly p50: number;
  readonly p99: number;
  /** CPU of the program that the client started, microseconds a call. */
  readonly cpu: number;
}

export async function measureStdioCalls(scratch: string, rounds: number): Promise<void> {
  for (const [what, bytes, calls, goal] of [["P3 stdio, 128 B", 128, 2_000, "goal 1.25×"], ["P6 stdio, 64 KiB", 64 * 1_024, 300, "goal 1.3× the parsing relay"]] as const) {
    const open: { readonly name: string; readonly client: Client; readonly pid: number; readonly turns: Turn[] }[] = [];
    for (const [name, line] of linesIn(scratch)) open.push({ name, ...(await connect(line)), turns: [] });
    for (const { client, pid } of open) for (let warm = 0; warm < 2; warm++) await turn(client, pid, bytes, calls);
    for (let round = 0; round < rounds; round++) for (const { client, pid, turns } of open) turns.push(await turn(client, pid, bytes, calls));
    for (const { client } of open) await client.close();
    const medians = open.map(({ name, turns }) => ({ name, p50: median(turns, "p50"), p99: median(turns, "p99"), cpu: median(turns, "cpu") }));
    const base = medians.find(({ name }) => name === BASE)?.p50 ?? Number.NaN;
    printHead(`${what} (${goal})`, "p50 µs", "p99 µs", "÷ relay", "CPU µs");
    for (const { name, p50, p99, cpu } of medians) console.log(`  ${name.padEnd(58)} ${p50.toFixed(0).padStart(8)} ${p99.toFixed(0).padStart(8)} ${`${(p50 / base).toFixed(2)}×`.padStart(8)} ${cpu.toFixed(0).padStart(8)}`);
  }
}

export async function measureStdioStart(scratch: string, rounds: number): Promise<void> {
  const lines = linesIn(scratch);
  const times = new Map<string, { readonly ms: number; readonly mib: number }[]>([...lines.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, line] of lines) {
      const started = performance.now();
      const { client, pid } = await connect(line);
      await client.listTools();
      times.get(name)?.push({ ms: performance.now() - started, mib: residentMib(pid) });
      await client.close();
    }
  }
  const medians = [...times].map(([name, all]) => ({ name, ms: quantile(all.map(({ ms }) => ms), 0.5), mib: quantile(all.map(({ mib }) => mib), 0.5) }));
  const base = medians.find(({ name }) => name === BASE);
  printHead("P18 stdio, cold start to tools/list (goal 1.25×, RSS 1.5×)", "ms", "÷ relay", "RSS MiB", "÷ relay");
  for (const { name, ms, mib } of medians) console.log(`  ${name.padEnd(58)} ${ms.toFixed(0).padStart(8)} ${`${(ms / (base?.ms ?? Number.NaN)).toFixed(2)}×`.padStart(8)} ${mib.toFixed(0).padStart(8)} ${`${(mib / (base?.mib ?? Number.NaN)).toFixed(2)}×`.padStart(8)}`);
}

async function connect([command = "", ...args]: readonly string[]): Promise<{ readonly client: Client; readonly pid: number }> {
  const client = new Client({ name: "bench", version: "1" });
  const transport = new StdioClientTransport({ command, args, stderr: "ignore" });
  await client.connect(transport);
  return { client, pid: transport.pid ?? 0 };
}

async function turn(client: Client, pid: number, bytes: number, calls: number): Promise<Turn> {
  const params = { name: "read_file", arguments: { path: "x".repeat(bytes) } };
  const times: number[] = [];
  const before = cpuMicroseconds(pid);
  for (let index = 0; index < calls; index++) {
    const start = performance.now();
    await client.callTool(params);
    times.push((performance.now() - start) * 1_000);
  }
  await new Promise((resolve) => setTimeout(resolve, 150)); // the last flush of the record
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpu: (cpuMicroseconds(pid) - before) / calls };
}

const median = (turns: readonly Turn[], what: keyof Turn): number => quantile(turns.map((one) => one[what]), 0.5);

/** User and system time, in ticks of 10 ms; NaN where there is no /proc. */
function cpuMicroseconds(pid: number): number {
  const fields = statusOf(pid, "stat").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(statusOf(pid, "status"))?.[1]) / 1_024;
}

function statusOf(pid: number, what: "stat" | "status"): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "utf8");
  } catch {
    return "";
  }
}
