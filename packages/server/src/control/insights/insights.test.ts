import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { insights as wire } from "@countersign/sdk/wire";
import { ANONYMOUS, OPERATOR } from "../../auth/identity.ts";
import type { Identity } from "../../auth/identity.ts";
import type { Role } from "../../store/entity/directory.ts";
import type { RecordLine } from "../../store/store.ts";
import { must, openInstallation } from "../people/fixture/installation.ts";
import type { Installation } from "../people/fixture/installation.ts";
import type { LedgerEntry } from "../ledger.ts";
import { createInsights } from "./create-insights.ts";
import type { Insights } from "./create-insights.ts";

const D = "ab".repeat(32);
const MINUTE = 60_000;
const DAY = 86_400_000;

let at: Installation;
let owner: Identity;
let insights: Insights;
beforeEach(async () => {
  at = await openInstallation();
  owner = await at.owner();
  insights = createInsights({ ledger: at.ledger, store: at.store, slice: 7 });
});
afterEach(async () => {
  await insights.close();
  await at.close();
});

const now = (): number => at.ledger.resident.now;
const write = (...entries: readonly LedgerEntry[]): Promise<void> => at.ledger.run({ needs: [], apply: () => ({ answer: undefined, entries }) });

interface Held {
  readonly id: string;
  readonly createdAt: number;
  readonly end?: "approved" | "denied" | "timeout" | "superseded" | "cancelled" | "granted";
  readonly afterMs?: number;
  readonly by?: readonly string[];
  readonly guards?: readonly string[];
  readonly length?: number;
  readonly tool?: string;
  readonly policies?: readonly string[];
  readonly call?: string;
}

function created({ id, createdAt, guards = [], length = 20, tool = "fs:write", policies = ["writes"], call = id }: Held): LedgerEntry {
  return { type: "event", event: "request_created", at: createdAt, detail: { requestId: id, callId: id, digest: call.padEnd(64, "0"), policyId: `mcp:${tool}`, principal: "key:k1", agent: "bot", policies, guards, length } };
}

function voted({ id, createdAt, afterMs = 1000, end, by = [] }: Held): readonly LedgerEntry[] {
  return by.map((person) => ({ type: "event", event: "vote_cast", at: createdAt + afterMs, detail: { requestId: id, person: `person:${person}`, choice: end === "denied" ? "deny" : "approve" } }));
}

function over({ id, createdAt, afterMs = 1000, end }: Held): readonly LedgerEntry[] {
  if (end === undefined) return [];
  const said = { status: end === "cancelled" ? "denied" : end === "granted" ? "approved" : end, ...(end === "cancelled" ? { error: "cancelled" } : {}), ...(end === "granted" ? { channel: "grant" } : {}) } as const;
  return [{ type: "approval", callId: id, at: createdAt + afterMs, requestId: id, requestDigest: D, digest: D, approver: "", elapsedMs: afterMs, ...said }];
}

const rows = (held: Held): readonly LedgerEntry[] => [created(held), ...voted(held), ...over(held)];

const decision = (callId: string, fields: object = {}): LedgerEntry =>
  ({ type: "decision", callId, at: now(), policyId: "mcp:fs:read", server: "fs", tool: "read", principal: "key:k1", agent: "bot", user: "", session: "s", digest: D, definition: null, action: "allow", reason: "", policies: [], decisive: [], findings: [], reportedBy: "k1", ...fields });

async function read(who: Identity = owner, query = {}): Promise<wire.Insights> {
  return must(await insights.read(who, query)).insights;
}

describe("insights", () => {
  it("count each held call once by what became of it, and the time that people took", async () => {
    const t = now() - 10 * MINUTE;
    await write(
      ...rows({ id: "a", createdAt: t, end: "approved", afterMs: 4_000, by: ["p1"] }),
      ...rows({ id: "b", createdAt: t, end: "denied", afterMs: 8_000, by: ["p2"] }),
      ...rows({ id: "c", createdAt: t, end: "timeout", afterMs: 300_000 }),
      ...rows({ id: "d", createdAt: t, end: "cancelled" }),
      ...rows({ id: "e", createdAt: t, end: "superseded" }),
      ...rows({ id: "f", createdAt: t, end: "granted", afterMs: 0 }),
      ...rows({ id: "g", createdAt: t }),
    );
    const { totals, complete, approvers } = await read();
    expect(complete).toBe(true);
    expect(totals).toMatchObject({ held: 7, approved: 1, denied: 1, expired: 1, withdrawn: 2, granted: 1, open: 1, medianMs: 6_000, p95Ms: 8_000 });
    expect(approvers?.map(({ personId, approved, denied, medianMs }) => [personId, approved, denied, medianMs])).toEqual([["p1", 1, 0, 4_000], ["p2", 0, 1, 8_000]]);
  });

  it("what happens to an approved call later is no other decision", async () => {
    const held: Held = { id: "a", createdAt: now() - MINUTE, end: "approved", by: ["p1"] };
    await write(...rows(held), ...over({ ...held, end: "timeout", afterMs: 60_000 }), ...over({ ...held, end: "superseded", afterMs: 61_000 }));
    expect((await read()).totals).toMatchObject({ held: 1, approved: 1, expired: 0, withdrawn: 0, medianMs: 1_000 });
  });

  it("a call that was approved with other arguments counts once, from when it was asked about; its editor had that long, others only the changed call", async () => {
    const t = now() - 10 * MINUTE;
    const edited = (of: string, successor: string, person: string, when: number): LedgerEntry => ({ type: "event", event: "request_edited", at: when, detail: { requestId: of, successor, person: `person:${person}` } });
    const second: Held = { id: "b", createdAt: t + 50_000, guards: ["quorum"] };
    await write(
      ...rows({ id: "a", createdAt: t, end: "superseded", afterMs: 50_000, guards: ["quorum"] }),
      edited("a", "b", "p1", t + 50_000),
      created(second),
      ...voted({ ...second, afterMs: 0, by: ["p1"] }),
      ...voted({ ...second, afterMs: 1_000, by: ["p2"] }),
      ...over({ ...second, afterMs: 1_000, end: "approved" }),
    );
    const { totals, approvers } = await read();
    expect(totals).toMatchObject({ held: 1, approved: 1, withdrawn: 0, medianMs: 51_000 });
    expect(approvers?.map(({ personId, heavy }) => [personId, heavy])).toEqual([
      ["p1", { approvals: 1, quick: 0, medianMs: 50_000 }],
      ["p2", { approvals: 1, quick: 1, medianMs: 1_000 }],
    ]);
  });

  it("calls that nobody was asked about come from the rows that agents ship; answers given in their processes stand apart", async () => {
    await write(decision("1"), decision("2", { action: "warn" }), decision("3", { action: "block", code: "policy_block", policyId: "mcp:db:drop" }), decision("4", { action: "block" }));
    await write(decision("4", { action: "block", code: "cancelled" }), { type: "approval", callId: "5", at: now(), requestId: "local", requestDigest: D, digest: D, status: "approved", approver: "", elapsedMs: 1, reportedBy: "k1" });
    const { totals, tools, agents } = await read();
    expect(totals).toMatchObject({ ran: 2, refused: 1, held: 0, answeredByAgents: 1 });
    expect(tools.map(({ policyId, ran, refused }) => [policyId, ran, refused])).toEqual([["mcp:fs:read", 2, 0], ["mcp:db:drop", 0, 1]]);
    expect(agents.map(({ principal, ran, refused }) => [principal, ran, refused])).toEqual([["key:k1", 2, 1]]);
  });

  it("lines of the series add up to the totals, and only what was asked in the days that are asked about counts", async () => {
    const t = now();
    await write(...rows({ id: "old", createdAt: t - 8 * DAY, end: "approved" }), ...rows({ id: "two", createdAt: t - 2 * DAY, end: "denied", by: ["p1"] }), ...rows({ id: "now", createdAt: t - 1, end: "approved", by: ["p1"] }));
    for (const [days, held, steps] of [[1, 1, 24], [7, 2, 7], [30, 3, 30], [90, 3, 90]] as const) {
      const { series, totals, step } = await read(owner, { days, offsetMinutes: 120 });
      expect([days, totals.held, series.length, step]).toEqual([days, held, steps, days === 1 ? "hour" : "day"]);
      expect(series.reduce((sum, one) => sum + one.held, 0)).toBe(held);
    }
  });

  it("days are the reader's own", async () => {
    await write(...rows({ id: "a", createdAt: now() - 1, end: "approved" }));
    for (const offsetMinutes of [-840, -30, 0, 345, 840]) {
      const { series } = await read(owner, { days: 7, offsetMinutes });
      expect(series.map(({ at: start }) => (start + offsetMinutes * MINUTE) % DAY)).toEqual(Array.from({ length: 7 }, () => 0));
      expect(series.at(-1)?.held).toBe(1);
    }
  });

  it("the tables name tools, agents and policies, the largest first", async () => {
    const t = now() - MINUTE;
    await write(...rows({ id: "a", createdAt: t, tool: "db:drop", policies: ["one", "two"], end: "denied", by: ["p1"] }), ...rows({ id: "b", createdAt: t }), ...rows({ id: "c", createdAt: t }));
    const { tools, policies, agents } = await read();
    expect(tools.map(({ policyId, held, denied }) => [policyId, held, denied])).toEqual([["mcp:fs:write", 2, 0], ["mcp:db:drop", 1, 1]]);
    expect(policies.map(({ policy, held }) => [policy, held])).toEqual([["writes", 2], ["one", 1], ["two", 1]]);
    expect(agents).toMatchObject([{ principal: "key:k1", names: ["bot"], held: 3 }]);
  });

  it("warns of whoever approves heavy calls sooner than they can be read, and of nobody else", async () => {
    const t = now() - MINUTE;
    const heavy = (person: string, afterMs: number, more: Partial<Held> = {}) =>
      Array.from({ length: 5 }, (_, index) => rows({ id: `${person}${index}`, createdAt: t, end: "approved", afterMs, by: [person], guards: ["quorum"], ...more })).flat();
    await write(
      ...heavy("quick", 1_500),
      ...heavy("careful", 30_000),
      ...heavy("long", 15_000, { guards: [], length: 8_000 }), // 42 s at the least
      ...heavy("plain", 500, { guards: [] }),
      ...heavy("same", 1_000, { call: "again" }), // one call five times: read once
      ...heavy("denies", 500, { end: "denied" }),
    );
    const { approvers, weights } = await read();
    expect(approvers?.filter(({ rubberStamp }) => rubberStamp).map(({ personId }) => personId).toSorted()).toEqual(["long", "quick"]);
    expect(approvers?.find(({ personId }) => personId === "same")?.heavy).toEqual({ approvals: 1, quick: 1, medianMs: 1_000 });
    expect(weights?.map(({ weight, approvals, quick, medianMs }) => [weight, approvals, quick, medianMs])).toEqual([["plain", 5, 5, 500], ["guarded", 15, 10, 1_500], ["long", 5, 5, 15_000]]);
  });

  it("counts of the same call the first approval, in whatever order the record is read", async () => {
    const t = now() - 10 * MINUTE;
    const same = { end: "approved", by: ["p1"], guards: ["quorum"], call: "again" } as const;
    await write(...rows({ ...same, id: "first", createdAt: t, afterMs: 30_000 }));
    for (let index = 0; index < 5; index += 1) await write(...rows({ id: `between${index}`, createdAt: t + MINUTE }), ...rows({ id: `more${index}`, createdAt: t + MINUTE }));
    await write(...rows({ ...same, id: "second", createdAt: t + 2 * MINUTE, afterMs: 500 }));
    expect((await read()).approvers?.[0]?.heavy).toEqual({ approvals: 1, quick: 0, medianMs: 30_000 });
  });

  it("shows everybody what they may read otherwise, and no more", async () => {
    await write(decision("1"), ...rows({ id: "a", createdAt: now() - 1, end: "approved", by: ["p1"] }));
    const seen = async (...roles: readonly Role[]) => {
      const { totals, approvers, weights, series, tools } = await read(await at.join(owner, roles.join("-"), roles));
      return { held: totals.held, ran: totals.ran, ranOfSeries: series.some(({ ran }) => ran !== null), tools: tools.length, votes: approvers !== null && weights !== null };
    };
    expect(await seen("auditor")).toEqual({ held: 1, ran: 1, ranOfSeries: true, tools: 2, votes: true });
    expect(await seen("owner")).toEqual({ held: 1, ran: 1, ranOfSeries: true, tools: 2, votes: true });
    expect(await seen("approver")).toEqual({ held: 1, ran: null, ranOfSeries: false, tools: 1, votes: true });
    expect(await seen("policy_editor")).toEqual({ held: 1, ran: null, ranOfSeries: false, tools: 1, votes: false });
    const nobody = await at.join(owner, "nobody", []);
    for (const who of [nobody, ANONYMOUS, OPERATOR]) expect((await insights.read(who, {})).ok).toBe(false);
  });

  it("reads no row twice, and only as far back as was asked for", async () => {
    const t = now();
    for (let day = 30; day >= 0; day -= 1) await write(...Array.from({ length: 7 }, (_, index) => rows({ id: `d${day}-${index}`, createdAt: t - day * DAY })[0]).filter((one) => one !== undefined));
    const reads: number[] = [];
    const counting = createInsights({ ledger: at.ledger, slice: 7, store: { tallyCalls: (tenant, range) => at.store.tallyCalls(tenant, range), readRecord: async (query) => told(await at.store.readRecord(query)) } });
    function told(lines: readonly RecordLine[]): readonly RecordLine[] {
      reads.push(...lines.map(({ seq }) => seq));
      return lines;
    }
    const held = async (days: number): Promise<number> => must(await counting.read(owner, { days })).insights.totals.held;
    expect(await held(1)).toBe(7);
    expect(reads.length).toBeLessThan(40);
    expect(await held(7)).toBe(7 * 7);
    expect(await held(90)).toBe(31 * 7);
    await write(...rows({ id: "new", createdAt: now() }));
    expect(await held(1)).toBe(8);
    expect(new Set(reads).size).toBe(reads.length);
    await counting.close();
  });

  it("says how far it has come while older rows are still being counted, and comes to the end", async () => {
    const t = now();
    for (let day = 6; day >= 0; day -= 1) await write(...rows({ id: `d${day}`, createdAt: t - day * DAY }));
    const hurried = createInsights({ ledger: at.ledger, store: at.store, slice: 1, patienceMs: 0 });
    const first = must(await hurried.read(owner, {})).insights;
    expect(first.complete).toBe(false);
    expect(first.countedFrom).toBeGreaterThan(first.from);
    let last = first;
    for (let tries = 0; tries < 500 && !last.complete; tries += 1) last = must(await hurried.read(owner, {})).insights;
    expect([last.complete, last.countedFrom === last.from, last.totals.held]).toEqual([true, true, 7]);
    await hurried.close();
  });

  it("keeps so many requests and no more, and says since when it counts", async () => {
    const t = now() - MINUTE;
    for (let index = 0; index < 40; index += 1) await write(...rows({ id: `r${index}`, createdAt: t + index * 1000 }));
    const bounded = createInsights({ ledger: at.ledger, store: at.store, slice: 10, mostRequests: 15 });
    const { totals, countedFrom, from } = must(await bounded.read(owner, {})).insights;
    expect(totals.held).toBeGreaterThan(8);
    expect(totals.held).toBeLessThan(25);
    expect(countedFrom).toBeGreaterThan(from);
    await bounded.close();
  });

  it("a store that does not answer is told to whoever asks, and asked again by the next", async () => {
    let broken = true;
    const store = { tallyCalls: (...args: Parameters<typeof at.store.tallyCalls>) => at.store.tallyCalls(...args), readRecord: async (query: Parameters<typeof at.store.readRecord>[0]) => (broken ? Promise.reject(new Error("gone")) : at.store.readRecord(query)) };
    const failing = createInsights({ ledger: at.ledger, store });
    await expect(failing.read(owner, {})).rejects.toThrow("gone");
    broken = false;
    expect(must(await failing.read(owner, {})).insights.complete).toBe(true);
    await failing.close();
  });
});
