import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestPostgres, type TestPostgres } from "../store/fixture/test-postgres.ts";
import { openPostgresPool } from "./postgres-pool.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

it("what changes nothing is answered by another connection where the server ends the one that it was asked on", async ({ skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const admin = new Client({ connectionString: url });
  await admin.connect();
  const pool = openPostgresPool({ url });
  try {
    for (let round = 0; round < 3; round++) {
      const answer = pool.query<{ said: string }>({ text: "select pg_sleep(0.3), 'here' as said", values: [] }, { repeatable: true }).then(([row]) => row?.said, String);
      const ended = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep%'";
      await expect.poll(async () => (await admin.query(ended)).rowCount).toBe(1);
      expect(await answer).toBe("here");
    }
  } finally {
    await pool.close();
    await admin.end();
  }
  return undefined;
});
