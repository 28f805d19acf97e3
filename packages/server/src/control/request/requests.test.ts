import { describe, expect, it } from "vitest";
import { ahead, ask, asks, claim, code, eachInItsOwnWorld, stateOf, store, turn, world } from "../fixture/asked-requests.ts";
import { activate, agent, delegation, group, onePersonMode, openWorld, person, put, question, requirement, voter } from "../fixture/world.ts";
import type { QuestionFields, World } from "../fixture/world.ts";

eachInItsOwnWorld();

describe("a request from question to outcome", () => {
  it("takes four commits: create, vote, claim, outcome", async () => {
    await world.sealer.seal("", "");
    let commits = 0;
    store.fault = async (what) => void (commits += what === "commit" ? 1 : 0);
    const request = await ask();
    expect(request).toMatchObject({ state: "pending", rev: 1, decision: null });
    const voted = await asks("ann", request);
    expect(voted).toMatchObject({ ok: true, request: { state: "approved", progress: [{ policy: "own", have: 1, need: 1 }] } });
    const { claimId, answer } = await claim(request);
    expect(answer).toMatchObject({ ok: true, claimed: true, epoch: 1, leaseMs: 30_000, request: { state: "executing", decision: { approver: "ann@example.com", channel: "inbox", human: true, selfApproved: false } } });
    expect(await world.requests.outcome(agent("k1"), request.id, { claimId, outcome: "completed", isError: false, elapsedMs: 5 })).toMatchObject({ ok: true, request: { state: "completed" } });
    expect(commits).toBe(4);
    expect(store.lines.slice(-5).map(({ type, event }) => event ?? type)).toEqual(["request_created", "vote_cast", "approval", "intent", "outcome"]);
    expect(new Set(store.lines.slice(-5).map(({ requestId, principal, policyId }) => `${requestId} ${principal} ${policyId}`))).toEqual(new Set([`${request.id} key:k1 mcp:files:write`]));
  });

  it("has an id that no command line takes for an option", async () => {
    const ids = await Promise.all(Array.from({ length: 200 }, async (_, n) => (await ask({ args: { n } })).id));
    for (const id of ids) expect(id).toMatch(/^[0-9a-v]{26}$/);
  });

  it("is joined by the same call while it is open, refused while it is executed, and asked anew after its end", async () => {
    const first = await ask();
    const again = await world.requests.ask(agent("k1", "own"), question({ requirements: [requirement()] }));
    expect(again).toMatchObject({ ok: true, created: false, request: { id: first.id } });
    expect((await ask({ agent: "other" })).id).not.toBe(first.id);
    expect((await ask({}, "k2")).id).not.toBe(first.id);
    await asks("ann", first);
    const { claimId } = await claim(first);
    expect(code(await world.requests.ask(agent("k1", "own"), question({ requirements: [requirement()] })))).toBe("in_progress");
    await world.requests.outcome(agent("k1"), first.id, { claimId, outcome: "failed", isError: true, elapsedMs: 1 });
    expect((await ask()).id).not.toBe(first.id);
  });

  it("is not joined by the same call where the caller's own document asks for something else by now, or for another subject: a yes to one is none to the other", async () => {
    const subject = { issuer: "https://login.example.com", subject: "s-1" };
    const lax = await ask();
    await asks("ann", lax);
    const fields: readonly QuestionFields[] = [{ requirements: [requirement({ quorum: 2 })] }, { requirements: [requirement({ approvers: ["bob"] })] }, { requirements: [requirement(), requirement({ policy: "b" })] }, { requirements: [requirement()], onBehalfOf: subject }, { requirements: [requirement()], onBehalfOf: { ...subject, subject: "s-2" } }];
    const others = await Promise.all(fields.map((one) => ask(one)));
    expect(others.map(({ state }) => state)).toEqual(fields.map(() => "pending"));
    expect(new Set([lax, ...others].map(({ id }) => id)).size).toBe(fields.length + 1);
    expect(await Promise.all(fields.map(async (one) => (await ask(one)).id))).toEqual(others.map(({ id }) => id));
  });

  it("is stored without a look at the store before, and joined also by an instance that has never seen it, however full the key", async () => {
    await ask({ args: { first: "of the day" } });
    const looked: unknown[] = [];
    const read = store.read.bind(store);
    store.read = (tenant, keys) => {
      looked.push(...keys);
      return read(tenant, keys);
    };
    const made = await ask();
    expect(looked).toEqual([]);
    const other = await openWorld(store, { pollMs: 3_600_000, monotonic: () => ahead });
    const { createRequests } = await import("./create-requests.ts");
    const full = createRequests(other.ledger, store, other.sealer, { urlOf: String, maxOpen: 2 });
    const same = question({ requirements: [requirement()] });
    for (const requests of [full, other.requests]) expect(await requests.ask(agent("k1", "own"), same)).toMatchObject({ ok: true, created: false, request: { id: made.id } });
    expect(code(await full.ask(agent("k1", "own"), question({ args: { another: 1 }, requirements: [requirement()] })))).toBe("too_many");
    full.close();
    await other.close();
  });

  it("is made once by many who ask at the same moment", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => world.requests.ask(agent("k1", "own"), question({ requirements: [requirement()] }))));
    expect(new Set(answers.map((answer) => (answer.ok ? answer.request.id : answer.code))).size).toBe(1);
    expect(answers.filter((answer) => answer.ok && answer.created)).toHaveLength(1);
  });

  it("is refused where the digest is not the call's, where the document forbids it, and where there is no document", async () => {
    const body = question({ requirements: [requirement()] });
    expect(code(await world.requests.ask(agent("k1"), { ...body, call: { ...body.call, digest: "0".repeat(64) } }))).toBe("digest_mismatch");
    expect(code(await world.requests.ask(agent("k1"), question()))).toBe("policy_unavailable");
    await activate(world.ledger, 1, "version: 1\npolicies:\n  - { name: never, match: 'mcp:files:*', action: block, approval: never }\n");
    expect(code(await world.requests.ask(agent("k1"), question({ requirements: [requirement()] })))).toBe("policy_block");
    expect(code(await world.requests.ask(agent("gone"), question({ server: "x", requirements: [requirement()] })))).toBe("unauthenticated");
    expect(code(await world.requests.ask(voter("ann"), body))).toBe("forbidden");
  });

  it("asks for the document's requirements and the caller's, of two with one name the document's", async () => {
    await activate(world.ledger, 1, "version: 1\npolicies:\n  - { name: writes, match: 'mcp:files:*', action: block, approval: { quorum: 2, timeoutMinutes: 3 } }\n");
    const request = await ask({ requirements: [requirement({ policy: "writes" }), requirement({ policy: "mine", timeoutMinutes: 9 })], timeoutMs: 1_000 });
    expect(request.requirements).toMatchObject([{ policy: "writes", quorum: 2 }, { policy: "mine", quorum: 1 }]);
    expect(request.expiresAt - request.createdAt).toBe(180_000);
    await activate(world.ledger, 2, "version: 1\npolicies: []\n");
    expect((await ask({ requirements: [], timeoutMs: 7_000, tool: "read" })).requirements).toMatchObject([{ policy: "default", quorum: 1, approvers: [] }]);
  });

  it("seals its arguments for this request alone, and shows people what would run", async () => {
    const request = await ask({ args: { secret: "CANARY" } });
    expect(JSON.stringify([...store.lines, ...(store.rows.get("approval")?.values() ?? [])])).not.toContain("CANARY");
    expect(await world.requests.read(voter("ann"), request.id)).toMatchObject({ ok: true, request: { argumentsText: '{"secret":"CANARY"}', contextText: "{}", mayVote: { allowed: true } } });
    const sealed = store.rows.get("approval")?.get(request.id)?.data as { sealed: Parameters<World["sealer"]["open"]>[0] };
    await expect(world.sealer.open(sealed.sealed, "another")).rejects.toThrow();
    expect(code(await world.requests.read(agent("k1"), request.id))).toBe("forbidden");
    expect(code(await world.requests.asked(agent("k2"), request.id))).toBe("not_found");
  });

  it("is limited in number for each key, and still joined beyond", async () => {
    for (let index = 0; index < 5; index++) await ask({ args: { index } }, "k2");
    const { createRequests } = await import("./create-requests.ts");
    const strict = createRequests(world.ledger, store, world.sealer, { urlOf: String, maxOpen: 6 });
    const more = await Promise.all([6, 7, 8].map((index) => strict.ask(agent("k2"), question({ args: { index }, requirements: [requirement()] }))));
    expect(more.map(code).toSorted((a = "", b = "") => a.localeCompare(b))).toEqual(["ok", "too_many", "too_many"]);
    expect(code(await strict.ask(agent("k2"), question({ args: { index: 0 }, requirements: [requirement()] })))).toBe("ok");
    strict.close();
  });
});

describe("a vote", () => {
  it("counts only on the digest that was shown, once per person, and only while the request waits", async () => {
    const request = await ask({ requirements: [requirement({ quorum: 2 })] });
    expect(code(await asks("ann", request, { digest: "0".repeat(64) }))).toBe("stale_digest");
    expect(code(await asks("ann", request))).toBe("ok");
    expect(await asks("ann", request)).toMatchObject({ ok: true, request: { state: "pending", progress: [{ have: 1, need: 2 }] } });
    expect(code(await asks("ann", request, { choice: "deny" }))).toBe("conflict");
    expect(await asks("bob", request)).toMatchObject({ request: { state: "approved" } });
    expect(await asks("cy", request)).toMatchObject({ ok: false, code: "conflict", state: "approved" });
    const denied = await ask({ tool: "other" });
    expect(await asks("ann", denied, { choice: "deny", reason: "no" })).toMatchObject({ request: { state: "denied" } });
    expect(await asks("bob", denied)).toMatchObject({ ok: false, code: "ended", state: "denied", detail: "no" });
  });

  it("counts only from people who may at the moment of the commit", async () => {
    await put(world.ledger, person("gone", { status: "disabled" }), person("aud", { roles: ["auditor"] }), group("ops", ["g-inner"]), group("inner", ["bob", "g-ops"]));
    const request = await ask({ requirements: [requirement({ approvers: ["group:ops", "CY@example.com"] })] });
    expect([code(await asks("gone", request)), code(await asks("nobody", request)), code(await asks("aud", request)), code(await asks("ann", request))]).toEqual(["unauthenticated", "unauthenticated", "not_eligible", "not_eligible"]);
    expect(code(await world.requests.vote(agent("k1"), request.id, { choice: "approve", requestDigest: request.requestDigest, viewedDigest: null, reason: "", grant: null }, "inbox"))).toBe("forbidden");
    expect(code(await asks("bob", request))).toBe("ok");
    expect(code(await asks("cy", await ask({ tool: "t2", requirements: [requirement({ approvers: ["cy@EXAMPLE.com"] })] })))).toBe("ok");
  });

  it("meets every requirement that its caster is named in, and no other", async () => {
    const request = await ask({ requirements: [requirement({ policy: "a", approvers: ["ann", "bob"] }), requirement({ policy: "b", approvers: ["bob"] })] });
    expect(await asks("ann", request)).toMatchObject({ request: { state: "pending", progress: [{ have: 1 }, { have: 0 }] } });
    expect(await asks("bob", request)).toMatchObject({ request: { state: "approved" } });
  });

  it("needs the assurance and the reason that are asked for", async () => {
    const request = await ask({ requirements: [requirement({ assurance: "passkey", requireReason: true })] });
    expect(code(await asks("ann", request, { reason: "x" }))).toBe("assurance");
    expect(code(await asks("ann", request, { assurance: "passkey" }))).toBe("bad_request");
    expect(code(await asks("ann", request, { assurance: "passkey", reason: "x" }))).toBe("ok");
  });

  it("is nobody's own agent's, unless one-person mode or the policy says so, and says so then", async () => {
    const request = await ask();
    expect(code(await asks("own", request))).toBe("self_approval");
    expect(code(await asks("own", request, { choice: "deny" }))).toBe("ok");
    const said = await ask({ tool: "t2", requirements: [requirement({ selfApproval: true })] });
    expect(code(await asks("own", said))).toBe("ok");
    await put(world.ledger, onePersonMode(true));
    const one = await ask({ tool: "t3" });
    expect(code(await asks("own", one))).toBe("ok");
    expect(await world.requests.asked(agent("k1"), one.id)).toMatchObject({ request: { state: "approved", decision: { selfApproved: true } } });
    const two = await ask({ tool: "t4", requirements: [requirement({ selfApproval: false }), requirement({ policy: "b" })] });
    expect(code(await asks("own", two))).toBe("self_approval");
  });

  it("is not approved by whoever signs in as the subject that a gateway asks for, however they are named", async () => {
    const subject = { issuer: "https://login.example.com", subject: "s-1" };
    await put(world.ledger, person("dee", { subjects: [subject] }), person("eve", { subjects: [{ ...subject, issuer: "https://other.example.com" }] }), delegation("dee", "bob"));
    const one = await ask({ tool: "t1", onBehalfOf: subject }, "k2");
    expect(code(await asks("dee", one))).toBe("self_approval");
    expect(code(await asks("dee", one, { choice: "deny" }))).toBe("ok");
    const two = await ask({ tool: "t2", onBehalfOf: subject, requirements: [requirement({ approvers: ["dee@example.com"] })] }, "k2");
    expect(code(await asks("bob", two))).toBe("self_approval");
    for (const who of ["eve", "ann"]) expect(code(await asks(who, await ask({ tool: `t-${who}`, onBehalfOf: subject }, "k2")))).toBe("ok");
    // The very call that somebody else asks through the same gateway is another question: else dee would say yes to it, and run their own.
    const theirs = await ask({ tool: "t5", onBehalfOf: { ...subject, subject: "s-2" } }, "k2");
    const own = await ask({ tool: "t5", onBehalfOf: subject }, "k2");
    expect([own.id === theirs.id, code(await asks("dee", own)), code(await asks("dee", theirs))]).toEqual([false, "self_approval", "ok"]);
    expect((await ask({ tool: "t5", onBehalfOf: subject }, "k2")).id).toBe(own.id);
    // It gives nobody a right: the owner of the gateway's own key stays who they are.
    expect(code(await asks("own", await ask({ tool: "t4", onBehalfOf: subject }, "k1")))).toBe("self_approval");
  });

  it("through a delegation counts once, as the delegator's, and never for one's own agent", async () => {
    await put(world.ledger, delegation("ann", "bob"), delegation("ann", "cy"), delegation("own", "bob"), person("dan"), delegation("dan", "own"));
    const request = await ask({ requirements: [requirement({ approvers: ["ann"], quorum: 1 }), requirement({ policy: "b", approvers: ["ann", "cy"], quorum: 2 })] });
    expect(code(await asks("bob", request))).toBe("ok");
    expect(await world.requests.read(voter("ann"), request.id)).toMatchObject({ request: { votes: [{ personId: "bob", onBehalfOf: "ann", countsFor: ["own", "b"] }], progress: [{ have: 1 }, { have: 1 }] } });
    expect(code(await asks("ann", request))).toBe("not_eligible");
    expect(await asks("cy", request)).toMatchObject({ request: { state: "approved" } });
    const owns = await ask({ tool: "t2", requirements: [requirement({ approvers: ["own"] })] });
    expect(code(await asks("bob", owns))).toBe("self_approval");
    const dans = await ask({ tool: "t3", requirements: [requirement({ approvers: ["dan"] })] });
    expect(code(await asks("own", dans))).toBe("self_approval");
    await put(world.ledger, delegation("ann", "bob", { until: 5 }));
    expect(code(await asks("bob", await ask({ tool: "t4", requirements: [requirement({ approvers: ["ann"] })] })))).toBe("not_eligible");
  });
});

describe("time", () => {
  it("that has run out is an end, though nobody swept", async () => {
    const request = await ask({ timeoutMs: 10_000 });
    turn(10_000);
    expect(await asks("ann", request)).toMatchObject({ ok: false, code: "ended", state: "expired" });
    expect(store.rows.get("approval")?.get(request.id)?.data).toMatchObject({ state: "expired", dedupeKey: null });
    expect((await ask({ timeoutMs: 10_000 })).id).not.toBe(request.id);
  });

  it("lets an approval be claimed for a minute at least, and not after", async () => {
    const request = await ask({ timeoutMs: 10_000 });
    turn(9_999);
    expect(await asks("ann", request)).toMatchObject({ request: { state: "approved" } });
    turn(59_000);
    const { claimId, answer } = await claim(request);
    expect(answer.ok).toBe(true);
    expect(await world.requests.release(agent("k1"), request.id, { claimId })).toMatchObject({ ok: true, request: { state: "approved" } });
    turn(2_000);
    const late = { ok: false, code: "ended", state: "expired", detail: "It was approved, and the approval was not used in time. Nothing ran on it. Ask again." };
    expect((await claim(request)).answer).toMatchObject(late);
    expect((await claim(request)).answer).toMatchObject(late); // written down by now
  });

  it("is the store's, also for an instance that has not looked at it for long", async () => {
    const behind = await openWorld(store, { pollMs: 3_600_000, monotonic: () => 0 });
    const request = await ask({ timeoutMs: 10_000 });
    await expect.poll(() => behind.ledger.head.seq).toBe(world.ledger.head.seq);
    store.hints = false;
    turn(10_000);
    const body = { choice: "approve", requestDigest: request.requestDigest, viewedDigest: null, reason: "", grant: null } as const;
    expect(await behind.requests.vote(voter("ann"), request.id, body, "inbox")).toMatchObject({ ok: false, code: "ended", state: "expired" });
    await behind.close();
  });

  it("is written down by the sweeper, which also ends claims that nobody reports on", async () => {
    const [waits, runs] = [await ask({ timeoutMs: 10_000 }), await ask({ tool: "t2" })];
    await asks("ann", runs);
    const { claimId } = await claim(runs);
    turn(20_000);
    expect(await world.requests.leases(agent("k1"), { claims: [{ id: runs.id, claimId }, { id: waits.id, claimId }] })).toMatchObject({ ok: true, lost: [waits.id] });
    turn(20_000);
    await world.sweeper.sweep();
    expect([await stateOf(waits.id), await stateOf(runs.id)]).toEqual(["expired", "executing"]);
    turn(31_000);
    await world.sweeper.sweep();
    expect(await stateOf(runs.id)).toBe("outcome_unknown");
    expect(store.rows.get("execution_lease")?.size).toBe(0);
    const late = await world.requests.outcome(agent("k1"), runs.id, { claimId, outcome: "completed", isError: false, elapsedMs: 1 });
    expect(late).toMatchObject({ ok: true, request: { state: "outcome_unknown" } });
    expect(store.lines.at(-1)?.event).toBe("late_report");
    expect(await world.requests.annotate(voter("ann"), runs.id, { happened: true, note: "saw it" })).toMatchObject({ ok: true });
    expect(code(await world.requests.annotate(voter("ann"), runs.id, { happened: false, note: "" }))).toBe("conflict");
    expect(code(await world.requests.annotate(voter("ann"), waits.id, { happened: false, note: "" }))).toBe("conflict");
  });
});
