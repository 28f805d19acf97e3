import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect } from "kysely";
import { Client, Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate, MIGRATIONS } from "../sql/migrate.ts";
import { storeContract } from "./fixture/store-contract.ts";
import { fakeRequest, newRow, TENANT, writeSet } from "./fixture/stored-rows.ts";
import { startTestPostgres, type OwnServer, type TestPostgres } from "./fixture/test-postgres.ts";
import { openPostgresStore, type PostgresStore } from "./postgres-store.ts";

let postgres: TestPostgres | { readonly missing: string };
let migrated: string | undefined;
beforeAll(async () => {
  postgres = await startTestPostgres();
  if ("missing" in postgres) return;
  migrated = await postgres.createDatabase();
  await (await openPostgresStore({ url: migrated })).close();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

function running(skip: (reason: string) => never): TestPostgres {
  return "missing" in postgres ? skip(postgres.missing) : postgres;
}

storeContract(
  "PostgreSQL",
  async () => {
    const url = await running((reason) => {
      throw new Error(reason);
    }).createDatabase(migrated);
    const opened: PostgresStore[] = [];
    return {
      async open(migrations) {
        const store = await openPostgresStore({ url, ...(migrations === undefined ? {} : { migrations }) });
        opened.push(store);
        return store;
      },
      async remove() {
        for (const store of opened) await store.close();
      },
    };
  },
  { describe, expect, it: (name, body) => it(name, async ({ skip }) => (running(skip), body())) },
);

describe("the store on PostgreSQL", () => {
  async function withStore(skip: (reason: string) => never, use: (store: PostgresStore, server: OwnServer, url: string) => Promise<void>): Promise<void> {
    const { createDatabase, own } = running(skip);
    if (own === undefined) return skip("the server of COUNTERSIGN_TEST_POSTGRES_URL is not ours to stop");
    const url = await createDatabase(migrated);
    const store = await openPostgresStore({ url });
    try {
      await use(store, own, url);
    } finally {
      await store.close();
    }
  }

  /** Refused within two seconds, and a moment for the rest: by a timer of this process, which stops where the machine does. */
  async function expectRefusedInTime(work: Promise<unknown>): Promise<void> {
    const late = new AbortController();
    const refused = work.then(() => "done", (error: unknown) => error);
    const first = await Promise.race([refused, sleep(2_300, "late", { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    expect(first).toMatchObject({ code: "store_unavailable" });
  }

  it("refuses within 2 seconds while the server is stopped, never hangs, and goes on when it is back", ({ skip }) =>
    withStore(skip, async (store, server) => {
      const first = writeSet(await store.readHead(TENANT));
      await store.commit(first);
      await server.signal("SIGSTOP");
      try {
        const set = writeSet(first.head);
        const calls = [store.readHead(TENANT), store.commit(set), store.read(TENANT, []), store.exclusively(TENANT, (alone) => alone.commit(set))];
        await Promise.all(calls.map(expectRefusedInTime));
        await expectRefusedInTime(store.commit(set));
      } finally {
        await server.signal("SIGCONT");
      }
      // What was sent meanwhile may have been written, once; after what is written now it cannot be.
      await until(async () => (await store.commit(writeSet(await store.readHead(TENANT)))).ok);
      expect([2, 3]).toContain((await store.readHead(TENANT)).seq);
    }));

  it("closes while the server is stopped", ({ skip }) =>
    withStore(skip, async (store, server) => {
      store.onHint(() => {});
      await store.readHead(TENANT);
      await server.signal("SIGSTOP");
      const started = performance.now();
      try {
        await store.close();
      } finally {
        await server.signal("SIGCONT");
      }
      expect(performance.now() - started).toBeLessThan(4_000);
    }));

  it("keeps what was acknowledged when the server is killed, reconnects by itself, and tells its listeners that they may have missed something", ({ skip }) =>
    withStore(skip, async (store, server, url) => {
      const first = writeSet(await store.readHead(TENANT), { rows: 3 });
      await store.commit(first);
      const heard: string[] = [];
      store.onHint((tenant) => heard.push(tenant));
      await until(async () => store.listening);
      await server.kill();
      await expectRefusedInTime(store.commit(writeSet(first.head)));
      await server.restart();
      await until(async () => heard.length > 0);
      expect(await store.readHead(TENANT)).toEqual(first.head);
      // And it hears what others commit from now on.
      const other = await openPostgresStore({ url });
      heard.length = 0;
      await other.commit(writeSet(first.head));
      await until(async () => heard.length > 0);
      await other.close();
    }));

  it("reads the rows after one that is known along with keys, just as they were written, and the requests that they tell of", ({ skip }) =>
    withStore(skip, async (store) => {
      const first = writeSet(await store.readHead(TENANT), { rows: 2 });
      await store.commit(first);
      const second = writeSet(first.head, { rows: 3, line: { requestId: "r1", callId: "c\0" }, changes: [newRow("approval", "r1", fakeRequest("r1"))] });
      await store.commit(second);
      const { news, touched, head } = await store.read(TENANT, [], first.head.seq);
      expect(head).toEqual(second.head);
      expect(news).toEqual(second.lines);
      expect(touched).toEqual([{ id: "r1", rev: 1, data: fakeRequest("r1") }]);
      expect((await store.read(TENANT, [], head.seq)).news).toEqual([]);
    }));

  it("lets go of the head where an instance dies while it commits alone", ({ skip }) =>
    withStore(skip, async (store, _, url) => {
      const dying = await openPostgresStore({ url });
      let hold = () => {};
      const held = new Promise<void>((resolve) => {
        hold = resolve;
      });
      // From now on it says nothing more.
      const alone = dying.exclusively(TENANT, () => (hold(), new Promise<never>(() => {})));
      void alone;
      await held;
      const started = performance.now();
      await until(async () => (await store.commit(writeSet(await store.readHead(TENANT)))).ok);
      expect(performance.now() - started).toBeGreaterThan(1_000);
      expect(performance.now() - started).toBeLessThan(6_000);
      await dying.close();
    }));

  it("has a clock that is never behind a commit, though the server's is set back, and is too late from the very millisecond on", ({ skip }) =>
    withStore(skip, async (store, _, url) => {
      const first = writeSet(await store.readHead(TENANT));
      await store.commit(first);
      const client = new Client({ connectionString: url });
      await client.connect();
      const at = Date.now() + 3_600_000;
      await client.query("update record_head set at = $1", [at]);
      await client.end();
      const { now } = await store.read(TENANT, []);
      expect(now).toBe(at);
      expect(await store.commit(writeSet(first.head, { before: at }))).toEqual({ ok: false, why: "late" });
      expect(await store.commit(writeSet(first.head, { before: at + 1 }))).toEqual({ ok: true });
    }));

  it("is refused where the server is set to lose commits in a power cut", async ({ skip }) => {
    const url = await running(skip).createDatabase();
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`alter database ${client.escapeIdentifier(String(client.database))} set synchronous_commit = off`);
    await client.end();
    await expect(openPostgresStore({ url })).rejects.toMatchObject({ code: "store_not_durable" });
  });

  it("is refused within 2 seconds where there is no server", async () => {
    await expectRefusedInTime(openPostgresStore({ url: "postgres://countersign@127.0.0.1:9/none" }));
  });

  it("writes a request that moves within its phase into its page, and touches no index", ({ skip }) =>
    withStore(skip, async (store, _, url) => {
      let { head } = await store.read(TENANT, []);
      for (const [rev, state] of (["pending", "approved", "executing"] as const).entries()) {
        const set = writeSet(head, { changes: [{ table: "approval", id: "r1", rev, data: fakeRequest("r1", { state, dedupeKey: "d" }) }] });
        expect(await store.commit(set)).toEqual({ ok: true });
        ({ head } = set);
      }
      const client = new Client({ connectionString: url });
      await client.connect();
      // A connection of the server tells what it counted when it is used a second later.
      const counted = async () => (await client.query<{ all: number; hot: number }>(`select n_tup_upd as "all", n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'approval'`)).rows[0];
      await until(async () => (await store.readHead(TENANT), Number((await counted())?.all) === 2));
      expect(Number((await counted())?.hot)).toBe(2);
      await client.end();
    }));

  it("finds requests of the first schema, whatever became of them", async ({ skip }) => {
    const url = await running(skip).createDatabase();
    const pool = new Pool({ connectionString: url });
    await migrate(new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) }), "postgres", MIGRATIONS.slice(0, 1));
    for (const state of ["pending", "executing", "denied"] as const) {
      const { rev, data, columns } = { rev: 3, data: JSON.stringify(fakeRequest(state, { state })), columns: [1, 2, state, "dedupe ".concat(state), "digest"] };
      await pool.query("insert into approval (tenant, id, rev, data, created_at, expires_at, state, dedupe_key, call_digest) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)", [TENANT, state, rev, data, ...columns]);
    }
    await pool.end();
    const store = await openPostgresStore({ url });
    const found = async (...state: readonly string[]) => (await store.list(TENANT, { table: "approval", where: { state }, orderBy: "created_at", limit: 9 })).map(({ id, rev }) => [id, rev]);
    expect(await found("pending", "approved")).toEqual([["pending", 3]]);
    expect(await found("executing", "denied")).toEqual([["denied", 3], ["executing", 3]]);
    const changes = [{ table: "approval", id: "pending", rev: 3, data: fakeRequest("pending", { state: "completed" }) }] as const;
    expect(await store.commit(writeSet(await store.readHead(TENANT), { changes }))).toEqual({ ok: true });
    expect([await store.count(TENANT, "approval", { state: "completed" }), await store.count(TENANT, "approval", { state: "pending" })]).toEqual([1, 0]);
    await store.close();
  });

  it("never lets a row of the record be changed, by whatever statement", ({ skip }) =>
    withStore(skip, async (store, _, url) => {
      await store.commit(writeSet(await store.readHead(TENANT)));
      const client = new Client({ connectionString: url });
      await client.connect();
      for (const text of ["update record set line = ''", "delete from record", "truncate record"]) {
        await expect(client.query(text)).rejects.toThrow("rows of record are never changed");
      }
      await client.end();
    }));
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 8_000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > limit) throw new Error("it did not come to be");
    await sleep(20);
  }
}
