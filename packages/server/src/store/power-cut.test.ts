/**
 * What was acknowledged is there after the power was cut. Flat out and at a human pace: a database that syncs now and then looks
 * safe at full speed and loses everything at the rate of an approval server. That a cut is one at all is shown by SQLite as it
 * must not be set.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openSqliteDatabase } from "../sql/sqlite-database.ts";
import { assertIntact } from "./fixture/assert-intact.ts";
import { startCommitProcess } from "./fixture/commit-process.ts";
import { createPowerCutDisk, type PowerCutDisk } from "./fixture/power-cut-disk.ts";
import { startTestPostgres } from "./fixture/test-postgres.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { NO_ROWS } from "./stored-row.ts";

const LONG = process.env["COUNTERSIGN_LONG"] === "1";
const PAUSES_MS = LONG ? [0, 0, 0, 4, 4, 4] : [4];
const OPTIONS = { timeout: LONG ? 600_000 : 60_000 };

const somewhere = () => sleep(700 + Math.random() * (LONG ? 900 : 100));

async function onDisk(sizeMiB: number, skip: (reason: string) => never, use: (disk: PowerCutDisk) => Promise<void>): Promise<void> {
  const disk = await createPowerCutDisk(sizeMiB);
  if ("missing" in disk) return skip(disk.missing);
  try {
    await use(disk);
  } finally {
    await disk.remove();
  }
}

function report(name: string, acknowledged: number, lost: number): void {
  if (LONG) console.info(`${name}: ${PAUSES_MS.length} cuts, ${acknowledged} rows acknowledged, ${lost} lost`);
}

describe("a store whose power is cut", () => {
  it("SQLite: loses nothing that was acknowledged", OPTIONS, async ({ skip }) => {
    let total = 0;
    for (const pauseMs of PAUSES_MS) {
      await onDisk(64, skip, async (disk) => {
        const committing = startCommitProcess(join(disk.path, "state", "store.db"), pauseMs);
        const acknowledged = await cutWhile(committing);
        try {
          const store = await openSqliteStore({ path: join(await disk.afterPowerCut(), "state", "store.db") });
          const { lost } = await assertIntact(store, acknowledged, NO_ROWS);
          await store.close();
          expect(lost).toBe(0);
          total += acknowledged;
        } finally {
          await committing.kill();
        }
      });
    }
    report("SQLite", total, 0);
  });

  it("SQLite with synchronous=NORMAL at a human pace: loses nearly all, so these cuts are real", OPTIONS, async ({ skip }) => {
    await onDisk(64, skip, async (disk) => {
      const path = join(disk.path, "store.db");
      (await openSqliteDatabase(path)).exec("create table acknowledged (seq integer primary key, data text)").close();
      await disk.sync();
      const committing = startCommitProcess(`sqlite-normal:${path}`, 4);
      const acknowledged = await cutWhile(committing);
      try {
        const database = await openSqliteDatabase(join(await disk.afterPowerCut(), "store.db"));
        const kept = Number(database.prepare("select count(*) from acknowledged").pluck().get());
        database.close();
        if (LONG) console.info(`SQLite NORMAL: ${acknowledged} rows acknowledged, ${acknowledged - kept} lost`);
        expect(acknowledged).toBeGreaterThan(20);
        expect(kept).toBeLessThan(acknowledged / 2);
      } finally {
        await committing.kill();
      }
    });
  });

  it("PostgreSQL: loses nothing that was acknowledged", OPTIONS, async ({ skip }) => {
    let total = 0;
    for (const pauseMs of PAUSES_MS) {
      await onDisk(400, skip, async (disk) => {
        const inside = join(disk.path, "postgres");
        mkdirSync(inside);
        chmodSync(inside, 0o777);
        const postgres = await startTestPostgres({ inside });
        if ("missing" in postgres) return skip(postgres.missing);
        const { own, stop } = postgres;
        if (own === undefined) return skip("the server of COUNTERSIGN_TEST_POSTGRES_URL is not on a disk of ours");
        try {
          const url = await postgres.createDatabase();
          await disk.sync();
          const committing = startCommitProcess(url, pauseMs);
          const acknowledged = await cutWhile(committing);
          await own.signal("SIGSTOP");
          const cut = await disk.afterPowerCut();
          await own.signal("SIGCONT");
          await committing.kill();
          total += acknowledged;
          expect(await lostOnPostgres(join(cut, "postgres"), url, acknowledged)).toBe(0);
        } finally {
          await stop();
        }
      });
    }
    report("PostgreSQL", total, 0);
  });
});

/** Lets it work for a while and stops it. What it said to the end is in the pipe. */
async function cutWhile(committing: ReturnType<typeof startCommitProcess>): Promise<number> {
  await committing.begun;
  await somewhere();
  committing.signal("SIGSTOP");
  await sleep(50);
  return committing.acknowledged();
}

async function lostOnPostgres(inside: string, url: string, acknowledged: number): Promise<number> {
  const reuse = join(inside, readdirSync(inside)[0] ?? "");
  rmSync(join(reuse, "data", "postmaster.pid"), { force: true });
  for (const socket of readdirSync(reuse).filter((name) => name.startsWith(".s."))) rmSync(join(reuse, socket));
  const again = await startTestPostgres({ reuse });
  if ("missing" in again) throw new Error(again.missing);
  try {
    const database = /\/([a-z0-9_]+)\?/.exec(url)?.[1];
    const store = await openPostgresStore({ url: `postgres://countersign@/${database}?host=${encodeURIComponent(reuse)}` });
    try {
      return (await assertIntact(store, acknowledged, NO_ROWS)).lost;
    } finally {
      await store.close();
    }
  } finally {
    await again.stop();
  }
}
