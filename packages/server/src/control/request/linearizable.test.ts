import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../store/postgres-store.ts";
import { openSqliteStore } from "../../store/sqlite-store.ts";
import { startTestPostgres } from "../../store/fixture/test-postgres.ts";
import type { TestPostgres } from "../../store/fixture/test-postgres.ts";
import { decideAtOnce, DECIDERS, decideThrough, seeded, VOTERS } from "../fixture/decide-at-once.ts";
import type { Decider } from "../fixture/decide-at-once.ts";
import { decideMachine } from "../fixture/decide-machine.ts";
import type { Decision } from "../fixture/decide-machine.ts";
import { isLinearizable } from "../fixture/linearizable.ts";
import type { Operation } from "../fixture/linearizable.ts";
import { agentKey, openWorld, person, put } from "../fixture/world.ts";
import type { World } from "../fixture/world.ts";

const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
const isLong = process.env["COUNTERSIGN_LONG"] === "1";
const REQUESTS = isLong ? { one: 2_000, three: 2_000 } : { one: 120, three: 60 };
const LONG = isLong ? 3_600_000 : 120_000;

const op = (call: number, returned: number, kind: Decision["kind"], who: string, answer: string): Operation<Decision> => ({ call, return: returned, op: { kind, who }, answer });

describe("the checker", () => {
  const machine = decideMachine(2, false);
  it("accepts what could have happened one at a time", () => {
    expect(isLinearizable([op(0, 9, "approve", "a", "ended denied"), op(1, 2, "approve", "b", "ok"), op(3, 8, "deny", "c", "ok"), op(4, 5, "approve", "b", "ok")], machine)).toBe(true);
    expect(isLinearizable([op(0, 9, "approve", "a", "ok"), op(1, 9, "approve", "b", "ok"), op(2, 9, "approve", "c", "conflict approved"), op(3, 9, "cancel", "k", "ok"), op(3, 9, "deny", "d", "ended cancelled")], machine)).toBe(true);
    expect(isLinearizable([op(0, 1, "approve", "a", "ended expired")], decideMachine(1, true))).toBe(true);
  });

  it("refuses two winners, a loser who is told of another winner, an answer from the past, and an end that nobody brought about", () => {
    expect(isLinearizable([op(0, 9, "deny", "a", "ok"), op(0, 9, "deny", "b", "ok")], machine)).toBe(false);
    expect(isLinearizable([op(0, 9, "deny", "a", "ok"), op(0, 9, "approve", "b", "ended cancelled")], machine)).toBe(false);
    expect(isLinearizable([op(0, 1, "deny", "a", "ok"), op(2, 3, "approve", "b", "ok")], machine)).toBe(false);
    expect(isLinearizable([op(0, 1, "approve", "b", "ended expired")], machine)).toBe(false);
    expect(isLinearizable([op(0, 1, "approve", "a", "ok"), op(2, 3, "approve", "b", "ok"), op(4, 5, "approve", "c", "ok")], machine)).toBe(false);
  });
});

async function furnish({ ledger }: World): Promise<void> {
  await put(ledger, ...VOTERS.map((id) => person(id)), agentKey("k2"));
}

describe("R8: decide() is linearizable, and every loser is told the winner", () => {
  it(`for ${REQUESTS.one} requests and ${DECIDERS} deciders in one process on SQLite (seed ${seed})`, { timeout: LONG }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "decide-"));
    const store = await openSqliteStore({ path: join(folder, "countersign.db") });
    const world = await openWorld(store);
    try {
      await furnish(world);
      const deciders: readonly Decider[] = [{ decide: (request, decision) => decideThrough(world, request, decision) }];
      const { violations, ends, operations } = await decideAtOnce(world, { requests: REQUESTS.one, deciders, random: seeded(seed) });
      expect(violations).toEqual([]);
      expect(operations).toBe(REQUESTS.one * DECIDERS);
      // Each end came about, or the histories show nothing.
      expect([...ends.keys()]).toEqual(expect.arrayContaining(["approved", "denied"]));
    } finally {
      await world.close();
      await store.close();
      rmSync(folder, { recursive: true });
    }
  });

  describe("in three processes on one PostgreSQL", () => {
    let postgres: TestPostgres | { readonly missing: string };
    beforeAll(async () => void (postgres = await startTestPostgres()));
    afterAll(async () => void ("missing" in postgres || (await postgres.stop())));

    it(`for ${REQUESTS.three} requests and ${DECIDERS} deciders (seed ${seed})`, { timeout: LONG }, async ({ skip }) => {
      if ("missing" in postgres) return skip(postgres.missing);
      const url = await postgres.createDatabase();
      const store = await openPostgresStore({ url });
      const world = await openWorld(store);
      const children: ChildProcess[] = [];
      try {
        await furnish(world);
        const deciders = await Promise.all([1, 2, 3].map(() => startDecider(url, children)));
        const { violations, operations } = await decideAtOnce(world, { requests: REQUESTS.three, deciders, random: seeded(seed) });
        expect(violations).toEqual([]);
        expect(operations).toBe(REQUESTS.three * DECIDERS);
      } finally {
        await world.close();
        await store.close();
        for (const child of children) {
          const gone = once(child, "exit");
          child.disconnect();
          await gone;
        }
      }
    });
  });
});

async function startDecider(url: string, children: ChildProcess[]): Promise<Decider> {
  const child = fork(fileURLToPath(new URL("../fixture/decider-process.ts", import.meta.url)), [url], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  children.push(child);
  const open = new Map<number, (answer: string) => void>();
  let count = 0;
  const ready = new Promise<void>((resolve) => open.set(-1, () => resolve()));
  child.on("message", ({ number, answer }: { readonly number: number; readonly answer: string }) => {
    open.get(number)?.(answer);
    open.delete(number);
  });
  await ready;
  return {
    decide: (request, decision) =>
      new Promise((resolve) => {
        const number = count++;
        open.set(number, resolve);
        child.send({ number, request: { id: request.id, requestDigest: request.requestDigest }, decision });
      }),
  };
}
