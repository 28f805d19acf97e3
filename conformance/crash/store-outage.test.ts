/** R32: while the store is gone, a held call is refused within two seconds or waits on; what was acknowledged is there afterwards, once. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTestPostgres, type OwnServer, type TestPostgres } from "../../packages/server/src/store/fixture/test-postgres.ts";
import { findDiscrepancies } from "./fixture/check-record.ts";
import { callDirectly, type DirectCall } from "./fixture/direct-call.ts";
import { makeInstallation, type Installation } from "./fixture/installation.ts";
import { until, type Person, type Request } from "./fixture/person.ts";
import { openWorld, type World } from "./fixture/world.ts";

const LONG = process.env["COUNTERSIGN_LONG"] !== undefined;
const KILLS = LONG ? 50 : 3;
const STOPPED_MS = LONG ? 30_000 : 4_000;
const WAITING = 5;
/** Two seconds, and what a loaded machine adds. */
const REFUSED_WITHIN_MS = 3_500;

let postgres: TestPostgres | { readonly missing: string };
const installations: Installation[] = [];
let world: World | undefined;
let disk: string | undefined;
let calls = 0;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterEach(async () => {
  await world?.close();
  world = undefined;
  if (disk !== undefined) spawnSync("umount", ["-l", disk]);
  if (disk !== undefined) rmSync(disk, { recursive: true, force: true });
  disk = undefined;
});
afterAll(async () => {
  for (const installation of installations) installation.close();
  if (!("missing" in postgres)) await postgres.stop();
});

async function installed(onPostgres?: TestPostgres): Promise<Installation> {
  const installation = await makeInstallation(onPostgres);
  installations.push(installation);
  return installation;
}

function startCalls(socket: string, count: number): readonly DirectCall[] {
  return Array.from({ length: count }, () => callDirectly(socket, { content: "x", path: `/outage/${(calls += 1)}` }));
}

/** Calls that wait for a person, and the questions about them. */
async function waitingCalls(socket: string, person: Person, count: number): Promise<{ readonly waiting: readonly DirectCall[]; readonly requests: readonly Request[] }> {
  const known = new Set((await person.requests()).map(({ id }) => id));
  const waiting = startCalls(socket, count);
  const requests = await until(
    async () => {
      const found = (await person.requests()).filter(({ id }) => !known.has(id));
      return found.length === count ? found : undefined;
    },
    () => "not all were asked about",
  );
  return { waiting, requests };
}

/** What calls get that are made now, and how long the slowest took. */
async function refusals(socket: string, count: number): Promise<{ readonly answers: readonly string[]; readonly slowestMs: number }> {
  const since = performance.now();
  const answers = await Promise.all(startCalls(socket, count).map(({ answer }) => answer));
  return { answers, slowestMs: performance.now() - since };
}

async function approveAll(person: Person, requests: readonly Request[]): Promise<void> {
  for (const request of requests) await until(async () => ((await person.vote(request)) === 200 ? true : undefined), () => "no vote was taken");
}

const unavailable = (count: number): readonly string[] => Array.from({ length: count }, () => "refused: control_plane_unavailable");
const results = (count: number): readonly string[] => Array.from({ length: count }, () => "result");

async function expectNothingLost({ person, sightings }: World, completed: number): Promise<void> {
  const requests = await until(
    async () => {
      const all = await person.requests();
      return all.filter(({ state }) => state === "completed").length === completed ? all : undefined;
    },
    () => `not ${completed} are completed`,
  );
  expect(sightings()).toHaveLength(completed);
  expect(await findDiscrepancies(person, requests, sightings(), false)).toEqual([]);
}

describe("PostgreSQL", () => {
  async function begin(): Promise<{ readonly missing: string } | { readonly parts: World; readonly own: OwnServer; readonly socket: string }> {
    if ("missing" in postgres) return postgres;
    if (postgres.own === undefined) return { missing: "the PostgreSQL of COUNTERSIGN_TEST_POSTGRES_URL is not ours to kill" };
    world = await openWorld({ installation: await installed(postgres) });
    return { parts: world, own: postgres.own, socket: (await world.startAgent()).socket };
  }

  it(`is killed with SIGKILL ${KILLS} times under load`, { timeout: LONG ? 1_800_000 : 60_000 }, async ({ skip }) => {
    const started = await begin();
    if ("missing" in started) return skip(started.missing);
    const { parts, own, socket } = started;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const { waiting, requests } = await waitingCalls(socket, parts.person, WAITING);
      await own.kill();
      const { answers, slowestMs } = await refusals(socket, 3);
      expect(answers).toEqual(unavailable(3));
      expect(slowestMs).toBeLessThan(REFUSED_WITHIN_MS);
      await own.restart();
      const since = performance.now();
      await approveAll(parts.person, requests);
      expect(await Promise.all(waiting.map(({ answer }) => answer))).toEqual(results(WAITING));
      expect(performance.now() - since).toBeLessThan(10_000);
    }
    await expectNothingLost(parts, KILLS * WAITING);
    return undefined;
  });

  it(`hangs for ${STOPPED_MS / 1_000} s: who waits goes on, who asks is refused, a yes given before counts afterwards`, { timeout: 120_000 }, async ({ skip }) => {
    const started = await begin();
    if ("missing" in started) return skip(started.missing);
    const { parts, own, socket } = started;
    const claim = parts.agentGate.hold({ where: "request", path: /\/claim$/ });
    const early = await waitingCalls(socket, parts.person, 1);
    const approved = { content: "x", path: `/outage/${calls}` };
    await approveAll(parts.person, early.requests);
    await claim.reached();
    const { waiting, requests } = await waitingCalls(socket, parts.person, WAITING);
    await own.signal("SIGSTOP");
    try {
      const end = sleep(STOPPED_MS);
      const { answers, slowestMs } = await refusals(socket, 3);
      expect(answers).toEqual(unavailable(3));
      expect(slowestMs).toBeLessThan(REFUSED_WITHIN_MS);
      await end;
    } finally {
      await own.signal("SIGCONT");
    }
    claim.release();
    await approveAll(parts.person, requests);
    expect(await Promise.all(waiting.map(({ answer }) => answer))).toEqual(results(WAITING));
    // Its claim is tried for ten seconds; after a longer outage the same call, sent again, still has its yes.
    const [first] = await Promise.all(early.waiting.map(({ answer }) => answer));
    if (LONG) expect(first === "result" ? first : await callDirectly(socket, approved).answer).toBe("result");
    else expect(first).toBe("result");
    // A question that was refused while it hung may have been written when it went on; nobody answered it, and nothing ran.
    await expectNothingLost(parts, WAITING + 1);
    return undefined;
  });
});

describe("the embedded store", () => {
  it("its disk is full: held calls are refused, and it goes on once there is room", { timeout: 60_000 }, async ({ skip }) => {
    disk = mkdtempSync(join(tmpdir(), "countersign-full-"));
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], { encoding: "utf8" });
    if (mounted.status !== 0) return skip(`no small disk: ${mounted.error?.message ?? mounted.stderr.trim()} (it needs root)`);
    const installation = await installed();
    const own = join(disk, "state");
    const onDisk: Installation = {
      ...installation,
      async copy() {
        const made = await installation.copy();
        mkdirSync(own, { mode: 0o700 });
        cpSync(made.directory, own, { recursive: true });
        return { ...made, directory: own };
      },
    };
    world = await openWorld({ installation: onDisk });
    const { socket } = await world.startAgent();
    const { waiting, requests } = await waitingCalls(socket, world.person, 2);
    fill(join(disk, "filler"));
    const { answers, slowestMs } = await refusals(socket, 2);
    expect(answers).toEqual(unavailable(2));
    expect(slowestMs).toBeLessThan(REFUSED_WITHIN_MS);
    rmSync(join(disk, "filler"));
    await approveAll(world.person, requests);
    expect(await Promise.all(waiting.map(({ answer }) => answer))).toEqual(results(2));
    await expectNothingLost(world, 2);
    return undefined;
  });

  it("its process hangs: held calls are refused, and it goes on where it was", async () => {
    world = await openWorld({ installation: await installed() });
    const { socket } = await world.startAgent();
    const { waiting, requests } = await waitingCalls(socket, world.person, 2);
    world.control.program.signal("SIGSTOP");
    const { answers, slowestMs } = await refusals(socket, 2);
    world.control.program.signal("SIGCONT");
    expect(answers).toEqual(unavailable(2));
    expect(slowestMs).toBeLessThan(REFUSED_WITHIN_MS);
    await approveAll(world.person, requests);
    expect(await Promise.all(waiting.map(({ answer }) => answer))).toEqual(results(2));
  });
});

/** Until nothing more goes on the disk. */
function fill(path: string): void {
  for (let size = 1024 * 1024; size >= 512; size /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: "a" });
    } catch {
      // Not that much any more: less.
    }
  }
}
