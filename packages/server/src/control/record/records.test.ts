import { createSecretKey } from "node:crypto";
import { verifyRecord } from "@countersign/sdk/record";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPERATOR } from "../../auth/identity.ts";
import { MemoryStore } from "../fixture/memory-store.ts";
import { activate, agent, agentKey, openWorld, person, PLAIN_POLICY, put, question, voter, type World } from "../fixture/world.ts";
import { codeOf, must } from "../people/fixture/installation.ts";
import { createSealer } from "../seal/sealer.ts";
import { createRecords, type Records } from "./records.ts";

const DAY = 86_400_000;
const OWNER = voter("olga", { roles: ["owner"] });
const AUDITOR = voter("aud", { roles: ["auditor"] });
const D = "ab".repeat(32);
const outcome = (callId: string, fields: object = {}) => ({ type: "outcome", callId, at: 5, outcome: "completed", elapsedMs: 1, ...fields });
const decision = (callId: string, fields: object = {}) => ({
  type: "decision", callId, at: 5, policyId: "mcp:files:write", server: "files", tool: "write", principal: "local:somebody", agent: "bot", user: "u", session: "s", digest: D, definition: null,
  action: "allow", reason: "", policies: [], decisive: [], findings: [], ...fields,
});

let store: MemoryStore;
let world: World;
let records: Records;
let ahead = 0;
beforeEach(async () => {
  ahead = 0;
  store = new MemoryStore();
  store.clock = () => Date.now() + ahead;
  world = await openWorld(store, { monotonic: () => performance.now() + ahead });
  records = createRecords({ ledger: world.ledger, store, sealer: world.sealer, checkpointKeys: () => [] });
  await put(world.ledger, person("olga", { roles: ["owner"] }), person("aud", { roles: ["auditor"] }), person("ann"), agentKey("k"), agentKey("k2"));
});
afterEach(() => world.close());

const ship = (batch: number, entries: readonly object[], { key = "k", process = "p" } = {}) => records.take(agent(key), { process, batch, entries: entries as never }); // rows as an agent may send them
const rows = (): readonly Record<string, unknown>[] => store.lines.map(({ line }) => JSON.parse(line));
const shipped = (): readonly Record<string, unknown>[] => rows().filter(({ type }) => type === "outcome" || type === "decision");
const verified = (): boolean => verifyRecord(store.lines.map(({ line }) => `${line}\n`).join("")).ok;

describe("rows that agents' processes send", () => {
  it("are taken once each, in order, in one commit, with a row that says whose batch it was", async () => {
    must(await ship(1, [outcome("a"), outcome("b")]));
    must(await ship(1, [outcome("a"), outcome("b")])); // its answer was lost
    must(await ship(2, [outcome("c")]));
    must(await ship(1, [outcome("late")]));
    expect(shipped().map(({ callId, reportedBy }) => [callId, reportedBy])).toEqual([["a", "k"], ["b", "k"], ["c", "k"]]);
    expect(rows().filter(({ event }) => event === "batch_taken").map(({ detail }) => detail)).toEqual([
      { reportedBy: "k", process: "p", batch: 1, entries: 2 },
      { reportedBy: "k", process: "p", batch: 2, entries: 1 },
    ]);
    expect(verified()).toBe(true);
  });

  it("from a process whose name no store can hold are refused, and what others do at that moment is not", async () => {
    const [refused, taken] = await Promise.all([ship(1, [outcome("a")], { process: "p\0" }), ship(1, [outcome("b")])]);
    expect(codeOf(refused)).toBe("bad_request");
    must(taken);
    expect(shipped().map(({ callId }) => callId)).toEqual(["b"]);
  });

  it("the same batch sent ten times at once is taken once; other processes and keys count for themselves", async () => {
    await Promise.all(Array.from({ length: 10 }, () => ship(1, [outcome("a")])));
    await ship(1, [outcome("b")], { process: "q" });
    await ship(1, [outcome("c")], { key: "k2" });
    expect(shipped().map(({ callId }) => callId)).toEqual(["a", "b", "c"]);
  });

  it.each([
    ["a row of no known type", { type: "vote_cast", callId: "x", at: 1 }, "entry 1: /type"],
    ["an event that only the control plane writes", { type: "event", event: "vote_cast", at: 1, detail: {} }, "entry 1: /event"],
    ["an event about people", { type: "event", event: "person_added", at: 1, detail: {} }, "entry 1: /event"],
    ["a key that nobody knows", outcome("x", { trusted: true }), "entry 1: /"],
    ["a claim of who reported it", outcome("x", { reportedBy: "k2" }), "entry 1: /"],
    ["a time that is none", outcome("x", { at: -1 }), "entry 1: /at"],
    ["a time that no calendar has", outcome("x", { at: Number.MAX_SAFE_INTEGER }), "entry 1: /at"],
    ["a digest that is none", decision("x", { digest: "short" }), "entry 1: /digest"],
  ])("%s: the whole batch is refused, and the answer names the place and not the content", async (_, bad, place) => {
    const before = store.lines.length;
    const refused = await ship(1, [outcome("fine"), bad]);
    expect(refused).toMatchObject({ ok: false, code: "bad_request", detail: expect.stringContaining(place) });
    expect([store.lines.length, JSON.stringify(refused).includes("trusted\":true")]).toEqual([before, false]);
  });

  it("come from a process whose name every store can hold", async () => {
    expect(await ship(1, [outcome("a")], { process: "p\0" })).toMatchObject({ ok: false, code: "bad_request" });
  });

  it("say who they are by their credential alone, and what they have in force is a report", async () => {
    must(await ship(1, [decision("a"), { type: "event", event: "policy_activated", at: 1, detail: { version: 7 } }]));
    expect(shipped()[0]).toMatchObject({ principal: "key:k", reportedBy: "k" });
    expect(rows().filter(({ event }) => event === "policy_activated")).toEqual([]);
    expect(rows().at(-1)).toMatchObject({ event: "policy_reported", detail: { version: 7, reportedBy: "k" } });
  });

  it("come from agents' keys alone", async () => {
    for (const identity of [OWNER, OPERATOR, { kind: "anonymous" } as const]) expect(codeOf(await records.take(identity, { process: "p", batch: 1, entries: [] }))).toBe("forbidden");
  });

  it("keep their arguments sealed", async () => {
    must(await ship(1, [decision("a", { argumentsText: '{"path":"/very-secret"}' })]));
    expect(store.lines.map(({ line }) => line).join()).not.toContain("very-secret");
    expect(rows().some(({ type }) => type === "arguments")).toBe(true);
    expect(verified()).toBe(true);
  });
});

describe("looking at the record", () => {
  beforeEach(async () => {
    must(await ship(1, [decision("a"), outcome("a"), decision("b", { policyId: "mcp:mail:send", at: 90 }), outcome("b", { at: 100, requestId: "r" })]));
  });
  const seqs = async (query: object) => must(await records.query(AUDITOR, query)).rows.map((row) => (JSON.parse(row) as { seq: number }).seq);
  const wanted = (test: (row: Record<string, unknown>) => boolean) => rows().filter(test).map(({ seq }) => seq);

  it("finds rows by each filter, and by several", async () => {
    expect(await seqs({ type: "decision" })).toEqual(wanted(({ type }) => type === "decision"));
    expect(await seqs({ event: "batch_taken" })).toEqual(wanted(({ event }) => event === "batch_taken"));
    expect(await seqs({ callId: "a" })).toEqual(wanted(({ callId }) => callId === "a"));
    expect(await seqs({ requestId: "r" })).toEqual(wanted(({ requestId }) => requestId === "r"));
    expect(await seqs({ policyId: "mcp:mail:send" })).toEqual(wanted(({ policyId }) => policyId === "mcp:mail:send"));
    expect(await seqs({ principal: "key:k" })).toEqual(wanted(({ principal }) => principal === "key:k"));
    expect(await seqs({ callId: "a", type: "outcome" })).toEqual(wanted(({ callId, type }) => callId === "a" && type === "outcome"));
    expect(await seqs({ callId: "nobody's" })).toEqual([]);
  });

  it("by place and time, in both orders, a page at a time", async () => {
    const all = wanted(() => true);
    expect(await seqs({})).toEqual(all);
    expect(await seqs({ order: "newest", limit: 2 })).toEqual(all.toReversed().slice(0, 2));
    expect(await seqs({ after: all[1], before: all[4] })).toEqual(all.slice(2, 4));
    expect(await seqs({ from: 90, until: 101 })).toEqual(wanted(({ at }) => Number(at) >= 90 && Number(at) < 101));
  });

  it("exports from a row on, byte for byte, up to the head of when it began", async () => {
    const { lines } = must(await records.export(AUDITOR, { after: 2 }));
    const found: string[] = [];
    for await (const line of lines) {
      if (found.length === 1) await ship(2, [outcome("meanwhile")]);
      found.push(line);
    }
    const [header, ...rest] = found;
    expect(JSON.parse(header ?? "")).toMatchObject({ countersign: "export/v1", after: { seq: 2, hash: JSON.parse(store.lines[1]?.line ?? "").hash }, rows: rest.length });
    expect(rest).toEqual(store.lines.slice(2, 2 + rest.length).map(({ line }) => line));
    expect(rest.join()).not.toContain("meanwhile");
  });

  it("is for auditors, owners and the local operator", async () => {
    for (const [identity, code] of [[AUDITOR, "ok"], [OWNER, "ok"], [OPERATOR, "ok"], [voter("ann"), "forbidden"], [agent("k"), "forbidden"]] as const) {
      expect([codeOf(await records.query(identity, {})), codeOf(await records.export(identity, { after: 0 })), codeOf(await records.checkpoints(identity, { after: 0, limit: 1 }))]).toEqual([code, code, code]);
    }
  });
});

describe("erasing arguments", () => {
  /** A request about a secret, ended. */
  async function ended(path: string): Promise<string> {
    const { id } = must(await world.requests.ask(agent("k"), question({ args: { path } }))).request;
    must(await world.requests.cancel(agent("k"), id, { reason: "" }));
    return id;
  }
  const argumentsOf = async (id: string) => must(await world.requests.read(OWNER, id)).request.argumentsText;
  beforeEach(() => activate(world.ledger, 1, PLAIN_POLICY));

  it("of one request: its arguments are gone, the others' are there, and the record still verifies", async () => {
    const [one, two] = [await ended("/one"), await ended("/two")];
    expect(must(await records.erase(OWNER, { requestId: one, reason: "asked by the customer" })).erased).toBe(1);
    expect([await argumentsOf(one), await argumentsOf(two)]).toEqual([null, '{"path":"/two"}']);
    expect(must(await records.erase(OWNER, { requestId: one, reason: "again" })).erased).toBe(0);
    expect(rows().at(-1)).toMatchObject({ event: "arguments_erased", detail: { requestId: one, by: "olga", reason: "asked by the customer" } });
    expect(verified()).toBe(true);
  });

  it("not of a request that is open: people are being asked about them", async () => {
    const { id } = must(await world.requests.ask(agent("k"), question())).request;
    expect(codeOf(await records.erase(OWNER, { requestId: id, reason: "r" }))).toBe("conflict");
    expect(codeOf(await records.erase(OWNER, { requestId: "nothing", reason: "r" }))).toBe("not_found");
  });

  it("of whole days: every argument of theirs is gone for whoever has the installation key, later days' are not, and the record still verifies", async () => {
    const old = await ended("/old");
    must(await ship(1, [decision("a", { argumentsText: '{"path":"/shipped"}' })]));
    ahead += DAY;
    const fresh = await ended("/fresh");
    expect(must(await records.erase(OWNER, { before: store.clock(), reason: "retention" })).erased).toBe(1);
    expect([await argumentsOf(old), await argumentsOf(fresh)]).toEqual([null, '{"path":"/fresh"}']);
    expect(verified()).toBe(true);
    const keys = [...(store.rows.get("data_key")?.values() ?? [])].map(({ data }) => (data as { wrapped: string | null }).wrapped); // rows of that table
    expect(keys.filter((key) => key === null)).toHaveLength(1);
    // A process that has read nothing yet cannot open them either.
    const again = createSealer(world.ledger, createSecretKey(Buffer.alloc(32, 7)));
    const sealed = (await store.read("default", [{ table: "approval", id: old }])).get("approval", old)?.data.sealed;
    expect(sealed === null || sealed === undefined ? undefined : await again.open(sealed, old)).toBeUndefined();
  });

  it("not of days with a request that is open, until it has ended", async () => {
    const ask = must(await world.requests.ask(agent("k"), question({ args: { path: "/open" }, requirements: [{ timeoutMinutes: 3 * 24 * 60 }] }))).request;
    ahead += DAY;
    const refused = await records.erase(OWNER, { before: store.clock(), reason: "r" });
    expect(refused).toMatchObject({ ok: false, code: "conflict", detail: expect.stringContaining(ask.id) });
    expect(await argumentsOf(ask.id)).toBe('{"path":"/open"}');
    must(await world.requests.cancel(agent("k"), ask.id, { reason: "" }));
    expect(must(await records.erase(OWNER, { before: store.clock(), reason: "r" })).erased).toBe(1);
    expect(await argumentsOf(ask.id)).toBeNull();
  });

  it("never of today, whatever is asked for", async () => {
    const id = await ended("/today");
    expect(must(await records.erase(OWNER, { before: store.clock() + 10 * DAY, reason: "r" })).erased).toBe(0);
    expect(await argumentsOf(id)).toBe('{"path":"/today"}');
  });

  it("by owners alone, who must say what", async () => {
    for (const identity of [AUDITOR, voter("ann"), agent("k"), OPERATOR]) expect(codeOf(await records.erase(identity, { before: 1, reason: "r" }))).toBe("forbidden");
    expect(codeOf(await records.erase(OWNER, { reason: "r" }))).toBe("bad_request");
    expect(codeOf(await records.erase(OWNER, { reason: "r", before: 1, requestId: "x" }))).toBe("bad_request");
  });
});
