import { afterEach, beforeEach, expect, it } from "vitest";
import type { RecordLine, RecordQuery } from "../../store/store.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { agent, agentKey, openWorld, person, put, voter } from "../fixture/world.ts";
import type { World } from "../fixture/world.ts";
import { rowsFrom } from "../trial/rows-from.ts";
import { createRecords } from "./records.ts";
import type { Records } from "./records.ts";
import { readRowSlices } from "./row-slices.ts";

const auditor = voter("aud", { roles: ["auditor"] });
let store: MemoryStore;
let world: World;
let records: Records;
/** How many rows each read asked for, and from which row on they are said to be of 4 MiB. */
let asked: number[];
let longFrom = Infinity;

beforeEach(async () => {
  store = new MemoryStore();
  world = await openWorld(store, { pollMs: 3_600_000 });
  records = createRecords({ ledger: world.ledger, store, sealer: world.sealer, checkpointKeys: () => [] });
  await put(world.ledger, person("aud", { roles: ["auditor"] }), agentKey("k"));
  for (let batch = 1; batch <= 200; batch += 1) await records.take(agent("k"), { process: "p", batch, entries: [{ type: "outcome", callId: `c${batch}`, at: batch, outcome: "completed", elapsedMs: 1 }] });
  asked = [];
  longFrom = Infinity;
  const read = store.readRecord.bind(store);
  const long = "x".repeat(4 * 1024 * 1024);
  store.readRecord = async (query: RecordQuery): Promise<readonly RecordLine[]> => {
    asked.push(query.limit);
    return (await read(query)).map((row) => (row.seq < longFrom ? row : { ...row, line: long }));
  };
});
afterEach(() => world.close());

async function linesOf(from: number): Promise<number> {
  const said = await records.export(auditor, { after: from });
  let count = 0;
  if (said.ok) for await (const _ of said.lines) count += 1;
  return count;
}

it("long rows are read a few at a time: to export, to try a document, to hear what was missed", async () => {
  longFrom = 0;
  const { seq } = world.ledger.head;
  expect(await linesOf(0)).toBe(seq + 1);
  const { next } = await rowsFrom({ store, tenant: "default", head: seq }, 1);
  let count = 0;
  for (let rows = await next(); rows !== undefined; rows = await next()) count += rows.length;
  expect(count).toBe(seq);
  expect(asked.filter((limit) => limit > 32)).toEqual([]);
  expect(asked.filter((limit) => limit > 2).length).toBeLessThanOrEqual(2);
});

it("each once, in either order, and no more than were asked for", async () => {
  for (const descending of [false, true]) {
    const seen: number[] = [];
    for await (const rows of readRowSlices(store, { tenant: "default", after: 3, before: 200, descending, limit: 150 })) seen.push(...rows.map(({ seq }) => seq));
    const all = Array.from({ length: 196 }, (_, index) => index + 4);
    expect(seen).toEqual((descending ? all.toReversed() : all).slice(0, 150));
  }
});

it("an answer that would be longer than a process has room for is refused, and says what to do", async () => {
  longFrom = 20;
  expect(await records.query(auditor, { limit: 1000 })).toMatchObject({ ok: false, code: "too_large", detail: expect.stringContaining("ask for fewer") });
  expect(asked.reduce((sum, limit) => sum + limit, 0)).toBeLessThan(80);
  expect(await records.query(auditor, { limit: 25 })).toMatchObject({ ok: true });
  longFrom = Infinity;
  const all = await records.query(auditor, { limit: 1000 });
  expect(all.ok && all.rows.length).toBe(world.ledger.head.seq);
});
