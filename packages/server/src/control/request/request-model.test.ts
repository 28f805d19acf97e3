import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomInt } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestPostgres } from "../../store/fixture/test-postgres.ts";
import type { TestPostgres } from "../../store/fixture/test-postgres.ts";
import { live, lives } from "../fixture/model-commands.ts";
import { ModelRun } from "../fixture/model-run.ts";
import { turnedMemory, turnedPostgres, turnedSqlite } from "../fixture/turned-stores.ts";
import type { TurnedStores } from "../fixture/turned-stores.ts";

// In the name of each test: COUNTERSIGN_SEED=… runs the same again.
const seed = Number(process.env["COUNTERSIGN_SEED"] ?? randomInt(2 ** 31));
const isLong = process.env["COUNTERSIGN_LONG"] === "1";
const RUNS = isLong ? { memory: 5_000, sqlite: 5_000, postgres: 5_000 } : { memory: 300, sqlite: 60, postgres: 30 };
const LONG = isLong ? 3_600_000 : 120_000;

let tenants = 0;

/** Each life has a tenant of its own. */
async function check(runs: number, stores: () => TurnedStores | Promise<TurnedStores>): Promise<number> {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(lives(60), async (commands) => {
      const { instances } = await stores();
      const run = await ModelRun.start({ instances, tenant: `t${++tenants}` });
      await live(run, commands);
      steps += run.steps;
    }),
    { numRuns: runs, seed, endOnFailure: false },
  );
  return steps;
}

describe("I1–I8: one claim, with the votes, never after an end; table and record agree; ends are for good; nobody waits for ever", () => {
  it(`in ${RUNS.memory} random lives on two instances in memory (seed ${seed})`, { timeout: LONG }, async () => {
    expect(await check(RUNS.memory, turnedMemory)).toBeGreaterThan(RUNS.memory * 5);
  });

  it(`in ${RUNS.sqlite} random lives on SQLite (seed ${seed})`, { timeout: LONG }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "model-"));
    const stores = await turnedSqlite(join(folder, "countersign.db"));
    try {
      expect(await check(RUNS.sqlite, () => stores)).toBeGreaterThan(RUNS.sqlite * 5);
    } finally {
      await stores.close();
      rmSync(folder, { recursive: true });
    }
  });

  describe("with two instances on PostgreSQL", () => {
    let postgres: TestPostgres | { readonly missing: string };
    beforeAll(async () => void (postgres = await startTestPostgres()));
    afterAll(async () => void ("missing" in postgres || (await postgres.stop())));

    it(`in ${RUNS.postgres} random lives (seed ${seed})`, { timeout: LONG }, async ({ skip }) => {
      if ("missing" in postgres) return skip(postgres.missing);
      const stores = await turnedPostgres(await postgres.createDatabase());
      try {
        expect(await check(RUNS.postgres, () => stores)).toBeGreaterThan(RUNS.postgres * 5);
      } finally {
        await stores.close();
      }
    });
  });
});
