import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyRecord } from "@countersign/sdk/record";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backupStore, exportStore, restoreStore } from "./backup.ts";
import { fakePerson, fakeRequest, newRow, TENANT, writeSet } from "./fixture/stored-rows.ts";
import { startTestPostgres, type TestPostgres } from "./fixture/test-postgres.ts";
import { openStore, storeLocation, type StoreLocation } from "./store-location.ts";
import type { Store } from "./store.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "countersign-backup-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

let made = 0;
async function emptyStore(kind: "sqlite" | "postgres", skip: (reason: string) => never): Promise<StoreLocation> {
  made += 1;
  if (kind === "sqlite") return { kind, path: join(folder, `store-${made}.db`) };
  if ("missing" in postgres) return skip(postgres.missing);
  return { kind, url: await postgres.createDatabase() };
}

async function using<T>(location: StoreLocation, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(location);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** People, requests and texts that are hard to keep; two tenants; a checkpoint. */
async function fill(store: Store): Promise<void> {
  const narrated = ["\\", '"', "\n", "\t"].map((key, index) => newRow("approval", `k${index}`, fakeRequest(`k${index}`, { narration: { description: "", definition: { "": "a", [key]: index } } })));
  const changes = [...narrated, newRow("approval", "r1", fakeRequest("r1", { dedupeKey: "d", reason: "nul \0 lone \ud800 é😀" })), newRow("person", "p1", fakePerson("p1", { email: "x\0" }))];
  const first = writeSet(await store.readHead(TENANT), { changes, rows: 3, line: { callId: "c\0" } });
  await store.commit(first);
  await store.commit(writeSet(first.head, { changes: [{ table: "approval", id: "r1", rev: 1, data: fakeRequest("r1", { state: "approved", reason: "yes" }) }] }));
  await store.commit(writeSet(await store.readHead("other"), { tenant: "other", changes: Array.from({ length: 450 }, (_, index) => newRow("setting", `s${index}`, { name: "n", value: index })) }));
  await store.commitLoose(TENANT, [{ table: "execution_lease", id: "r1", rev: 0, data: { requestId: "r1", epoch: 1, until: 5 } }]);
  await store.addCheckpoint(TENANT, { seq: 2, hash: "h", at: 7, keyId: "k", signature: "s" });
}

async function contents(store: Store) {
  const read = async (tenant: string) => {
    const tables = await store.readTables(tenant, ["approval", "person", "setting", "execution_lease"]);
    const rows = (["approval", "person", "setting", "execution_lease"] as const).map((table) => tables.all(table));
    return [tables.head, rows, await store.readRecord({ tenant, limit: 1_000 }), await store.readCheckpoints(tenant, { limit: 10 })];
  };
  return [store.installationId, await read(TENANT), await read("other")];
}

const KINDS = ["sqlite", "postgres"] as const;

describe("a backup", () => {
  for (const from of KINDS) {
    for (const to of KINDS) {
      for (const make of [backupStore, exportStore]) {
        it(`by ${make.name}, of ${from}, restores everything into ${to}: rows, revs, record, installation`, async ({ skip }) => {
          const [source, target, file] = [await emptyStore(from, skip), await emptyStore(to, skip), join(folder, "backup")];
          const before = await using(source, async (store) => {
            await fill(store);
            // Beside the store that is open.
            await make(source, file);
            return contents(store);
          });
          expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
          const restored = await restoreStore(file, target);
          expect([...restored.heads.keys()].toSorted()).toEqual([TENANT, "other"]);
          await using(target, async (store) => {
            expect(await contents(store)).toEqual(before);
            const read = await store.read(TENANT, [{ table: "person", column: "email", value: "x\0" }]);
            expect(read.find("person", "email", "x\0")?.id).toBe("p1");
            expect((await store.readRecord({ tenant: TENANT, where: { callId: "c\0" }, limit: 9 })).length).toBe(3);
            expect(await store.commit(writeSet(await store.readHead(TENANT)))).toEqual({ ok: true });
          });
        });
      }
    }

    it(`of ${from} is of one moment while others write`, async ({ skip }) => {
      const [source, target] = [await emptyStore(from, skip), await emptyStore("sqlite", skip)];
      await using(source, async (store) => {
        const over = new AbortController();
        const writing = (async () => {
          for (let index = 0; !over.signal.aborted; index += 1) {
            await store.commit(writeSet(await store.readHead(TENANT), { changes: [newRow("setting", `s${index}`, { name: "n", value: index })] }));
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
        for (const make of [backupStore, exportStore]) await make(source, join(folder, make.name));
        over.abort();
        await writing;
      });
      for (const name of ["backupStore", "exportStore"]) {
        await restoreStore(join(folder, name), name === "backupStore" ? target : await emptyStore("sqlite", skip));
      }
      await using(target, async (store) => {
        const { head } = await store.readTables(TENANT, []);
        const lines = await store.readRecord({ tenant: TENANT, limit: 10_000 });
        expect([await store.count(TENANT, "setting"), lines.length]).toEqual([head.seq, head.seq]);
        expect(verifyRecord(lines.map(({ line }) => `${line}\n`).join(""), { head }).ok).toBe(true);
      });
    });

    it(`is not restored into a store on ${from} that holds anything, and changes nothing there`, async ({ skip }) => {
      const [source, target, file] = [await emptyStore("sqlite", skip), await emptyStore(from, skip), join(folder, "backup")];
      await using(source, fill);
      await backupStore(source, file);
      const before = await using(target, async (store) => {
        await store.commitLoose(TENANT, [{ table: "execution_lease", id: "r1", rev: 0, data: { requestId: "r1", epoch: 1, until: 5 } }]);
        return contents(store);
      });
      await expect(restoreStore(file, target)).rejects.toMatchObject({ code: "store_not_empty" });
      expect(await using(target, contents)).toEqual(before);
    });

    it(`notes in the record of ${from} that it was restored, in the same transaction, where the caller says how`, async ({ skip }) => {
      const [source, target, file] = [await emptyStore("sqlite", skip), await emptyStore(from, skip), join(folder, "backup")];
      await using(source, fill);
      await exportStore(source, file);
      const noteOf = (heads: ReadonlyMap<string, { seq: number; hash: string }>) => writeSet(heads.get(TENANT) ?? { seq: 0, hash: "" }, { line: { event: "restored" } });
      await restoreStore(file, target, { note: ({ heads }) => [{ ...noteOf(heads), at: 99 }] });
      await using(target, async (store) => {
        const lines = await store.readRecord({ tenant: TENANT, limit: 10 });
        expect(lines.map(({ event }) => event)).toEqual([...Array.from({ length: 4 }, () => "policy_activated"), "restored"]);
        expect(verifyRecord(lines.map(({ line }) => `${line}\n`).join(""), { head: await store.readHead(TENANT) }).ok).toBe(true);
      });
    });
  }

  it("that was cut short, changed, extended, or is something else is refused, and leaves the store empty", async ({ skip }) => {
    const [source, target, file] = [await emptyStore("sqlite", skip), await emptyStore("sqlite", skip), join(folder, "backup")];
    await using(source, fill);
    await exportStore(source, file);
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    const wrong = [
      lines.slice(0, -1),
      [...lines.slice(0, 5), ...lines.slice(6)],
      lines.map((line) => line.replace('"reason":"yes"', '"reason":"no"')),
      [...lines, lines[1]],
      ["{}"],
      [""],
      ["not a backup"],
    ];
    for (const each of wrong) {
      writeFileSync(file, `${each.join("\n")}\n`);
      await expect(restoreStore(file, target)).rejects.toMatchObject({ code: "backup_damaged" });
    }
    appendFileSync(file, "x");
    await using(target, async (store) => expect([await store.count(TENANT, "approval"), (await store.readHead(TENANT)).seq]).toEqual([0, 0]));
  });

  it("goes to where it says: an address is PostgreSQL, all else a file", () => {
    expect(storeLocation("postgresql://db/x").kind).toBe("postgres");
    expect(storeLocation("/var/lib/countersign/store.db")).toEqual({ kind: "sqlite", path: "/var/lib/countersign/store.db" });
  });
});
