/**
 * P3, P6, P18 over stdio: an official client before a server, directly and through a byte relay, a relay that parses every line, the gateway
 * with 10,000 policies and its record on, and its peers. All of them are started in one run and take turns.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { printHead, quantile } from "../control/table.ts";
import { BYTE_RELAY, GATEWAY, PARSING_RELAY, stdioLines } from "./lines.ts";
import { cpuMicroseconds, residentMib } from "./program.ts";

interface Turn {
  readonly p50: number;
  readonly p99: number;
  /** CPU of the program that the client started, microseconds a call. */
  readonly cpu: number;
}

interface Open {
  readonly name: string;
  readonly client: Client;
  readonly pid: number;
  readonly turns: Turn[];
}

const LOADS = [
  { title: "P3 stdio, 128 B (goal 1.25× the relay, 0.60× the fastest peer)", bytes: 128, calls: 2_000, base: BYTE_RELAY },
  { title: "P6 stdio, 64 KiB (goal 1.3× the parsing relay)", bytes: 64 * 1_024, calls: 300, base: PARSING_RELAY },
] as const;

export async function measureStdioCalls(scratch: string, rounds: number): Promise<void> {
  for (const { title, bytes, calls, base } of LOADS) {
    const open: Open[] = [];
    try {
      for (const [name, line] of stdioLines(scratch)) open.push({ name, ...(await connect(line)), turns: [] });
      for (const { client, pid } of open) for (let warm = 0; warm < 2; warm++) await turn(client, pid, bytes, calls);
      for (let round = 0; round < rounds; round++) for (const { client, pid, turns } of open) turns.push(await turn(client, pid, bytes, calls));
    } finally {
      for (const { client } of open) await client.close();
    }
    const rows = open.map(({ name, turns }) => ({ name, p50: median(turns, "p50"), p99: median(turns, "p99"), cpu: median(turns, "cpu") }));
    const by = rows.find(({ name }) => name === base);
    printHead(title, "p50 µs", "p99 µs", "÷ base", "CPU µs");
    for (const { name, p50, p99, cpu } of rows) printRow(name, p50.toFixed(0), p99.toFixed(0), ratio(p50, by?.p50), Number.isNaN(cpu) ? "–" : cpu.toFixed(0));
    const own = rows.find(({ name }) => name === GATEWAY);
    const peers = rows.filter(({ name }) => name.startsWith("peer"));
    const least = (what: "p50" | "cpu"): number => Math.min(...peers.map((peer) => peer[what]));
    console.log(`  gateway: p50 ${ratio(own?.p50, least("p50"))} the fastest peer, CPU ${ratio(own?.cpu, least("cpu"))} the leanest\n`);
  }
}

export async function measureStdioStart(scratch: string, rounds: number): Promise<void> {
  const lines = stdioLines(scratch);
  const starts = new Map<string, Start[]>([...lines.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) for (const [name, line] of lines) starts.get(name)?.push(await startOnce(line));
  const rows = [...starts].map(([name, all]) => ({ name, listedMs: medianOf(all, "listedMs"), listedMib: medianOf(all, "listedMib"), calledMs: medianOf(all, "calledMs"), calledMib: medianOf(all, "calledMib") }));
  const base = rows.find(({ name }) => name === BYTE_RELAY);
  printHead("P18 stdio, cold start to tools/list (goal 1.25× the relay, RSS 1.5×), and to the first call at once after it", "ms", "÷ relay", "RSS MiB", "÷ relay", "call ms", "RSS MiB");
  for (const { name, listedMs, listedMib, calledMs, calledMib } of rows) printRow(name, listedMs.toFixed(0), ratio(listedMs, base?.listedMs), listedMib.toFixed(0), ratio(listedMib, base?.listedMib), calledMs.toFixed(0), calledMib.toFixed(0));
  console.log();
}

interface Start {
  readonly listedMs: number;
  readonly listedMib: number;
  /** A client that calls at once waits for what is loaded after the start. */
  readonly calledMs: number;
  readonly calledMib: number;
}

async function startOnce(line: readonly string[]): Promise<Start> {
  const started = performance.now();
  const { client, pid } = await connect(line);
  await client.listTools();
  const listed = { listedMs: performance.now() - started, listedMib: residentMib(pid) };
  await client.callTool({ name: "read_file", arguments: { path: "x" } });
  const called = { calledMs: performance.now() - started, calledMib: residentMib(pid) };
  await client.close();
  return { ...listed, ...called };
}

const medianOf = (all: readonly Start[], what: keyof Start): number => quantile(all.map((one) => one[what]), 0.5);
const ratio = (value: number | undefined, base: number | undefined): string => `${((value ?? Number.NaN) / (base ?? Number.NaN)).toFixed(2)}×`;
const printRow = (name: string, ...columns: readonly string[]): void => console.log(`  ${name.padEnd(58)} ${columns.map((one) => one.padStart(8)).join(" ")}`);

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
