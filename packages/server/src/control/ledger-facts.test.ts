import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestPostgres, type TestPostgres } from "../store/fixture/test-postgres.ts";
import { openPostgresStore } from "../store/postgres-store.ts";
import type { Command } from "./ledger.ts";
import { openLedger } from "./open-ledger.ts";

let postgres: TestPostgres | { readonly missing: string };
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  if (!("missing" in postgres)) await postgres.stop();
});

/** Of the record. */
function row(text: string): Command<undefined> {
  return { needs: [{ table: "approval", id: "of no importance" }], apply: ({ now }) => ({ answer: undefined, entries: [{ type: "event", event: "signed_out", at: now, detail: { text } }] }) };
}

it("an instance that is further behind than a store can tell in one answer comes to the head all the same", async ({ skip }) => {
  if ("missing" in postgres) return skip(postgres.missing);
  const url = await postgres.createDatabase();
  const stores = [await openPostgresStore({ url }), await openPostgresStore({ url, timeoutMs: 500 })] as const;
  const ahead = await openLedger(stores[0]);
  stores[1].onHint = () => () => undefined; // it hears nothing, as over a network that was cut
  const behind = await openLedger(stores[1], { pollMs: 3_600_000, answerWithinMs: 480 });
  try {
    const text = randomBytes(3 * 256 * 1024).toString("base64"); // which no server makes smaller
    for (let round = 0; round < 16; round++) await Promise.all(Array.from({ length: 5 }, () => ahead.run(row(text))));
    const end = performance.now() + 8_000;
    while (!(await behind.run(row("")).then(() => true, () => false))) if (performance.now() > end) break;
    expect(behind.head.seq).toBe(1 + 80 + 1);
  } finally {
    for (const ledger of [ahead, behind]) await ledger.close();
    for (const store of stores) await store.close();
  }
  return undefined;
});
