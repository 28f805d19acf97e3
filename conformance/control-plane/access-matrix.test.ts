import { ROUTES } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIAL_NAMES } from "./credentials.ts";
import type { CredentialName } from "./credentials.ts";
import { openRange } from "./open-range.ts";
import type { OpenRange } from "./open-range.ts";
import { runRow } from "./run-cells.ts";
import { openStoredState, postgresState } from "./stored-state.ts";
import type { StoredState } from "./stored-state.ts";
import { startPostgres } from "./test-tools.ts";

const ROUTE_NAMES = Object.keys(ROUTES) as readonly RouteName[]; // the keys of ROUTES are the names

describe("R15: no credential decides or changes what its list does not say, on any route of a running control plane", { timeout: 90_000 }, () => {
  let range: OpenRange;
  let state: StoredState;
  let [refused, passed] = [0, 0];
  beforeAll(async () => {
    range = await openRange();
    state = openStoredState(range.plane.directory);
  }, 60_000);
  afterAll(async () => {
    state.close();
    await range.close();
  });

  it.each(ROUTE_NAMES)("%s: whoever is not listed is refused and leaves every row of every table as it was", async (route) => {
    const row = await runRow(route, range, state, CREDENTIAL_NAMES);
    expect(row.unexpected).toEqual([]);
    refused += row.refused;
    passed += row.passed;
  });

  it("every cell was tried once, and nothing went wrong inside", () => {
    expect(refused + passed).toBe(ROUTE_NAMES.length * CREDENTIAL_NAMES.length);
    expect(passed).toBeGreaterThan(400);
    expect(range.plane.printed()).not.toMatch(/countersign: /);
  });
});

/** One of each kind: what is judged by the store's rows is the same code on both stores. */
const SMOKE: readonly CredentialName[] = ["no credential", "the asking agent's own key", "an approver", "an owner's cookie without the CSRF token", "the operator"];

it("R15: the same on PostgreSQL, with one credential of each kind", { tags: ["leaves-sockets", "leaves-processes"], timeout: 90_000 }, async ({ skip }) => {
  const postgres = await startPostgres();
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const range = await openRange({ COUNTERSIGN_POSTGRES_URL: url });
  try {
    const unexpected: string[] = [];
    const stored = postgresState(url);
    for (const route of ROUTE_NAMES) {
      unexpected.push(...(await runRow(route, range, stored, SMOKE)).unexpected);
      // What was taken by who may is told to other instances a moment later.
      if (route === "throttle") await expect.poll(async () => (await stored.dump()).get("throttle_counter")?.length).toBe(1);
    }
    expect(unexpected).toEqual([]);
    expect(range.plane.printed()).not.toMatch(/countersign: /);
  } finally {
    await range.close();
    await postgres.stop();
  }
});
