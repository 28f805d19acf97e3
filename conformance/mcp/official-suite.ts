/**
 * The official conformance suite, in both versions that matter, as anybody runs it: its own program, its own count. What it says of each
 * check is read from the files it writes. Installed by `npm run conformance` alone, in conformance/clients.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What each has to find at the server of this folder, without anything in between. `checks` are those that count. */
export const SUITES = {
  "0.1.16": { program: "conformance-0.1", args: [], checks: 40 },
  "2025-11-25": { program: "conformance-0.2", args: ["--requirements", "2025-11-25"], checks: 70 },
  "2026-07-28": { program: "conformance-0.2", args: ["--requirements", "2026-07-28"], checks: 120 },
} as const;
export type SuiteName = keyof typeof SUITES;
export const SUITE_NAMES = Object.keys(SUITES) as readonly SuiteName[]; // its own keys

export interface Scenario {
  /** Extensions and what is pending run, and do not count. */
  readonly counts: boolean;
  readonly passed: number;
  readonly failed: number;
  /** `id: STATUS` of each check, in order, with what was wrong where something was. */
  readonly checks: readonly string[];
}

export interface SuiteReport {
  readonly scenarios: ReadonlyMap<string, Scenario>;
  readonly passed: number;
  readonly failed: number;
  /** Rules that should be kept, and were not: they count neither way. */
  readonly warned: number;
}

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

const programOf = (name: string): string => fileURLToPath(new URL(`../clients/node_modules/${name}/dist/index.js`, import.meta.url));
const SUITE_MS = 180_000;

export async function runServerSuite(name: SuiteName, url: string): Promise<SuiteReport> {
  const { program, args } = SUITES[name];
  return withDirectory(async (directory) => readReport(await runProgram(program, ["server", "--url", url, "-o", directory, ...args])));
}

/** One scenario of the client's side: the suite is the server, `command` the client that it starts. Answers what did not pass. */
export async function runClientScenario(scenario: string, version: string, command: string): Promise<{ readonly passed: number; readonly failures: readonly string[] }> {
  return withDirectory(async (directory) => {
    const printed = await runProgram("conformance-0.2", ["client", "--command", command, "--scenario", scenario, "--spec-version", version, "-o", directory]);
    const saved = /Results saved to (\S+)/.exec(printed)?.[1];
    if (saved === undefined) return { passed: 0, failures: [printed.slice(-2_000)] };
    const checks = readChecks(saved);
    const wrong = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
    return { passed: checks.filter(({ status }) => status === "SUCCESS").length, failures: wrong.map(describeCheck) };
  });
}

async function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "countersign-suite-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runProgram(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [programOf(program), ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" }, timeout: SUITE_MS });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await once(child, "close");
  return printed.replaceAll(/\u001b\[[0-9;]*m/g, "");
}

function readReport(printed: string): SuiteReport {
  if (!printed.includes("=== SUMMARY ===")) throw new Error(`the suite did not come to its end:\n${printed.slice(-4_000)}`);
  const uncounted = new Set([...printed.matchAll(/^\s+[✓✗] (\S+) \((?:extension|pending|added-after-release)\)/gm)].map(([, scenario]) => scenario));
  const saved = new Map([...printed.matchAll(/=== Running scenario: (\S+) ===\n(?:(?!=== ).*\n)*?Results saved to (\S+)/g)].map(([, scenario, directory]) => [scenario, directory]));
  const scenarios = new Map<string, Scenario>();
  for (const [, scenario = "", passed, failed] of printed.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gm)) {
    const directory = saved.get(scenario);
    const checks = directory === undefined ? [] : readChecks(directory).map(describeCheck);
    scenarios.set(scenario, { counts: !uncounted.has(scenario), passed: Number(passed), failed: Number(failed), checks });
  }
  const counted = [...scenarios.values()].filter(({ counts }) => counts);
  const sum = (of: (scenario: Scenario) => number): number => counted.reduce((total, scenario) => total + of(scenario), 0);
  return { scenarios, passed: sum(({ passed }) => passed), failed: sum(({ failed }) => failed), warned: sum(({ checks }) => checks.filter((check) => check.includes(": WARNING")).length) };
}

function readChecks(directory: string): readonly Check[] {
  return JSON.parse(readFileSync(join(directory, "checks.json"), "utf8")) as readonly Check[]; // the suite's own format
}

function describeCheck({ id, status, errorMessage }: Check): string {
  return status === "FAILURE" || status === "WARNING" ? `${id}: ${status} (${errorMessage ?? "no word"})` : `${id}: ${status}`;
}
