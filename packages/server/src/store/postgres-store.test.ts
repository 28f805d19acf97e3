import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeContract } from "./fixture/store-contract.ts";
import { startTestPostgres, type TestPostgres } from "./fixture/test-postgres.ts";
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
      async open() {
        const store = await openPostgresStore({ url });
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
