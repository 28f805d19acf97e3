/**
 * R25 with the clients that people use, at their defaults: whatever a person does and whenever, the program behind the client is told
 * something definite, nothing runs twice, and after an approval the same call runs once. `npm run conformance` runs them all in real time,
 * which takes eleven minutes; `npm test` the official clients, where people and the gateway are sixty times faster and no client's limit is met.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt } from "../crash/fixture/person.ts";
import { startHttpGateway, type HttpProgram } from "../gateway/http-gateway.ts";
import { gatewayBefore } from "../gateway/real-servers.ts";
import { CASES, policyOf, runCase, startDecider, type Course, type Decider } from "./cases.ts";
import { startClient, type ClientProcess } from "./client-process.ts";
import { OFFICIAL, PEERS, pinnedVersion } from "./peers.ts";

const isConformance = process.env["COUNTERSIGN_CONFORMANCE"] !== undefined;
const SCALE = isConformance ? 1 : 1 / 60;
const HOLD_S = 45 * SCALE;
const LONGEST_MS = 15 * 60_000 * SCALE + 30_000;
const RUNS = (isConformance ? [...PEERS, ...OFFICIAL] : OFFICIAL).flatMap(({ fronts, ...peer }) => fronts.map((front) => ({ ...peer, front })));
type Run = (typeof RUNS)[number];

const WITNESS = fileURLToPath(new URL("../mcp/fixture/witness-server.ts", import.meta.url));
let home: string;
let plane: RunningControlPlane;
let decider: Decider;
let http: HttpProgram;
let courses: ReadonlyMap<Run, readonly Course[] | Error>;

const witnessFile = (): string => join(home, "witness");
const options = (): readonly string[] => ["--name", "notes", "--agent", "tester", "--hold", String(HOLD_S), "--dir", plane.directory];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "countersign-peers-"));
  plane = await startControlPlane({ policy: policyOf(SCALE) });
  const { headers } = await signInOwner(plane.url, plane.directory);
  decider = startDecider(personAt(() => plane.url, headers));
  http = await startHttpGateway({ command: [process.execPath, WITNESS, witnessFile(), "stdio"] }, options());
  // One after the other at first: some give a server five seconds to start.
  const started: { readonly run: Run; readonly client: Promise<ClientProcess> }[] = [];
  for (const run of RUNS) {
    const client = connect(run);
    await client.catch(() => undefined);
    started.push({ run, client });
  }
  courses = new Map(await Promise.all(started.map(async ({ run, client }) => [run, await client.then((running) => runAll(run, running)).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))] as const)));
  if (isConformance)   printTable();
}, LONGEST_MS);
afterAll(async () => {
  await decider.close();
  await http.close();
  await plane.remove();
  rmSync(home, { recursive: true, force: true });
});

async function connect({ client, front }: Run): Promise<ClientProcess> {
  const command = gatewayBefore([process.execPath, WITNESS, witnessFile(), "stdio"], options());
  const running = await startClient(client, front === "http" ? { url: http.url } : { command });
  // The gateway is there, and knows whom it asks, before the clocks are looked at.
  await running.call("read_notes", "none");
  return running;
}

/** All cases side by side, as a model does that calls several tools at once. */
async function runAll({ client, front }: Run, running: ClientProcess): Promise<readonly Course[]> {
  try {
    return await Promise.all(CASES.map((one, index) => runCase(one, running, `${client}-${front}-${index}`, decider, SCALE)));
  } finally {
    await running.close();
  }
}

const runsOf = (note: string): number => (existsSync(witnessFile()) ? readFileSync(witnessFile(), "utf8").split("\n") : []).filter((line) => line === JSON.stringify(note)).length;
const seconds = (ms: number): string => `${(ms / SCALE / 1_000).toFixed(0)} s`;
/** "pending 45 s, ran 26 s": what each call was told, and after how long. */
const tell = ({ answers }: Course): string => answers.map(({ kind, afterMs }) => `${kind} ${seconds(afterMs)}`).join(", ");

function printTable(): void {
  const lines = [["client", "front", ...CASES.map(({ name }) => name)].join(" | ")];
  for (const [{ package: name, front }, seen] of courses) lines.push([`${name} ${pinnedVersion(name)}`, front, ...(seen instanceof Error ? [seen.message.slice(0, 300)] : seen.map(tell))].join(" | "));
  process.stdout.write(`\n${lines.map((line) => `| ${line} |`).join("\n")}\n\n`);
}

describe.for(RUNS)("$package over $front", (run) => {
  it.for(CASES)("$name", ({ name, decided, again }) => {
    const seen = courses.get(run);
    if (seen === undefined || seen instanceof Error) throw seen ?? new Error("it did not run");
    const course = seen.find((one) => one.case.name === name);
    if (course === undefined) throw new Error("the case did not run");
    const { answers, note, repeated } = course;
    const kinds = answers.map(({ kind }) => kind);
    const expected = decided === undefined ? (again === "never" ? "pending" : "expired") : decided.choice === "approve" ? "ran" : "denied";
    expect(kinds.at(-1), JSON.stringify(answers, null, 1)).toBe(expected);
    expect(kinds.slice(0, -1).filter((kind) => kind !== "pending"), JSON.stringify(answers, null, 1)).toEqual([]);
    expect(runsOf(note)).toBe(expected === "ran" ? 1 : 0);
    // What was approved is spent: the same call once more is another question.
    expect(repeated?.kind).toBe(expected === "ran" ? "denied" : undefined);
  });
});
