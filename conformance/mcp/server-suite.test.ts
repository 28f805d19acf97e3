/**
 * The official conformance suite sees through the gateway what it sees without it: the same checks with the same ends, scenario by scenario,
 * before an HTTP upstream and before a process, also where a person approves every single tool call.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALLOW_ALL } from "../gateway/real-servers.ts";
import { startHttpGateway, type HttpProgram } from "../gateway/http-gateway.ts";
import { startApprover, type Approver } from "./approver.ts";
import { FIXTURE_STDIO, startFixtureHttp } from "./fixture-server.ts";
import { startLossyProxy } from "./lossy-proxy.ts";
import { runServerSuite, SUITE_NAMES, SUITES, type SuiteName, type SuiteReport } from "./official-suite.ts";

const isConformance = process.env["COUNTERSIGN_CONFORMANCE"] !== undefined;
const WHY_NOT = "the official suite is installed by `npm run conformance`";
/** The suite's own time-outs are longer than a test of ours may take. */
const SUITE_MS = 200_000;

/** A process has no streams that it could close: what the suite wants to see of that is not there to be seen. It does not count. */
const NOT_BEFORE_A_PROCESS: readonly string[] = ["server-sse-polling"];
const HOLD_MS = 150;
const HOLD_ALL = `version: 1
default: allow
policies:
  - name: hold-everything
    match: mcp:*:*
    action: block
    reason: Everything is looked at
`;

interface Row {
  readonly way: string;
  readonly suite: SuiteName;
  readonly report: SuiteReport;
}
const rows: Row[] = [];
const direct = new Map<SuiteName, SuiteReport>();
let home: string;
let fixture: HttpProgram;
let approver: Approver;

beforeAll(async () => {
  if (!isConformance) return;
  home = mkdtempSync(join(tmpdir(), "countersign-mcp-"));
  writeFileSync(join(home, "allow.yaml"), ALLOW_ALL);
  fixture = await startFixtureHttp();
  approver = await startApprover(HOLD_ALL, HOLD_MS);
  for (const suite of SUITE_NAMES) direct.set(suite, await run("direct", suite, fixture.url));
}, SUITE_MS);
afterAll(async () => {
  if (!isConformance) return;
  printTable();
  await approver.close();
  await fixture.close();
  rmSync(home, { recursive: true, force: true });
});

async function run(way: string, suite: SuiteName, url: string): Promise<SuiteReport> {
  const report = await runServerSuite(suite, url);
  rows.push({ way, suite, report });
  return report;
}

function printTable(): void {
  const ways = [...new Set(rows.map(({ way }) => way))];
  const cell = (way: string, suite: SuiteName): string => {
    const report = rows.find((row) => row.way === way && row.suite === suite)?.report;
    return report === undefined ? "–" : `${report.passed}/${report.failed}${report.warned > 0 ? ` (${report.warned} warned)` : ""}`;
  };
  const lines = [["", ...SUITE_NAMES], ...ways.map((way) => [way, ...SUITE_NAMES.map((suite) => cell(way, suite))])];
  process.stdout.write(`\n${lines.map(([name = "", ...cells]) => name.padEnd(40) + cells.map((text) => text.padEnd(20)).join("")).join("\n")}\n\n`);
}

/** What differs, scenario by scenario. Tasks are an extension that the server of this folder does not have: what is said there is said about nothing. */
function differences(expected: SuiteReport, seen: SuiteReport): readonly string[] {
  const names = new Set([...expected.scenarios.keys(), ...seen.scenarios.keys()]);
  return [...names].filter((name) => !name.startsWith("tasks-")).flatMap((name) => {
    const [was, is] = [expected.scenarios.get(name), seen.scenarios.get(name)];
    if (was === undefined || is === undefined) return [`${name}: ran ${was === undefined ? "only behind the gateway" : "only direct"}`];
    // Who makes sure of the host itself may be better there than the server alone.
    if (name === "dns-rebinding-protection" && is.failed <= was.failed && is.passed >= was.passed) return [];
    const lost = without(was.checks, is.checks);
    const other = without(is.checks, was.checks);
    // A check that had nothing to look at before, and passes where there is a stream.
    const found = other.length === lost.length && other.every((check, index) => check.endsWith(": SUCCESS") && lost[index] === check.replace(/SUCCESS$/, "INFO"));
    return lost.length + other.length === 0 || found ? [] : [`${name}: ${was.passed}/${was.failed} became ${is.passed}/${is.failed}`, ...lost.map((check) => `${name} - ${check}`), ...other.map((check) => `${name} + ${check}`)];
  });
}

/** `all` without one for each of `some`. */
function without(all: readonly string[], some: readonly string[]): readonly string[] {
  const left = [...some];
  return all.filter((check) => {
    const at = left.indexOf(check);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

it.for(SUITE_NAMES)("%s, direct: the server of this folder has every check that counts", (suite, { skip }) => {
  skip(!isConformance, WHY_NOT);
  const report = direct.get(suite);
  expect([report?.passed, report?.failed, report?.warned]).toEqual([SUITES[suite].checks, 0, 0]);
});

it("a relay that loses progress is seen", { timeout: SUITE_MS }, async ({ skip }) => {
  skip(!isConformance, WHY_NOT);
  const lossy = await startLossyProxy(fixture.url);
  try {
    const report = await runServerSuite("0.1.16", lossy.url);
    expect(report.failed).toBeGreaterThan(0);
    expect(differences(directReport("0.1.16"), report)).toContain("tools-call-with-progress: 1/0 became 0/1");
  } finally {
    lossy.close();
  }
});

function directReport(suite: SuiteName): SuiteReport {
  const report = direct.get(suite);
  if (report === undefined) throw new Error("the direct run comes first");
  return report;
}

const alone = (): readonly string[] => ["--name", "fixture", "--policies", join(home, "allow.yaml"), "--no-control-plane", "--dir", join(home, "state")];
const asking = (): readonly string[] => ["--name", "fixture", "--dir", approver.plane.directory];
const WAYS = [
  { way: "HTTP before HTTP", stdio: false, held: false },
  { way: "HTTP before a process", stdio: true, held: false },
  { way: `HTTP before HTTP, held ${HOLD_MS} ms`, stdio: false, held: true },
  { way: `HTTP before a process, held ${HOLD_MS} ms`, stdio: true, held: true },
];

describe.each(WAYS)("$way", ({ way, stdio, held }) => {
  let gateway: HttpProgram;
  beforeAll(async () => {
    if (isConformance) gateway = await startHttpGateway(stdio ? { command: FIXTURE_STDIO } : { url: fixture.url }, held ? asking() : alone());
  });
  afterAll(async () => {
    if (isConformance) await gateway.close();
  });

  it.for(SUITE_NAMES)("%s: every check has the end that it has without the gateway", { timeout: SUITE_MS }, async (suite, { skip }) => {
    skip(!isConformance, WHY_NOT);
    const approvedBefore = approver.approved();
    const expected = directReport(suite);
    const differs = (report: SuiteReport): readonly string[] =>
      differences(expected, report).filter((line) => / [-+] /.test(line) && !(stdio && NOT_BEFORE_A_PROCESS.some((name) => line.startsWith(name))));
    const report = await run(way, suite, gateway.url);
    // Some checks wait half a second, which a busy machine may take: what differs, differs twice.
    const once = differs(report);
    const twice = once.length === 0 ? once : differs(await runServerSuite(suite, gateway.url));
    const different = once.filter((line) => twice.includes(line));
    expect(different).toEqual([]);
    // More than direct where a stream gives a check something to look at.
    if (once.length === different.length) expect(report.passed).toBeGreaterThanOrEqual(SUITES[suite].checks);
    // Every tool call that the suite made was put to a person, and nothing else was.
    if (held) expect(approver.approved() - approvedBefore).toBeGreaterThan(10);
  });
});
