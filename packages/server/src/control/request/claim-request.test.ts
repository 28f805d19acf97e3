import { describe, expect, it } from "vitest";
import { ask, asks, claim, code, eachInItsOwnWorld, stateOf, store, world } from "../fixture/asked-requests.ts";
import { activate, agent, agentKey, person, PLAIN_POLICY, put } from "../fixture/world.ts";

eachInItsOwnWorld();

describe("the claim", () => {
  it("is had by one, the same again is the same claim, and an ended or waiting request cannot be claimed", async () => {
    const request = await ask();
    expect((await claim(request)).answer).toMatchObject({ ok: false, code: "not_approved" });
    await asks("ann", request);
    const answers = await Promise.all(Array.from({ length: 8 }, () => claim(request)));
    const won = answers.filter(({ answer }) => answer.ok);
    expect(won).toHaveLength(1);
    expect(answers.map(({ answer }) => code(answer)).filter((said) => said === "in_progress")).toHaveLength(7);
    expect((await claim(request, { claimId: won[0]?.claimId ?? "" })).answer).toMatchObject({ ok: true, epoch: 1 });
    expect(store.lines.filter(({ type }) => type === "intent")).toHaveLength(1);
    expect(code(await world.requests.cancel(agent("k1"), request.id, { reason: "" }))).toBe("in_progress");
    expect(code(await world.requests.outcome(agent("k1"), request.id, { claimId: "0".repeat(64), outcome: "completed", isError: false, elapsedMs: 1 }))).toBe("conflict");
    expect((await claim(request, {}, "k2")).answer).toMatchObject({ code: "not_found" });
  });

  it("that was given back is not had by an attempt that comes late; the approval is there for whoever asks next", async () => {
    const request = await ask();
    await asks("ann", request);
    const { claimId } = await claim(request);
    expect(await world.requests.release(agent("k1"), request.id, { claimId })).toMatchObject({ ok: true, request: { state: "approved" } });
    expect((await claim(request, { claimId })).answer).toMatchObject({ ok: false, code: "conflict", state: "approved" });
    expect(await stateOf(request.id)).toBe("approved");
    expect((await claim(request)).answer).toMatchObject({ ok: true, epoch: 2 });
  });

  it("is refused for another call, and ends the request where tool or server are others", async () => {
    const request = await ask();
    await asks("ann", request);
    expect((await claim(request, { callDigest: "0".repeat(64) })).answer).toMatchObject({ code: "digest_mismatch" });
    expect((await claim(request, { definition: "0".repeat(64) })).answer).toMatchObject({ code: "superseded" });
    expect((await claim(request)).answer).toMatchObject({ code: "ended", state: "superseded" });
    const other = await ask();
    await asks("ann", other);
    expect((await claim(other, { serverIdentity: "0".repeat(64) })).answer).toMatchObject({ code: "superseded" });
  });

  it("looks at the approvers once more", async () => {
    const request = await ask();
    await asks("ann", request);
    await put(world.ledger, person("ann", { roles: ["auditor"] }));
    expect((await claim(request)).answer).toMatchObject({ code: "superseded" });
  });

  it("obeys the document in force: allowed or met goes, anything else asks anew", async () => {
    await activate(world.ledger, 1, PLAIN_POLICY);
    const [first, second, third, fourth] = [await ask({ tool: "a", requirements: [] }), await ask({ tool: "b", requirements: [] }), await ask({ tool: "c", requirements: [] }), await ask({ tool: "d", requirements: [] })];
    for (const request of [first, second, third, fourth]) await asks("ann", request);
    await activate(world.ledger, 2, "version: 1\npolicies:\n  - { name: stricter, match: 'mcp:files:a', action: block, approval: { quorum: 2 } }\n  - { name: other, match: 'mcp:files:b', action: block, approval: { approvers: [ann] } }\n  - { name: never, match: 'mcp:files:c', action: block, approval: never }\n");
    expect((await claim(first)).answer).toMatchObject({ code: "superseded" });
    expect((await claim(second)).answer).toMatchObject({ ok: true });
    expect((await claim(third)).answer).toMatchObject({ code: "superseded" });
    expect((await claim(fourth)).answer).toMatchObject({ ok: true });
  });

  it("is preceded by a review of what waits where a document comes into force", async () => {
    await activate(world.ledger, 1, PLAIN_POLICY);
    const [same, changed, loose] = [await ask({ tool: "a", requirements: [] }), await ask({ tool: "b", requirements: [] }), await ask({ tool: "c", requirements: [] })];
    await activate(world.ledger, 2, "version: 1\npolicies:\n  - { name: writes, match: 'mcp:files:a', action: block }\n  - { name: writes-b, match: 'mcp:files:b', action: block, approval: { quorum: 2 } }\n");
    expect(await world.requests.review()).toBe(1);
    expect([await stateOf(same.id), await stateOf(changed.id), await stateOf(loose.id)]).toEqual(["pending", "superseded", "pending"]);
  });

  it("is refused once the key is revoked", async () => {
    const request = await ask();
    await asks("ann", request);
    await put(world.ledger, agentKey("k1", "own", { revokedAt: 5 }));
    expect((await claim(request)).answer).toMatchObject({ code: "unauthenticated" });
  });
});
