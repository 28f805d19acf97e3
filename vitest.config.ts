import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const shared = {
  exclude: ["**/node_modules/**", "**/dist/**", "**/.scratch/**"],
  setupFiles: ["./test/leftovers.ts", "./test/one-seed.ts"],
  // A test waits at most 10 seconds by itself; the rest is for a slow, shared machine.
  // The long runs (`npm run conformance -- --long`) work as long as they work.
  testTimeout: process.env["COUNTERSIGN_LONG"] === undefined ? 30_000 : 1_800_000,
  hookTimeout: 60_000,
  // What is polled for comes when it comes: the usual second is too short for a machine that stops now and then.
  expect: { poll: { timeout: 9_000 } },
  unstubEnvs: true,
  unstubGlobals: true,
  restoreMocks: true,
};

export default defineConfig({
  test: {
    // A process per file: suites start servers, take signals and count what is left open.
    pool: "forks",
    // Two also on one core: much of the time is waiting for other processes.
    maxWorkers: Math.max(2, Math.min(4, availableParallelism())),
    reporters: [process.env["CI"] === undefined ? "default" : "dot", "./tools/suite-reporter.mjs"],
    // What a test may leave open on purpose; see test/leftovers.ts.
    tags: [
      { name: "leaves-timers", description: "may leave timers behind" },
      { name: "leaves-sockets", description: "may leave sockets, servers and pipes behind" },
      { name: "leaves-processes", description: "may leave child processes and their pipes behind" },
    ],
    projects: [
      {
        test: { ...shared, name: "packages", include: ["packages/**/src/**/*.test.{ts,tsx}", "tools/*.test.ts", "test/*.test.ts"] },
      },
      { test: { ...shared, name: "examples", include: ["examples/**/*.test.ts"], sequence: { groupOrder: 1 } } },
      { test: { ...shared, name: "conformance", include: ["conformance/**/*.test.ts"], sequence: { groupOrder: 2 } } },
    ],
  },
});
