import { expect, it } from "vitest";
import type { ListQuery, Store } from "../../store/store.ts";
import { fakeRequest } from "../../store/fixture/stored-rows.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { activate, agent, agentKey, openWorld, person, PLAIN_POLICY, put, question, voter } from "../fixture/world.ts";
import type { RequestRow } from "./move.ts";
import { readSlices } from "./read-slices.ts";

const MIB = 1024 * 1024;
const data = "x".repeat(5 * MIB);

/** Requests as they are stored, of which each is read by its time; tells how many were asked for at once. */
function storeOf(rows: readonly RequestRow[]) {
  const asked: number[] = [];
  async function list({ after, limit }: ListQuery<"approval">): Promise<readonly RequestRow[]> {
    asked.push(limit);
    return rows.filter((row) => after === undefined || row.data.createdAt > after.value).slice(0, limit);
  }
  return { asked, store: { list: (_: string, query: ListQuery<"approval">) => list(query) } as Pick<Store, "list"> }; // of this table alone
}

const row = (at: number, fields: Parameters<typeof fakeRequest>[1]): RequestRow => ({ id: `r${at}`, rev: 1, data: fakeRequest(`r${at}`, { ...fields, createdAt: at }) });
const sealed = { alg: "A256GCM", key: "k", iv: "", tag: "", data } as const;

it.each([
  ["hold calls of megabytes", { sealed }],
  ["say megabytes of their policies", { sealed: null, policies: [data] }],
  ["say megabytes of what was found", { sealed: null, call: { ...fakeRequest("f").call, findings: [{ type: "pii", group: "pii", direction: "input", where: data }] } }],
] as const)("requests that %s are read a few at a time, each once", async (_, fields) => {
  const { asked, store } = storeOf(Array.from({ length: 200 }, (__, index) => row(index, fields)));
  const seen: string[] = [];
  for await (const rows of readSlices(store, "default", { orderBy: "created_at", limit: 150 })) seen.push(...rows.map(({ id }) => id));
  expect(seen).toEqual(Array.from({ length: 150 }, (__, index) => `r${index}`));
  expect(Math.max(...asked.slice(1))).toBeLessThanOrEqual(6);
  expect(asked[0]).toBeLessThanOrEqual(32);
});

it("small ones are read in few steps", async () => {
  const { asked, store } = storeOf(Array.from({ length: 200 }, (_, index) => row(index, { sealed: null })));
  for await (const _ of readSlices(store, "default", { orderBy: "created_at", limit: 200 }));
  expect(asked.length).toBeLessThanOrEqual(4);
});

it("a page of the list, what a grant would have covered, and the review of what waits ask for no more at once either", async () => {
  const store = new MemoryStore();
  const world = await openWorld(store, { pollMs: 3_600_000 });
  try {
    await put(world.ledger, person("ann"), agentKey("k1"));
    await activate(world.ledger, 1, PLAIN_POLICY.replace("action: block", "action: block\n    approval: { grants: [30m] }"));
    const ids: string[] = [];
    for (let index = 0; index < 70; index += 1) {
      const asked = await world.requests.ask(agent("k1"), question({ args: { path: `/${index}` } }));
      if (asked.ok) ids.push(asked.request.id);
    }
    const limits: number[] = [];
    const list = store.list.bind(store);
    store.list = (tenant, query) => {
      limits.push(query.limit);
      return list(tenant, query);
    };
    const listed = await world.requests.list(voter("ann"), { order: "urgent", state: "pending", limit: 69 });
    if (!listed.ok || listed.next === null) throw new Error("no first page");
    const rest = await world.requests.list(voter("ann"), { order: "urgent", state: "pending", limit: 69, after: listed.next });
    if (!rest.ok) throw new Error("no second page");
    expect([listed.total, listed.requests.length, rest.requests.length, rest.next]).toEqual([70, 69, 1, null]);
    expect([...listed.requests, ...rest.requests].map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await world.grants.preview(voter("ann"), { requestId: ids[0] ?? "", grant: { for: "30m", free: [] } })).toMatchObject({ ok: true, covered: 1, ofHeld: 70 });
    expect(await world.requests.review()).toBe(0);
    expect(Math.max(...limits)).toBeLessThanOrEqual(64);
  } finally {
    await world.close();
  }
});

it("a window that a caller brings has an end that a calendar has, thirty days from now at the latest", async () => {
  const world = await openWorld(new MemoryStore(), { pollMs: 3_600_000 });
  try {
    await put(world.ledger, agentKey("k1"));
    await activate(world.ledger, 1, PLAIN_POLICY);
    for (const timeoutMinutes of [1e300, 1e12]) {
      const asked = await world.requests.ask(agent("k1"), question({ tool: String(timeoutMinutes), requirements: [{ timeoutMinutes }] }));
      expect(asked.ok && asked.request.expiresAt - asked.request.createdAt).toBe(30 * 86_400_000);
    }
  } finally {
    await world.close();
  }
});

it("what an asker says of policies, requirements and findings is bounded: it stands in every list and in the record", async () => {
  const world = await openWorld(new MemoryStore(), { pollMs: 3_600_000 });
  try {
    await put(world.ledger, agentKey("k1"));
    await activate(world.ledger, 1, PLAIN_POLICY);
    const long = "x".repeat(129 * 1024);
    const found = Array.from({ length: 700 }, (_, index) => ({ type: `${index}`.padEnd(200, "x"), group: "", direction: "input" as const, where: "" }));
    for (const more of [{ policies: [long] }, { requirements: question({ requirements: [{ policy: long }] }).requirements }, { findings: found }]) {
      expect(await world.requests.ask(agent("k1"), { ...question(), ...more })).toMatchObject({ ok: false, code: "too_large" });
    }
    expect(await world.requests.ask(agent("k1"), { ...question(), policies: ["x".repeat(100 * 1024)] })).toMatchObject({ ok: true });
  } finally {
    await world.close();
  }
});
