import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestPostgres, type TestPostgres } from "./fixture/test-postgres.ts";
import { TENANT, writeSet } from "./fixture/stored-rows.ts";
import { openPostgresStore } from "./postgres-store.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

it.for(["read committed", "repeatable read", "serializable"])("takes turns and loses nothing where the server's transactions are %s by default", async (level, { skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`alter database ${client.escapeIdentifier(String(client.database))} set default_transaction_isolation = '${level}'`);
  await client.end();
  const stores = [await openPostgresStore({ url }), await openPostgresStore({ url })] as const;
  try {
    const turns = Array.from({ length: 20 }, (_, index) => stores[index % 2 === 0 ? 0 : 1].exclusively(TENANT, async (alone) => alone.commit(writeSet(await alone.readHead(TENANT)))));
    expect(await Promise.all(turns)).toEqual(turns.map(() => ({ ok: true })));
    expect(await stores[0].readHead(TENANT)).toMatchObject({ seq: 20 });
  } finally {
    for (const store of stores) await store.close();
  }
  return undefined;
});
