import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteDatabase, refuseOldNode } from "../sql/sqlite-database.ts";
import { storeContract } from "./fixture/store-contract.ts";
import { TENANT, writeSet } from "./fixture/stored-rows.ts";
import { openSqliteStore, type SqliteStore } from "./sqlite-store.ts";

storeContract(
  "SQLite",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-store-"));
    const opened: SqliteStore[] = [];
    return {
      async open(migrations) {
        const store = await openSqliteStore({ path: join(folder, "store.db"), hintEveryMs: 20, ...(migrations === undefined ? {} : { migrations }) });
        opened.push(store);
        return store;
      },
      async remove() {
        for (const store of opened) await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  { describe, expect, it },
);

describe("the embedded store", () => {
  async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "countersign-store-"));
    try {
      await use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

  it("is private to its user: folder 0700, every file 0600", () =>
    withFolder(async (folder) => {
      const before = process.umask(0);
      try {
        const store = await openSqliteStore({ path: join(folder, "state", "store.db") });
        await store.commit(writeSet(await store.readHead(TENANT)));
        expect(modeOf(join(folder, "state"))).toBe("700");
        const files = readdirSync(join(folder, "state"));
        expect(files.toSorted()).toEqual(["store.db", "store.db-shm", "store.db-wal"]);
        for (const file of files) expect(modeOf(join(folder, "state", file))).toBe("600");
        await store.close();
      } finally {
        process.umask(before);
      }
    }));

  it("is not put where others could replace it", () =>
    withFolder(async (folder) => {
      chmodSync(folder, 0o777);
      await expect(openSqliteStore({ path: join(folder, "store.db") })).rejects.toThrow("writable by other users");
    }));

  it("puts every commit on the disk before it is acknowledged: WAL with synchronous=FULL", () =>
    withFolder(async (folder) => {
      const database = await openSqliteDatabase(join(folder, "store.db"));
      const pragmas = ["journal_mode", "synchronous", "busy_timeout", "foreign_keys"].map((name) => database.pragma(name, { simple: true }));
      expect(pragmas).toEqual(["wal", 2, 1_500, 1]);
      database.close();
    }));

  it("never lets a row of the record or a checkpoint be changed, by whatever statement", () =>
    withFolder(async (folder) => {
      const path = join(folder, "store.db");
      const store = await openSqliteStore({ path });
      await store.commit(writeSet(await store.readHead(TENANT)));
      await store.close();
      const database = await openSqliteDatabase(path);
      for (const text of ["update record set line = ''", "delete from record"]) expect(() => database.exec(text)).toThrow("rows of record are never changed");
      database.close();
    }));

  it("answers within two seconds while another process keeps the file locked, and goes on afterwards", () =>
    withFolder(async (folder) => {
      const path = join(folder, "store.db");
      const store = await openSqliteStore({ path });
      const other = await openSqliteDatabase(path);
      other.exec("begin immediate");
      const set = writeSet(await store.readHead(TENANT));
      const started = performance.now();
      await expect(store.commit(set)).rejects.toMatchObject({ code: "store_unavailable", maybeWritten: false });
      expect(performance.now() - started).toBeLessThan(2_000);
      other.exec("commit");
      other.close();
      expect(await store.commit(set)).toEqual({ ok: true });
      await store.close();
    }));

  it("says so, instead of ending without a word, where Node is too old for its driver", () => {
    for (const versions of [{ node: "20.19.5", napi: "9" }, { node: "22.13.1", napi: "9" }, { node: "18.0.0" }]) {
      expect(() => refuseOldNode(versions)).toThrow(`needs Node 22.15 or later; this is Node ${versions.node}`);
    }
    expect(() => refuseOldNode({ node: "22.15.0", napi: "10" })).not.toThrow();
  });

  it("never extends a window where the wall clock is stepped back, also not over a restart", () =>
    withFolder(async (folder) => {
      const path = join(folder, "store.db");
      let wall = 1_000_000;
      const store = await openSqliteStore({ path, now: () => wall });
      const { head, now } = await store.read(TENANT, []);
      expect(now).toBe(1_000_000);
      wall = 1_060_000;
      const set = writeSet(head, { before: 1_060_001 });
      expect(await store.commit(set)).toEqual({ ok: true });
      wall = 5;
      expect(await store.commit(writeSet(set.head, { before: 1_060_000 }))).toEqual({ ok: false, why: "late" });
      await store.close();
      const again = await openSqliteStore({ path, now: () => wall });
      expect((await again.read(TENANT, [])).now).toBeGreaterThanOrEqual(1_060_000);
      await again.close();
    }));

  it("looks again for what others have committed where it could not, and ends no process by that", () =>
    withFolder(async (folder) => {
      const path = join(folder, "store.db");
      const store = await openSqliteStore({ path, hintEveryMs: 10 });
      await store.commit(writeSet(await store.readHead(TENANT)));
      const heard: string[] = [];
      store.onHint((tenant) => heard.push(tenant));
      const other = await openSqliteDatabase(path);
      other.exec("alter table record_head rename to out_of_reach");
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(heard).toEqual([]);
      other.exec("alter table out_of_reach rename to record_head");
      await expect.poll(() => heard).toContain(TENANT);
      other.close();
      await store.close();
    }));

  it("is refused where the file is no database", () =>
    withFolder(async (folder) => {
      const path = join(folder, "store.db");
      writeFileSync(path, "no database at all ".repeat(100));
      await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: "store_unavailable" });
    }));
});
