import { describe, expect, it } from "vitest";
import { ahead, ask, asks, eachInItsOwnWorld, store, turn, world } from "../fixture/asked-requests.ts";
import { agent, openWorld } from "../fixture/world.ts";

eachInItsOwnWorld();

describe("whoever waits", () => {
  it("is answered when the request moves, with the decision in hand", async () => {
    const request = await ask();
    const waiting = world.requests.asked(agent("k1"), request.id, { waitMs: 5_000, rev: request.rev });
    await expect.poll(() => world.requests.waiting).toBe(1);
    await asks("ann", request);
    expect(await waiting).toMatchObject({ ok: true, request: { state: "approved", rev: 2, decision: { approver: "ann@example.com" } } });
    expect(world.requests.waiting).toBe(0);
  });

  it("is answered at once where it has moved, after its own time, when aborted, and when the request's time is up", async () => {
    const request = await ask({ timeoutMs: 300 });
    expect(await world.requests.asked(agent("k1"), request.id, { waitMs: 5_000, rev: 0 })).toMatchObject({ request: { state: "pending" } });
    expect(await world.requests.asked(agent("k1"), request.id, { waitMs: 20 })).toMatchObject({ request: { state: "pending" } });
    const abort = new AbortController();
    const aborted = world.requests.asked(agent("k1"), request.id, { waitMs: 5_000, signal: abort.signal });
    abort.abort();
    expect(await aborted).toMatchObject({ request: { state: "pending" } });
    setTimeout(() => turn(300), 50);
    const expired = await world.requests.asked(agent("k1"), request.id, { waitMs: 5_000, rev: 1 });
    expect(expired).toMatchObject({ request: { state: "expired", endReason: "Nobody decided in time." } });
  });

  it("is woken by a decision on another instance, and hears of it as an event", async () => {
    const other = await openWorld(store, { pollMs: 3_600_000, monotonic: () => ahead });
    const request = await ask();
    const events: unknown[] = [];
    const stop = other.ledger.onRows((rows) => void Promise.all(rows.map((row) => other.requests.eventOf(row))).then((made) => events.push(...made)));
    const waiting = other.requests.asked(agent("k1"), request.id, { waitMs: 5_000, rev: request.rev });
    await expect.poll(() => other.requests.waiting).toBe(1);
    await asks("ann", request);
    expect(await waiting).toMatchObject({ request: { state: "approved" } });
    await expect.poll(() => events.at(-1)).toMatchObject({ requestId: request.id, principal: "key:k1", request: { state: "approved" } });
    stop();
    await other.close();
  });
});
