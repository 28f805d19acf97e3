import { afterEach, beforeEach, expect, it } from "vitest";
import type { RecordLine, RecordQuery } from "../../store/store.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { agent, agentKey, openWorld, person, put, voter } from "../fixture/world.ts";
import type { World } from "../fixture/world.ts";
import { rowsFrom } from "../trial/rows-from.ts";
import { createRecords } from "./records.ts";
import type { Records } from "./records.ts";
import { lengthOf, readRowSlices } from "./row-slices.ts";

const auditor = voter("aud", { roles: ["auditor"] });
const LONG = "x".repeat(4 * 1024 * 1024);
let store: MemoryStore;
let world: World;
let records: Records;
/** How long the rows of each look were together. */
let looks: number[];

beforeEach(async () => {
  store = new MemoryStore();
  world = await openWorld(store, { pollMs: 3_600_000 });
  records = createRecords({ ledger: world.ledger, store, sealer: world.sealer, checkpointKeys: () => [] });
  await put(world.ledger, person("aud", { roles: ["auditor"] }), agentKey("k"));
  for (let batch = 1; batch <= 200; batch += 1) await records.take(agent("k"), { process: "p", batch, entries: [{ type: "outcome", callId: `c${batch}`, at: batch, outcome: "completed", elapsedMs: 1 }] });
  looks = [];
  const read = store.readRecord.bind(store);
  store.readRecord = async (query: RecordQuery): Promise<readonly RecordLine[]> => {
    const rows = await read(query);
    looks.push(lengthOf(rows));
    return rows;
  };
});
afterEach(() => world.close());

/** Rows of 4 MiB, as those with the arguments of a batch may be. */
function lengthen(from: number): void {
  for (const [index, row] of store.lines.entries()) if (row.seq >= from) store.lines[index] = { ...row, line: LONG };
}

async function linesOf(from: number): Promise<number> {
  const said = await records.export(auditor, { after: from });
  let count = 0;
  if (said.ok) for await (const _ of said.lines) count += 1;
  return count;
}

it("long rows are read a few at a time: to export, to try a document, to hear what was missed", async () => {
  lengthen(0);
  const { seq } = world.ledger.head;
  expect(await linesOf(0)).toBe(seq + 1);
  const { next } = await rowsFrom({ store, tenant: "default", head: seq }, 1);
  let count = 0;
  for (let rows = await next(); rows !== undefined; rows = await next()) count += rows.length;
  expect(count).toBe(seq);
  expect(Math.max(...looks)).toBeLessThanOrEqual(2 * LONG.length);
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
  const whole = await records.query(auditor, { limit: 1000 });
  expect(whole.ok && whole.rows.length).toBe(world.ledger.head.seq);
  looks = [];
  lengthen(20);
  expect(await records.query(auditor, { limit: 1000 })).toMatchObject({ ok: false, code: "too_large", detail: expect.stringContaining("ask for fewer") });
  expect(looks.reduce((sum, length) => sum + length, 0)).toBeLessThan(20 * LONG.length);
  expect(await records.query(auditor, { limit: 15 })).toMatchObject({ ok: true });
});
