/**
 * P4, P5, P6 over HTTP: a lean client before an official server, directly and through a byte relay, a relay that parses every message, the
 * gateway at its full work, and its peers; in both eras, with answers as JSON and on streams. All are started in one run and take turns.
 */
import { fileURLToPath } from "node:url";
import { printHead, quantile } from "../control/table.ts";
import { openCaller, type HttpCaller } from "./http-caller.ts";
import { bridgeLines, BYTE_RELAY, GATEWAY, httpLines, PARSING_RELAY, PORT, type Era } from "./lines.ts";
import { cpuMicroseconds, freePort, residentMib, startProgram, startServer, untilServes, type Program } from "./program.ts";

const SERVER = fileURLToPath(new URL("./http-server.ts", import.meta.url));

interface Case {
  readonly name: string;
  readonly program: Program | undefined;
  readonly caller: HttpCaller;
  readonly turns: Turn[];
}

interface Turn {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** CPU of the front, microseconds a call. */
  readonly cpu: number;
}

interface Load {
  readonly bytes: number;
  readonly calls: number;
  readonly inFlight: number;
}

const ONE = { bytes: 128, calls: 500, inFlight: 1 } as const;
const MANY = { bytes: 128, calls: 1_500, inFlight: 32 } as const;
const LARGE = { bytes: 64 * 1_024, calls: 150, inFlight: 1 } as const;

export async function measureHttp(scratch: string, rounds: number): Promise<void> {
  for (const era of ["session", "stateless"] as const) {
    for (const form of ["json", "sse"] as const) {
      await withCases(scratch, era, form, async (cases) => {
        await compare(`P4 HTTP, ${era}, ${form}, 128 B (goal 1.25× the relay, 0.65× the fastest peer; CPU 0.35×)`, cases, ONE, rounds, BYTE_RELAY);
        await compare(`P5 HTTP, ${era}, ${form}, 32 in flight (goal 0.8 of the relay's calls/s, 2× the best peer's)`, cases, MANY, rounds, BYTE_RELAY);
        await compare(`P6 HTTP, ${era}, ${form}, 64 KiB (goal 1.3× the parsing relay)`, cases, LARGE, rounds, PARSING_RELAY);
      });
    }
  }
}

/** HTTP before a server that is a process: no relay of bytes can do that. */
export async function measureBridge(scratch: string, rounds: number): Promise<void> {
  const cases: Case[] = [];
  try {
    for (const [name, line] of bridgeLines(scratch)) cases.push(await openFront(name, line, "session"));
    await compare("P4 HTTP before a stdio server, session, 128 B (no relay; goal 0.65× the fastest peer)", cases, ONE, rounds, GATEWAY);
    await compare("P5 HTTP before a stdio server, session, 32 in flight (goal 2× the best peer)", cases, MANY, rounds, GATEWAY);
  } finally {
    for (const one of cases) await end(one);
  }
}

async function withCases(scratch: string, era: Era, form: "json" | "sse", work: (cases: readonly Case[]) => Promise<void>): Promise<void> {
  const server = await startServer([SERVER, era, form]);
  const cases: Case[] = [];
  try {
    cases.push({ name: "direct", program: undefined, caller: await openCaller(server.url, era), turns: [] });
    for (const [name, line] of httpLines(scratch, server.url, era)) cases.push(await openFront(name, line, era));
    await work(cases);
  } finally {
    for (const one of cases) await end(one);
    await server.stop();
  }
}

async function openFront(name: string, line: readonly string[], era: Era): Promise<Case> {
  const port = String(await freePort());
  const program = startProgram(line.map((word) => word.replace(PORT, port)));
  const path = name === GATEWAY ? "/filesystem/mcp" : "/mcp";
  const url = `http://127.0.0.1:${port}${path}`;
  try {
    await untilServes(url, program);
    const caller = await openCaller(url, era);
    await caller.call("ready");
    return { name, program, caller, turns: [] };
  } catch (error) {
    await program.stop();
    throw new Error(`${name}: ${String(error)}`, { cause: error });
  }
}

async function end({ caller, program }: Case): Promise<void> {
  caller.close();
  await program?.stop();
}

async function compare(title: string, cases: readonly Case[], load: Load, rounds: number, base: string): Promise<void> {
  for (const one of cases) one.turns.length = 0;
  for (const { caller, program } of cases) for (let warm = 0; warm < 2; warm++) await turn(caller, program, load);
  for (let round = 0; round < rounds; round++) for (const { caller, program, turns } of cases) turns.push(await turn(caller, program, load));
  const rows = cases.map(({ name, program, turns }) => ({ name, mib: residentMib(program?.pid ?? 0), ...medians(turns) }));
  const by = rows.find(({ name }) => name === base);
  printHead(title, "p50 µs", "p99 µs", "÷ base", "calls/s", "÷ base", "CPU µs", "RSS MiB");
  for (const { name, p50, p99, perSecond, cpu, mib } of rows) {
    const columns = [p50.toFixed(0), p99.toFixed(0), ratio(p50, by?.p50), perSecond.toFixed(0), ratio(perSecond, by?.perSecond), whole(cpu), whole(mib)];
    console.log(`  ${name.padEnd(58)} ${columns.map((one) => one.padStart(8)).join(" ")}`);
  }
  printPeers(rows, load);
}

/** The gateway beside the best of its peers. */
function printPeers(rows: readonly (Turn & { readonly name: string })[], { inFlight }: Load): void {
  const own = rows.find(({ name }) => name === GATEWAY);
  const peers = rows.filter(({ name }) => name.startsWith("peer"));
  if (own === undefined || peers.length === 0) return;
  const fastest = Math.min(...peers.map(({ p50 }) => p50));
  const most = Math.max(...peers.map(({ perSecond }) => perSecond));
  const cpu = Math.min(...peers.map(({ cpu: one }) => one));
  const speed = inFlight === 1 ? `p50 ${ratio(own.p50, fastest)} the fastest peer` : `calls/s ${ratio(own.perSecond, most)} the best peer`;
  console.log(`  gateway: ${speed}, CPU ${ratio(own.cpu, cpu)} the leanest\n`);
}

const ratio = (value: number, base: number | undefined): string => `${(value / (base ?? Number.NaN)).toFixed(2)}×`;
const whole = (value: number): string => (Number.isNaN(value) ? "–" : value.toFixed(0));

function medians(turns: readonly Turn[]): Turn {
  const of = (what: keyof Turn): number => quantile(turns.map((one) => one[what]), 0.5);
  return { p50: of("p50"), p99: of("p99"), perSecond: of("perSecond"), cpu: of("cpu") };
}

async function turn(caller: HttpCaller, program: Program | undefined, { bytes, calls, inFlight }: Load): Promise<Turn> {
  const text = "x".repeat(bytes);
  const times: number[] = [];
  const pid = program?.pid ?? 0;
  const before = cpuMicroseconds(pid);
  const started = performance.now();
  let left = calls;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left-- > 0) {
        const start = performance.now();
        await caller.call(text);
        times.push((performance.now() - start) * 1_000);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  await new Promise((resolve) => setTimeout(resolve, 150)); // the last flush of the record
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond: calls / seconds, cpu: (cpuMicroseconds(pid) - before) / calls };
}
