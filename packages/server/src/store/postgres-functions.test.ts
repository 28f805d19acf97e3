import { afterAll, beforeAll, expect, it } from "vitest";
import { runSql, startTestPostgres, type TestPostgres } from "./fixture/test-postgres.ts";
import { TENANT, writeSet } from "./fixture/stored-rows.ts";
import { openPostgresStore } from "./postgres-store.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

function inSchema(url: string, name: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}options=${encodeURIComponent(`-c search_path="${name.replaceAll(" ", "\\ ")}"`)}`;
}

it("installations in schemas of their own, whatever they are called, share a database and nothing else", async ({ skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  await runSql(url, `create schema second; create schema "The Third"`);
  const ids = new Set<string>();
  for (const at of [url, inSchema(url, "second"), inSchema(url, "The Third")]) {
    // The second time all of it is there.
    for (const rows of [0, 1]) {
      const store = await openPostgresStore({ url: at });
      ids.add(store.installationId);
      const head = await store.readHead(TENANT);
      expect(head.seq).toBe(rows);
      expect(await store.commit(writeSet(head))).toEqual({ ok: true });
      await store.close();
    }
  }
  expect(ids.size).toBe(3);
  return undefined;
});

it("a role that may create nothing works with what another has made", async ({ skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  await (await openPostgresStore({ url })).close();
  await runSql(url, `create role worker login; revoke create on schema public from public; grant select, insert, update, delete on all tables in schema public to worker`);
  const store = await openPostgresStore({ url: url.replace("//countersign@", "//worker@") });
  try {
    expect(await store.commit(writeSet(await store.readHead(TENANT)))).toEqual({ ok: true });
  } finally {
    await store.close();
    await runSql(url, "drop owned by worker; drop role worker");
  }
  return undefined;
});
