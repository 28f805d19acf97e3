// `npm test`: everything CI runs. The checks, then every test file; then what each suite took, what was skipped and
// why, and once more what failed; last, alone on its line, `N passed, N failed`. Ends with 0 only if nothing failed and
// something ran.
// With arguments (`npm test -- packages/sdk/src/policy`) only those test files, without the checks.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { printCheck, runChecks } from "./check.mjs";
import { runChild } from "./child.mjs";
import { ROOT, SetUpError, setUp } from "./set-up.mjs";

/**
 * @typedef {import("./suite-reporter.mjs").RunReport} RunReport
 * @typedef {import("./suite-reporter.mjs").SuiteResult} SuiteResult
 * @typedef {{ name: string, seconds: number, passed: number, failed: number, skipped: number }} Row
 */

/** For the whole run on two cores; a run that takes longer is stopped, and has failed. */
const BUDGET_SECONDS = 60 * Number(process.env["COUNTERSIGN_TEST_BUDGET_MINUTES"] ?? 20);
/**
 * What random tests draw from: the same in each run, so that a red run is one of the change it is about. Every run of
 * `npm run conformance` draws anew, and so does this one with another COUNTERSIGN_SEED.
 */
const SEED = process.env["COUNTERSIGN_SEED"] ?? "20261126";
const REPORT = join(ROOT, ".scratch", "test-report.json");

const started = performance.now();
const elapsedSeconds = () => (performance.now() - started) / 1000;
const filters = process.argv.slice(2);

const checks = filters.length === 0 ? await runChecks(printCheck) : await buildOnly();
const report = await runVitest();
const problems = findProblems(report);
printSuites([
  ...checks.map(({ name, passed, seconds }) => row(`check: ${name}`, seconds, passed ? 1 : 0, passed ? 0 : 1)),
  ...groupByFolder(report?.suites ?? []),
  ...problems.map((problem) => row(problem, 0, 0, 1)),
]);

/** @returns {Promise<readonly import("./check.mjs").CheckResult[]>} */
async function buildOnly() {
  try {
    await setUp({ build: true });
    return [];
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    return [{ name: "types", passed: false, seconds: elapsedSeconds(), output: error.message }];
  }
}

/** @returns {Promise<RunReport | undefined>} */
async function runVitest() {
  mkdirSync(dirname(REPORT), { recursive: true });
  rmSync(REPORT, { force: true });
  await runChild(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--allowOnly=false", ...filters], {
    cwd: ROOT,
    env: { ...process.env, COUNTERSIGN_TEST_REPORT: REPORT, COUNTERSIGN_SEED: SEED },
    show: true,
    timeoutMs: Math.max(1, BUDGET_SECONDS - elapsedSeconds()) * 1000,
  });
  if (!existsSync(REPORT)) return undefined;
  return JSON.parse(readFileSync(REPORT, "utf8"));
}

/**
 * What went wrong beside failed tests; each counts as one failure.
 * @param {RunReport | undefined} run
 * @returns {readonly string[]}
 */
function findProblems(run) {
  const found = [];
  if (run === undefined) found.push("the test run ended without a result");
  else {
    if (run.suites.every(({ passed, failed }) => passed + failed === 0)) found.push("no test was executed");
    if (run.unhandledErrors.length > 0) found.push(`${run.unhandledErrors.length} errors outside of any test`);
    // A filter by name skips the rest; without one, a skip has a reason or is a mistake.
    const silent = filters.length > 0 ? [] : run.suites.flatMap((suite) => silentSkips(suite));
    found.push(...silent.map((name) => `skipped without a reason: ${name}`));
  }
  if (elapsedSeconds() > BUDGET_SECONDS) found.push("over the budget: the run was stopped");
  return found;
}

/** @param {SuiteResult} suite */
function silentSkips({ file, failed, skipped }) {
  // Where a hook failed, the tests behind it did not run: that failure is counted already.
  return failed > 0 ? [] : skipped.filter(({ reason }) => !reason).map(({ name }) => `${file} > ${name}`);
}

/**
 * Unit tests by folder; examples and conformance by file, since each of those is a story of its own.
 * @param {readonly SuiteResult[]} suites
 * @returns {readonly Row[]}
 */
function groupByFolder(suites) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  for (const { file, seconds, passed, failed, skipped } of suites) {
    const name = /^(examples|conformance)\//.test(file) ? file : dirname(file);
    const sum = rows.get(name) ?? row(name, 0, 0, 0);
    rows.set(name, {
      name,
      seconds: sum.seconds + seconds,
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped.length,
    });
  }
  return [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param {string} name
 * @param {number} seconds
 * @param {number} passed
 * @param {number} failed
 * @returns {Row}
 */
function row(name, seconds, passed, failed) {
  return { name, seconds, passed, failed, skipped: 0 };
}

/** @param {readonly Row[]} rows */
function printSuites(rows) {
  const width = Math.max(30, ...rows.map(({ name }) => name.length));
  const lines = ["", `${"suite".padEnd(width)}  seconds  passed  failed  skipped`];
  for (const { name, seconds, passed, failed, skipped } of rows) {
    const numbers = [passed, failed, skipped].map((number, index) => String(number).padStart(index === 2 ? 9 : 8)).join("");
    lines.push(`${name.padEnd(width)}  ${seconds.toFixed(1).padStart(7)}${numbers}`);
  }
  lines.push("", `${elapsedSeconds().toFixed(1)} s of a budget of ${BUDGET_SECONDS} s (suites run side by side)`);
  for (const { file, skipped } of report?.suites ?? []) lines.push(...skipLines(file, skipped));
  lines.push(...failureLines());
  const passed = rows.reduce((sum, next) => sum + next.passed, 0);
  const failed = rows.reduce((sum, next) => sum + next.failed, 0);
  lines.push(`${passed} passed, ${failed} failed`, "");
  process.stdout.write(lines.join("\n"));
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

/** What failed, with its message: the place where it failed first is thousands of lines above, and CI may cut those off. */
function failureLines() {
  const failed = (report?.suites ?? []).flatMap(({ file, failures }) => failures.map(({ name, message }) => `failed: ${file} > ${name}\n${message}`));
  const outside = (report?.unhandledErrors ?? []).map((message) => `outside of any test: ${message}`);
  const unmetChecks = checks.filter(({ passed }) => !passed).map(({ name, output }) => `check failed: ${name}\n${output.slice(-2_000)}`);
  return [...unmetChecks, ...failed, ...outside].map((text) => `\n${text}`);
}

/**
 * A line for each skipped test, or one for a file's many that were skipped for one reason.
 * @param {string} file
 * @param {readonly { readonly name: string, readonly reason: string | null }[]} skipped
 * @returns {readonly string[]}
 */
function skipLines(file, skipped) {
  const byReason = Map.groupBy(skipped, ({ reason }) => reason ?? "");
  return [...byReason].flatMap(([reason, tests]) => {
    if (reason === "") return [];
    return tests.length > 3 ? [`skipped: ${file}, ${tests.length} tests: ${reason}`] : tests.map(({ name }) => `skipped: ${file} > ${name}: ${reason}`);
  });
}
