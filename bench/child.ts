/** One case in a process of its own. The parent says when it is its turn; what the case left for later counts as its CPU. */
import { openCase, type CaseOptions } from "./cases.ts";

export interface Turn {
  /** Median of one call, microseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU of this process for one call, microseconds, flushes included. */
  readonly cpu: number;
}

process.once("message", (options) => void serve(options as CaseOptions));

async function serve(options: CaseOptions): Promise<void> {
  const running = await openCase(options);
  process.on("message", (message) => {
    // The parent sends a number of calls, or "end".
    if (message === "end") void running.close().then(() => process.disconnect());
    else void takeTurn(running.call, Number(message)).then((turn) => process.send?.(turn));
  });
  process.send?.("ready");
}

async function takeTurn(call: () => Promise<unknown>, calls: number): Promise<Turn> {
  const times = new Float64Array(calls);
  const before = process.cpuUsage();
  for (let index = 0; index < calls; index++) {
    const start = performance.now();
    await call();
    times[index] = performance.now() - start;
    // An in-memory round trip never leaves the microtask queue; real calls do, and timers, flushes and exports run in between.
    if (index % 32 === 31) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 150)); // the last flush and export
  const { user, system } = process.cpuUsage(before);
  times.sort();
  return { p50: (times[calls >> 1] ?? 0) * 1000, p99: (times[Math.floor(calls * 0.99)] ?? 0) * 1000, cpu: (user + system) / calls };
}
