import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askBodyOf } from "../control/fixture/open-embedded.ts";
import { openWorld, voter } from "../control/fixture/world.ts";
import { must } from "../control/people/fixture/installation.ts";
import { MIGRATIONS, type NamedMigration } from "../sql/migrate.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import { startTestPostgres } from "../store/fixture/test-postgres.ts";
import { createOperator, POLICY, type Operator, type Running } from "./fixture/operator.ts";

let operator: Operator;
beforeEach(() => {
  operator = createOperator();
  writeFileSync(operator.path("policy.yaml"), POLICY);
});
afterEach(() => operator.close());

interface Detail {
  readonly id: string;
  readonly state: string;
  readonly requestDigest: string;
  readonly argumentsText: string | null;
}

/** A control plane with an owner, an agent's key, and a request about this path that nobody has decided. */
async function pending(path: string, ...args: readonly string[]): Promise<{ running: Running; owner: string; key: string; id: string }> {
  const running = await operator.up("--policies", operator.path("policy.yaml"), ...args);
  const owner = await operator.login(running.url);
  const { body } = await operator.as<{ secret: string; key: { id: string } }>(owner, running.url, "POST", "/v1/keys", { name: "bot", ownerId: null, expiresAt: null });
  const asked = await operator.as<{ request: { id: string } }>(body.secret, running.url, "POST", "/v1/approvals", askBodyOf({ path }));
  expect(asked.status).toBe(201);
  return { running, owner, key: body.secret, id: asked.body.request.id };
}

async function expectDecidable({ url }: Running, { owner, key, id }: { owner: string; key: string; id: string }, path: string): Promise<void> {
  const { body } = await operator.as<Detail>(owner, url, "GET", `/v1/approvals/${id}`);
  expect(body).toMatchObject({ id, state: "pending", argumentsText: JSON.stringify({ path }) });
  const vote = { choice: "approve", requestDigest: body.requestDigest, viewedDigest: null, reason: "", grant: null };
  expect((await operator.as(owner, url, "POST", `/v1/approvals/${id}/vote`, vote)).body).toMatchObject({ state: "approved" });
  expect((await operator.as(key, url, "GET", `/v1/approvals/${id}/asked`)).body).toMatchObject({ state: "approved" });
}

async function expectVerified(...args: readonly string[]): Promise<string> {
  const file = operator.path(`export-${args.length}.jsonl`);
  expect(await operator.run("audit", "export", file, ...args)).toMatchObject({ code: 0 });
  expect(await operator.run("audit", "verify", file)).toMatchObject({ code: 0, err: "" });
  return readFileSync(file, "utf8");
}

describe("countersign backup and restore", () => {
  it("a backup of the running control plane, restored elsewhere, has its pending requests, people and keys; and says in the record that it goes on from there", async () => {
    const before = await pending("/secret-path");
    const file = operator.path("backup.db");
    const made = await operator.run("backup", file);
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toContain("master.key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "latin1")).not.toContain("secret-path"); // sealed
    expect(await operator.run("backup", file)).toMatchObject({ code: 2, err: expect.stringContaining("exists already") });
    expect(await operator.run("restore", file)).toMatchObject({ code: 2, err: expect.stringContaining("End it first") });
    await before.running.end();
    expect((await operator.run("restore", file)).code).toBe(1); // what is there is not written over

    const fresh = operator.path("fresh");
    const restored = await operator.run("restore", file, "--dir", fresh);
    expect([restored.code, restored.err]).toEqual([0, ""]);
    copyFileSync(join(operator.directory, "master.key"), join(fresh, "master.key"));
    const running = await operator.up("--dir", fresh);
    expect(JSON.parse((await operator.run("status", "--dir", fresh, "--format", "json")).out).installation).toMatchObject({ openRequests: 1, people: 1, policy: { version: 1 } });
    await expectDecidable(running, before, "/secret-path");
    expect(await expectVerified("--dir", fresh)).toContain('"event":"restored"');
    await running.end();
  });

  it("without its installation key it says so, and does not pretend", async () => {
    const { running } = await pending("/a");
    await operator.run("backup", operator.path("backup.db"));
    await running.end();
    const fresh = operator.path("fresh");
    expect((await operator.run("restore", operator.path("backup.db"), "--dir", fresh)).code).toBe(0);
    expect(await operator.run("up", "--port", "0", "--dir", fresh)).toMatchObject({ code: 2, err: expect.stringContaining("master.key") });
    expect(existsSync(join(fresh, "master.key"))).toBe(false); // no key was made for a store that is under another
  });

  it("says what is not there and what is no backup, and puts nothing of it into the store", async () => {
    expect(await operator.run("backup", operator.path("b.db"))).toMatchObject({ code: 2, err: expect.stringContaining("no control plane to back up") });
    expect(await operator.run("restore", operator.path("none.db"))).toMatchObject({ code: 2, err: expect.stringContaining("no such file") });
    writeFileSync(operator.path("junk.db"), "this is no backup".repeat(100));
    const junk = await operator.run("restore", operator.path("junk.db"));
    expect([junk.code, junk.err]).toEqual([1, expect.not.stringContaining("    at ")]);
    const running = await operator.up(); // as good as new
    expect(JSON.parse((await operator.run("status", "--format", "json")).out).installation).toMatchObject({ people: 0, openRequests: 0, policy: null });
    await running.end();
  });
});

describe("an embedded control plane moves to PostgreSQL", () => {
  let postgres: Awaited<ReturnType<typeof startTestPostgres>>;
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(async () => {
    if (!("missing" in postgres)) await postgres.stop();
  });

  it("with its pending requests and its record; and back", async ({ skip }) => {
    if ("missing" in postgres) return skip(postgres.missing);
    const url = await postgres.createDatabase();
    const before = await pending("/moved");
    await operator.run("backup", operator.path("backup.db"));
    await before.running.end();
    const moved = operator.path("moved");
    mkdirSync(moved, { mode: 0o700 });
    copyFileSync(join(operator.directory, "master.key"), join(moved, "master.key"));
    expect(await operator.run("restore", operator.path("backup.db"), "--dir", moved, "--postgres", url)).toMatchObject({ code: 0, err: "" });
    expect(await operator.run("restore", operator.path("backup.db"), "--dir", moved, "--postgres", url)).toMatchObject({ code: 1 }); // not empty any more
    const running = await operator.up("--dir", moved, "--postgres", url);
    expect(JSON.parse((await operator.run("status", "--dir", moved, "--format", "json")).out).installation).toMatchObject({ storage: "postgres", openRequests: 1 });
    const again = await operator.as<{ request: { id: string } }>(before.key, running.url, "POST", "/v1/approvals", askBodyOf({ path: "/back" }));
    await expectDecidable(running, before, "/moved");
    await expectVerified("--dir", moved);
    expect(await operator.run("backup", operator.path("back.db"), "--postgres", url)).toMatchObject({ code: 0, err: "" });
    await running.end();

    const back = operator.path("back");
    expect(await operator.run("restore", operator.path("back.db"), "--dir", back)).toMatchObject({ code: 0, err: "" });
    copyFileSync(join(operator.directory, "master.key"), join(back, "master.key"));
    const home = await operator.up("--dir", back);
    await expectDecidable(home, { ...before, id: again.body.request.id }, "/back");
    await home.end();
  });
});

describe("a newer version of the program", () => {
  const NEXT: NamedMigration = {
    name: "9998_next",
    make: () => ({
      async up(db) {
        await db.schema.alterTable("approval").addColumn("later", "text").execute();
        await sql`update approval set later = 'filled'`.execute(db);
      },
    }),
  };

  it("keeps pending requests when it brings the database up to date; the older program then refuses it and changes nothing", async () => {
    const { running, owner, id } = await pending("/upgraded");
    const { requestDigest } = (await operator.as<Detail>(owner, running.url, "GET", `/v1/approvals/${id}`)).body;
    await running.end();
    const store = await openSqliteStore({ path: join(operator.directory, "countersign.db"), migrations: [...MIGRATIONS, NEXT] });
    const world = await openWorld(store);
    try {
      const person = world.ledger.resident.all("person")[0]?.id ?? "";
      const identity = voter(person, { roles: ["owner"] });
      const stored = (await store.read("default", [{ table: "approval", id }])).get("approval", id);
      expect([stored?.data.state, world.ledger.resident.policy?.version]).toEqual(["pending", 1]);
      const voted = must(await world.requests.vote(identity, id, { choice: "deny", requestDigest, viewedDigest: null, reason: "", grant: null }, "test"));
      expect(voted.request.state).toBe("denied");
    } finally {
      await world.close();
      await store.close();
    }
    const older = await operator.run("up", "--port", "0");
    expect([older.code, older.err]).toEqual([1, expect.not.stringContaining("    at ")]);
    expect(older.err).toContain("newer");
  });
});
