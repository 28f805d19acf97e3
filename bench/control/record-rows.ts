/** P19: rows of an agent's process that are shipped and durable, over one connection; and the newest page of a record of a million rows. */
import { join } from "node:path";
import { Client } from "pg";
import { createWireClient, type RecordBody } from "@countersign/sdk/wire";
import { openSqliteDatabase } from "../../packages/server/src/sql/sqlite-database.ts";
import { openPostgresStore } from "../../packages/server/src/store/postgres-store.ts";
import { openSqliteStore } from "../../packages/server/src/store/sqlite-store.ts";
import type { Store } from "../../packages/server/src/store/store.ts";
import type { Databases } from "./park-and-decide.ts";
import { startPlane } from "./plane.ts";
import { printHead, printLine, quantile } from "./table.ts";

/** As record-shipper.ts sends them. */
const BATCH = 500;
const BATCHES = 12;
const ROWS = 1_000_000;

export async function measureRecordRows(postgres: Databases, scratch: string, rounds: number): Promise<void> {
  printHead("P19 rows of the record");
  await ship("PostgreSQL", await postgres.createDatabase(), rounds);
  await ship("SQLite", join(scratch, "rows.sqlite"), rounds);
  await newestPage("PostgreSQL", await filledPostgres(await postgres.createDatabase()));
  await newestPage("SQLite", await filledSqlite(join(scratch, "million.sqlite")));
  console.log();
}

async function ship(name: string, store: string, rounds: number): Promise<void> {
  const plane = await startPlane({ store, furnish: true });
  const client = createWireClient(new URL(plane.url), plane.credentials?.keys[0]?.secret ?? "");
  const rates: number[] = [];
  const cpu: number[] = [];
  let batch = 1;
  for (let round = -1; round < rounds; round++) {
    const before = await plane.usage();
    const began = performance.now();
    for (let index = 0; index < BATCHES; index++) {
      const answer = await client.ship({ process: "bench", batch, entries: entriesOf(batch) }, { withinMs: 10_000 });
      if (!answer.ok) throw new Error(JSON.stringify(answer));
      batch += 1;
    }
    const seconds = (performance.now() - began) / 1000;
    const after = await plane.usage();
    if (round < 0) continue;
    rates.push((BATCH * BATCHES) / seconds);
    cpu.push((after.cpu - before.cpu) / (BATCH * BATCHES));
  }
  client.close();
  await plane.close();
  printLine(`${name}: rows shipped and durable, one connection`, quantile(rates, 0.5), "/s", 0, "goal ≥ 20,000/s");
  printLine(`${name}: CPU of the control plane for one row`, quantile(cpu, 0.5), "µs", 1);
}

/** Decisions and outcomes of allowed calls, half and half, without arguments. */
function entriesOf(batch: number): RecordBody["entries"] {
  return Array.from({ length: BATCH }, (_, index) => {
    const callId = `call-${batch}-${index >> 1}`;
    const at = Date.now();
    if (index % 2 === 1) return { type: "outcome", callId, at, outcome: "completed", elapsedMs: 12 };
    return {
      type: "decision", callId, at, policyId: "mcp:files:read_file", server: "files", tool: "read_file", principal: "", agent: "bot", user: "user-123", session: "s1",
      digest: "a".repeat(64), definition: null, action: "allow", reason: "", policies: [], decisive: [], findings: [],
    };
  });
}

async function newestPage(name: string, store: Store): Promise<void> {
  const times: number[] = [];
  for (let index = 0; index < 200; index++) {
    const start = performance.now();
    const rows = await store.readRecord({ tenant: "default", descending: true, limit: 100 });
    times.push(performance.now() - start);
    if (rows.length !== 100) throw new Error("the page is not full");
  }
  await store.close();
  printLine(`${name}: newest page of 100 of ${ROWS} rows, p50`, quantile(times, 0.5), "ms", 2, "goal ≤ 20 ms, there at 10M rows");
  printLine(`${name}: p99`, quantile(times, 0.99), "ms", 2);
}

const COLUMNS = "tenant, seq, at, type, event, call_id, request_id, policy_id, principal, exact, line";
const LINE = "x".repeat(400);

async function filledPostgres(url: string): Promise<Store> {
  const store = await openPostgresStore({ url });
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into record (${COLUMNS}) select 'default', n, 1700000000000 + n, 'decision', null, 'call-' || n, null, 'mcp:files:tool_' || n % 50, 'key:' || n % 20, null, $1 from generate_series(1, ${ROWS}) as n`,
    [LINE],
  );
  await client.end();
  return store;
}

async function filledSqlite(path: string): Promise<Store> {
  const store = await openSqliteStore({ path });
  const database = await openSqliteDatabase(path);
  database
    .prepare(
      `with recursive n(n) as (select 1 union all select n + 1 from n where n < ${ROWS})
       insert into record (${COLUMNS}) select 'default', n, 1700000000000 + n, 'decision', null, 'call-' || n, null, 'mcp:files:tool_' || n % 50, 'key:' || n % 20, null, ? from n`,
    )
    .run(LINE);
  database.close();
  return store;
}
