/**
 * P17: what the gateway holds after many calls, over stdio and over HTTP: resident memory in the last quarter beside the first, and how the
 * heap grows, as V8 itself tells after a full collection (the gateway is started with its inspector on a private port).
 */
import { fileURLToPath } from "node:url";
import { printHead } from "../control/table.ts";
import { openHeap } from "./heap.ts";
import { openCaller } from "./http-caller.ts";
import { openStdioCaller } from "./stdio-caller.ts";
import { COUNTERSIGN, ECHO_SERVER, governed } from "./lines.ts";
import { freePort, residentMib, startProgram, startServer, untilServes } from "./program.ts";

const CALLS = 200_000;
const QUICK_CALLS = 20_000;
const SAMPLES = 40;
const IN_FLIGHT = 16;

interface Watched {
  readonly pid: number;
  readonly inspector: number;
  readonly call: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function measureMemory(scratch: string, isQuick: boolean): Promise<void> {
  const calls = isQuick ? QUICK_CALLS : CALLS;
  printHead(`P17 memory over ${calls} calls, ${IN_FLIGHT} in flight (goal last ÷ first quarter 1.10×, heap 20 B/call)`, "first MiB", "last MiB", "÷ first", "B/call");
  for (const [name, open] of [["stdio", overStdio], ["HTTP, session, sse", overHttp]] as const) {
    const watched = await open(scratch);
    try {
      const { first, last, slope } = await watch(watched, calls);
      const columns = [first.toFixed(0), last.toFixed(0), `${(last / first).toFixed(2)}×`, slope.toFixed(1)];
      console.log(`  ${name.padEnd(58)} ${columns.map((one) => one.padStart(8)).join(" ")}`);
    } finally {
      await watched.close();
    }
  }
  console.log();
}

async function watch({ pid, inspector, call }: Watched, calls: number): Promise<{ readonly first: number; readonly last: number; readonly slope: number }> {
  const heap = await openHeap(inspector);
  const text = "x".repeat(128);
  const run = async (count: number): Promise<void> => {
    let left = count;
    await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) await call(text);
    }));
  };
  await run(calls / 20); // compiled code, full pools
  const resident: number[] = [];
  const before = await heap.used();
  for (let sample = 0; sample < SAMPLES; sample++) {
    await run(calls / SAMPLES);
    resident.push(residentMib(pid));
  }
  const slope = ((await heap.used()) - before) / calls;
  heap.close();
  const quarter = SAMPLES / 4;
  return { first: mean(resident.slice(0, quarter)), last: mean(resident.slice(-quarter)), slope };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

async function overStdio(scratch: string): Promise<Watched> {
  const inspector = await freePort();
  const caller = await openStdioCaller([process.execPath, `--inspect=127.0.0.1:${inspector}`, COUNTERSIGN, "gateway", ...governed(scratch), "--", ...ECHO_SERVER]);
  return { ...caller, inspector };
}

async function overHttp(scratch: string): Promise<Watched> {
  const inspector = await freePort();
  const port = await freePort();
  const server = await startServer([fileURLToPath(new URL("./http-server.ts", import.meta.url)), "session", "sse"]);
  const program = startProgram([`--inspect=127.0.0.1:${inspector}`, COUNTERSIGN, "gateway", ...governed(scratch), "--url", server.url, "--transport", "http", "--http", `127.0.0.1:${port}`]);
  const url = `http://127.0.0.1:${port}/filesystem/mcp`;
  await untilServes(url, program);
  const caller = await openCaller(url, "session");
  return {
    pid: program.pid,
    inspector,
    call: (text) => caller.call(text),
    async close() {
      caller.close();
      await program.stop();
      await server.stop();
    },
  };
}
