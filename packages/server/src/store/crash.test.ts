/** What was acknowledged is there after `kill -9` at any moment: of the process that commits, and of the database server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openSqliteDatabase } from "../sql/sqlite-database.ts";
import { assertIntact } from "./fixture/assert-intact.ts";
import { startCommitProcess } from "./fixture/commit-process.ts";
import { TENANT } from "./fixture/stored-rows.ts";
import { startTestPostgres } from "./fixture/test-postgres.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";
import { NO_ROWS } from "./stored-row.ts";

const LONG = process.env["COUNTERSIGN_LONG"] === "1";
const LOOPS = LONG ? 40 : 4;
const OPTIONS = { timeout: LONG ? 600_000 : 60_000 };

/** Between the first acknowledgement and the end, in milliseconds. */
const somewhere = () => sleep(20 + Math.random() * (LONG ? 800 : 200));

function report(name: string, loops: number, acknowledged: number, reopenedMs: readonly number[]): void {
  if (LONG) console.info(`${name}: ${loops} loops, ${acknowledged} rows acknowledged, 0 lost, reopened within ${Math.round(Math.max(...reopenedMs))} ms`);
}

/** What a process that was stopped had sent may still be written. */
async function headAtRest(store: Store): Promise<void> {
  for (let [before, now] = [-1, 0]; before !== now; ) {
    before = now;
    await sleep(150);
    now = (await store.readHead(TENANT)).seq;
  }
}

describe("a store whose process is killed at any moment", () => {
  it(`SQLite: loses nothing that was acknowledged, keeps nothing half, ${LOOPS} times`, OPTIONS, async () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-crash-"));
    const path = join(folder, "store.db");
    const reopenedMs: number[] = [];
    let head = NO_ROWS;
    try {
      for (let loop = 0; loop < LOOPS; loop += 1) {
        const committing = startCommitProcess(path);
        await committing.begun;
        await somewhere();
        await committing.kill();
        expect(committing.acknowledged()).toBeGreaterThan(head.seq);
        const started = performance.now();
        const store = await openSqliteStore({ path });
        reopenedMs.push(performance.now() - started);
        const intact = await assertIntact(store, committing.acknowledged(), head);
        expect(intact.lost).toBe(0);
        ({ head } = intact);
        await store.close();
        const database = await openSqliteDatabase(path);
        expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
        database.close();
      }
      report("SQLite, process killed", LOOPS, head.seq, reopenedMs);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it(`PostgreSQL: loses nothing that was acknowledged when all of the server is killed, and the process goes on by itself, ${LOOPS} times`, OPTIONS, async ({ skip }) => {
    const postgres = await startTestPostgres();
    if ("missing" in postgres) return skip(postgres.missing);
    const { own, stop } = postgres;
    if (own === undefined) return skip("the server of COUNTERSIGN_TEST_POSTGRES_URL is not ours to kill");
    const reopenedMs: number[] = [];
    let head = NO_ROWS;
    try {
      const url = await postgres.createDatabase();
      const committing = startCommitProcess(url);
      try {
        await committing.begun;
        for (let loop = 0; loop < LOOPS; loop += 1) {
          const before = committing.acknowledged();
          for (let waited = 0; committing.acknowledged() === before && waited < 10_000; waited += 5) await sleep(5);
          expect(committing.acknowledged()).toBeGreaterThan(before);
          await somewhere();
          await own.kill();
          // All that was acknowledged has been said, or is in the pipe for a moment longer.
          await sleep(20);
          const acknowledged = committing.acknowledged();
          const started = performance.now();
          await own.restart();
          const store = await openPostgresStore({ url });
          reopenedMs.push(performance.now() - started);
          // The process is at work again already: rows and record are looked at when it is stopped.
          committing.signal("SIGSTOP");
          await headAtRest(store);
          const intact = await assertIntact(store, acknowledged, head);
          expect(intact.lost).toBe(0);
          ({ head } = intact);
          committing.signal("SIGCONT");
          await store.close();
        }
      } finally {
        await committing.kill();
      }
      report("PostgreSQL, server killed", LOOPS, head.seq, reopenedMs);
    } finally {
      await stop();
    }
  });
});
