/** Two `countersign up` on one PostgreSQL behind a balancer are one control plane; either may die at any moment. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestPostgres, type TestPostgres } from "../../packages/server/src/store/fixture/test-postgres.ts";
import { findDiscrepancies } from "./fixture/check-record.ts";
import { callDirectly } from "./fixture/direct-call.ts";
import { POLICY, signInOwner } from "./fixture/installation.ts";
import { personAt, until, type Headers, type Person, type Request } from "./fixture/person.ts";
import { startProgram, type Program } from "./fixture/program.ts";
import { openRoundRobin, type RoundRobin } from "./fixture/round-robin.ts";
import { startUp, type UpProcess } from "./fixture/up-process.ts";
import { readSightings } from "./fixture/world.ts";

const KILLS = process.env["COUNTERSIGN_LONG"] === undefined ? 4 : 50;
const AT_ONCE = 6;

let postgres: TestPostgres | { readonly missing: string };
let folder: string;
let balancer: RoundRobin;
let env: NodeJS.ProcessEnv;
let databaseUrl: string;
let instances: UpProcess[] = [];
const programs: Program[] = [];
let headers: Headers;
let apiKey: string;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  if ("missing" in postgres) return;
  folder = mkdtempSync(join(tmpdir(), "countersign-two-"));
  writeFileSync(join(folder, "policy.yaml"), POLICY);
  env = { COUNTERSIGN_MASTER_KEY: randomBytes(32).toString("base64") };
  databaseUrl = await postgres.createDatabase();
  balancer = await openRoundRobin();
  instances = [await start(0), await start(1)];
  ({ apiKey, headers } = await signInOwner(urlOf(0), join(folder, "0"), balancer.url));
});
afterEach(async () => {
  await Promise.all([...programs.splice(0).map((program) => program.kill()), ...instances.splice(0).map((instance) => instance.kill())]);
  if ("missing" in postgres) return;
  await balancer.close();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

/** The first puts the policy in force; all say that people reach them through the balancer. */
async function start(index: number): Promise<UpProcess> {
  const instance = await startUp(join(folder, String(index)), ["--postgres", databaseUrl, "--public-url", balancer.url, ...(index === 0 ? ["--policies", join(folder, "policy.yaml")] : [])], env);
  instances[index] = instance;
  balancer.targets = instances.map(({ port }) => port);
  return instance;
}

function urlOf(index: number): string {
  return `http://127.0.0.1:${instances[index]?.port}`;
}

/** A person whose browser is at that instance, or at the balancer. */
function personOf(url: () => string): Person {
  return personAt(url, headers, balancer.url);
}

async function startAgent(controlPlane: string): Promise<{ readonly socket: string }> {
  const witness = startProgram("witness.ts", { file: join(folder, "witness.jsonl"), port: 0 });
  programs.push(witness);
  const upstream = `http://127.0.0.1:${String((await witness.said("ready"))["port"])}/mcp`;
  const agent = startProgram("agent.ts", { controlPlane, apiKey, upstream, socket: join(folder, "agent"), record: join(folder, "record") });
  programs.push(agent);
  await agent.said("ready");
  return { socket: join(folder, "agent") };
}

const sightings = () => readSightings(join(folder, "witness.jsonl"));

describe("two instances on one PostgreSQL", () => {
  it("a request made on one is decided on the other, which wakes the waiter of the first", async ({ skip }) => {
    if ("missing" in postgres) return skip(postgres.missing);
    const { socket } = await startAgent(urlOf(0));
    const other = personOf(() => urlOf(1));
    const took: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const call = callDirectly(socket, { content: "x", path: `/there/${turn}` });
      const request = await other.sees("pending");
      const since = performance.now();
      expect(await other.vote(request)).toBe(200);
      expect(await call.answer).toBe("result");
      took.push(performance.now() - since);
    }
    // The slow poll, which stands in where hints do not come, takes up to a second.
    expect(took.toSorted((a, b) => a - b)[2]).toBeLessThan(900);
    expect(sightings()).toHaveLength(5);
    return undefined;
  });

  it(`either is killed ${KILLS} times while calls wait, are decided and run: nothing is lost and nothing doubled`, async ({ skip }) => {
    if ("missing" in postgres) return skip(postgres.missing);
    const { socket } = await startAgent(balancer.url);
    const person = personOf(() => balancer.url);
    const all: string[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const paths = Array.from({ length: AT_ONCE }, (_, index) => `/killed/${kill}/${index}`);
      all.push(...paths);
      const calls = paths.map((path) => callDirectly(socket, { content: "x", path }));
      const pending = await until(async () => {
        const found = (await person.requests()).filter(({ state }) => state === "pending");
        return found.length === AT_ONCE ? found : undefined;
      }, () => "not all were asked about");
      const votes = pending.map((request) => voteUntilHeard(person, request));
      await sleep(Math.random() * 60);
      await instances[kill % 2]?.kill();
      const answers = await Promise.all(calls.map(({ answer }) => answer));
      await Promise.all(votes);
      expect(answers).toEqual(paths.map(() => "result"));
      await start(kill % 2);
    }
    await until(async () => ((await person.requests()).every(({ state }) => state === "completed") ? true : undefined), () => "not all are completed");
    expect(new Set(sightings().map(({ arguments: sent }) => sent["path"]))).toEqual(new Set(all));
    expect(sightings()).toHaveLength(all.length);
    expect(await findDiscrepancies(person, await person.requests(), sightings(), false)).toEqual([]);
    return undefined;
  });

  it("one with another master key does not start, and says why; with none of its own it does neither", async ({ skip }) => {
    if ("missing" in postgres) return skip(postgres.missing);
    const args = ["--postgres", databaseUrl];
    for (const other of [{ COUNTERSIGN_MASTER_KEY: randomBytes(32).toString("base64") }, { COUNTERSIGN_MASTER_KEY: "" }]) {
      await expect(startUp(join(folder, "other"), args, other)).rejects.toThrow("this store is under another installation key");
    }
    return undefined;
  });
});

/** The instance that was asked may die before it answers; the same vote again is the same vote. */
async function voteUntilHeard(person: Person, request: Request): Promise<void> {
  const isHeard = (status: number | undefined): boolean => status !== undefined && status !== 429 && status < 500;
  await until(async () => (isHeard(await person.vote(request)) ? true : undefined), () => "no vote was heard");
}
