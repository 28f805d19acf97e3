import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../fixture/memory-store.ts";
import { activate, agent, agentKey, openWorld, person, put, question, voter } from "../fixture/world.ts";
import type { QuestionFields, World } from "../fixture/world.ts";

let store: MemoryStore;
let world: World;
let ahead = 0;

const POLICY = "version: 1\npolicies:\n  - { name: writes, match: 'mcp:files:*', action: block, approval: { grants: [once, session, 30m] } }\n  - { name: two, match: 'mcp:two:*', action: block, approval: { grants: [session], quorum: 2 } }\n";

beforeEach(async () => {
  store = new MemoryStore();
  ahead = 0;
  const start = Date.now();
  store.clock = () => start + ahead;
  world = await openWorld(store, { pollMs: 3_600_000, monotonic: () => ahead });
  await put(world.ledger, person("ann"), person("bob"), person("own", { roles: ["owner"] }), agentKey("k1", "own"), agentKey("k2"));
  await activate(world.ledger, 1, POLICY);
});
afterEach(() => world.close());

async function ask(fields: QuestionFields = {}, keyId = "k1") {
  const answer = await world.requests.ask(agent(keyId, keyId === "k1" ? "own" : null), question(fields));
  if (!answer.ok) throw new Error(`${answer.code}: ${answer.detail}`);
  return answer.request;
}

async function grantFor(fields: QuestionFields, scope: { for: string; free: string[] }, who = "ann") {
  const request = await ask(fields);
  const voted = await world.requests.vote(voter(who), request.id, { choice: "approve", requestDigest: request.requestDigest, viewedDigest: null, reason: "ok", grant: scope }, "inbox");
  return { request, voted };
}

/** Ends the request, so that the same call is asked about anew. */
async function run(request: { readonly id: string; readonly callDigest: string }, fields: QuestionFields = {}) {
  const claimId = randomBytes(32).toString("hex");
  const claimed = await world.requests.claim(agent("k1"), request.id, { claimId, callDigest: request.callDigest, definition: fields.definition ?? null, serverIdentity: fields.identity ?? null });
  if (claimed.ok) await world.requests.outcome(agent("k1"), request.id, { claimId, outcome: "completed", isError: false, elapsedMs: 1 });
  return claimed;
}

const stateAfter = async (fields: QuestionFields, keyId = "k1") => (await ask(fields, keyId)).state;

describe("a standing grant", () => {
  it("approves these very arguments without asking, in the same commit, and says who gave it", async () => {
    const { request, voted } = await grantFor({}, { for: "30m", free: [] });
    expect(voted).toMatchObject({ ok: true, request: { state: "approved" } });
    await run(request);
    let commits = 0;
    store.fault = async (what) => void (commits += what === "commit" ? 1 : 0);
    const next = await ask();
    expect(next).toMatchObject({ state: "approved", decision: { channel: "grant", human: false, grantId: expect.any(String) } });
    expect(commits).toBe(1);
    expect(await run(next)).toMatchObject({ ok: true });
    expect(store.lines.filter(({ event }) => event === "grant_used")).toHaveLength(1);
    expect(store.lines.findLast(({ type }) => type === "intent")?.line).toContain(`"approver":"grant:${next.decision?.grantId}"`);
  });

  it("covers nothing else: other arguments, session, agent, key, server, tool or definition", async () => {
    const { request } = await grantFor({}, { for: "session", free: [] });
    await run(request);
    expect(await stateAfter({ args: { path: "/b" } })).toBe("pending");
    expect(await stateAfter({ session: "s2" })).toBe("pending");
    expect(await stateAfter({ agent: "other" })).toBe("pending");
    expect(await stateAfter({}, "k2")).toBe("pending");
    expect(await stateAfter({ tool: "other" })).toBe("pending");
  });

  it("with free places lets those vary alone, and pins what was not there when it was given", async () => {
    const { request, voted } = await grantFor({ args: { path: "/a", text: "x", more: { deep: 1, other: [1, 2] } } }, { for: "30m", free: ["/text", "/more/deep"] });
    expect(voted.ok).toBe(true);
    await run(request);
    const covered = [{ path: "/a", text: "y", more: { deep: 9, other: [1, 2] } }, { path: "/a", text: { any: 1 }, more: { deep: null, other: [1, 2] } }];
    const not = [
      { path: "/b", text: "x", more: { deep: 1, other: [1, 2] } },
      { path: "/a", text: "x", more: { deep: 1, other: [1, 2] }, recursive: true },
      { path: "/a", text: "x", more: { deep: 1, other: [1, 2, 3] } },
      { path: "/a", text: "x", more: { deep: 1, other: [1, 2], "~1": 1 } },
      { path: "/a", text: "x" },
      { path: "/a", text: "x", more: [] },
    ];
    for (const args of covered) expect([args, await stateAfter({ args })]).toEqual([args, "approved"]);
    for (const args of not) expect([args, await stateAfter({ args })]).toEqual([args, "pending"]);
  });

  it("keeps no argument in the clear", async () => {
    const { voted } = await grantFor({ args: { path: "canary-pinned", text: "canary-free" } }, { for: "30m", free: ["/text"] });
    expect(voted).toMatchObject({ ok: true });
    expect(JSON.stringify([...(store.rows.get("standing_grant")?.values() ?? [])])).toContain("pinnedDigest");
    expect(JSON.stringify([[...store.rows].map(([, rows]) => [...rows.values()]), store.lines])).not.toContain("canary");
  });

  it("is refused where the policy does not allow it, where several must approve, and where nothing would be pinned", async () => {
    const cases: readonly [QuestionFields, { for: string; free: string[] }, string][] = [
      [{ args: { a: 1 } }, { for: "1h", free: [] }, "forbidden"],
      [{ args: { a: 2 } }, { for: "always", free: [] }, "bad_request"],
      [{ args: { a: 3 } }, { for: "30m", free: ["/a"] }, "bad_request"],
      [{ args: { a: { b: 3, c: { d: [4] } } } }, { for: "30m", free: ["/a/b", "/a/c/d"] }, "bad_request"],
      [{ args: { a: 4 } }, { for: "30m", free: ["/b"] }, "bad_request"],
      [{ args: {} }, { for: "30m", free: [""] }, "bad_request"],
    ];
    for (const [fields, scope, wanted] of cases) {
      const { request, voted } = await grantFor(fields, scope);
      expect([scope, voted.ok ? "ok" : voted.code, (await ask(fields)).state]).toEqual([scope, wanted, "pending"]);
      expect(request.state).toBe("pending");
    }
    const { voted } = await grantFor({ server: "two" }, { for: "session", free: [] });
    expect(voted).toMatchObject({ ok: false });
    expect(store.rows.get("standing_grant")?.size ?? 0).toBe(0);
  });

  it("ends with the tool's definition, the server, the policy, its time, its giver's right, and when it is revoked", async () => {
    const ends: readonly [string, QuestionFields, () => Promise<unknown>][] = [
      ["The tool's definition has changed.", { definition: "d".repeat(64) }, async () => undefined],
      ["The server is another one now.", { identity: "e".repeat(64) }, async () => undefined],
      ["The policy asks for something else now.", {}, () => activate(world.ledger, 2, POLICY.replace("30m]", "30m], requireReason: true"))],
      ["Whoever gave the grant may not approve such calls any more.", {}, () => put(world.ledger, person("ann", { roles: ["auditor"] }))],
    ];
    for (const [reason, then, change] of ends) {
      await put(world.ledger, person("ann"));
      const { request } = await grantFor({ tool: reason.slice(0, 12) }, { for: "30m", free: [] });
      await run(request);
      await change();
      expect([reason, await stateAfter({ tool: reason.slice(0, 12), ...then })]).toEqual([reason, "pending"]);
      expect(store.lines.findLast(({ event }) => event === "grant_ended")?.line).toContain(reason);
    }
    await put(world.ledger, person("ann"));
    const { request } = await grantFor({ tool: "timed" }, { for: "30m", free: [] });
    await run(request);
    ahead += 30 * 60_000;
    expect(await stateAfter({ tool: "timed" })).toBe("pending");
  });

  it("that ends between question and claim releases nothing", async () => {
    const { request } = await grantFor({}, { for: "30m", free: [] });
    await run(request);
    const next = await ask();
    const grants = await world.grants.list(voter("bob"));
    const id = grants.ok ? (grants.grants[0]?.id ?? "") : "";
    expect(await world.grants.revoke(voter("bob"), id)).toMatchObject({ ok: false, code: "forbidden" });
    expect(await world.grants.revoke(voter("ann"), id)).toMatchObject({ ok: true, grant: { live: false, endReason: "It was revoked." } });
    expect(await run(next)).toMatchObject({ ok: false, code: "superseded" });
    expect(await world.grants.revoke(voter("own"), "none")).toMatchObject({ code: "not_found" });
    expect(await world.grants.list(agent("k1"))).toMatchObject({ code: "forbidden" });
  });

  it("given to what one person asked through a gateway is nobody else's, who asks through the same", async () => {
    const [alice, bob] = ["alice", "bob"].map((subject) => ({ onBehalfOf: { issuer: "https://login.example.com", subject } }));
    const { request, voted } = await grantFor({ ...alice }, { for: "30m", free: [] });
    expect(voted.ok).toBe(true);
    await run(request);
    const states = [await stateAfter({ ...bob }), await stateAfter({}), await stateAfter({ ...alice })];
    expect(states).toEqual(["pending", "pending", "approved"]);
    const asked = await ask({ ...bob });
    expect(await world.grants.preview(voter("ann"), { requestId: asked.id, grant: { for: "30m", free: [] } })).toMatchObject({ ok: true, covered: 1 });
  });

  it("is never one's own agent's", async () => {
    const { voted } = await grantFor({}, { for: "30m", free: [] }, "own");
    expect(voted).toMatchObject({ ok: false, code: "self_approval" });
  });

  it("is previewed over the calls of the last 30 days", async () => {
    for (let index = 0; index < 5; index++) await ask({ args: { path: "/a", text: `t${index}` } });
    const request = await ask({ args: { path: "/b", text: "t" } });
    const of = (scope: { for: string; free: string[] }, id: string) => world.grants.preview(voter("ann"), { requestId: id, grant: scope });
    const first = await ask({ args: { path: "/a", text: "t0" } });
    expect(await of({ for: "30m", free: ["/text"] }, first.id)).toMatchObject({ ok: true, covered: 5, ofHeld: 6 });
    expect(await of({ for: "session", free: [] }, request.id)).toMatchObject({ ok: true, covered: 1, ofHeld: 6, examples: [{ requestId: request.id, state: "pending" }] });
    expect(await of({ for: "2h", free: [] }, request.id)).toMatchObject({ ok: false, code: "forbidden" });
    ahead += 31 * 86_400_000;
    expect(await of({ for: "30m", free: ["/text"] }, first.id)).toMatchObject({ ok: true, covered: 0, ofHeld: 0 });
  });
});
