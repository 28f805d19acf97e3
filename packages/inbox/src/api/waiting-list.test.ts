import type { EventName } from "@countersign/sdk/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LiveListener } from "./live-events.ts";
import { openWaitingList } from "./waiting-list.ts";
import type { WaitingList } from "./waiting-list.ts";

/** The control plane's side of two routes, as far as a list needs it, and a count of what was asked. */
class Plane {
  readonly requests = new Map<string, { id: string; rev: number; state: string; createdAt: number; expiresAt: number }>();
  asked: string[] = [];
  isDown = false;

  add(id: string, change: object = {}): void {
    this.requests.set(id, { id, rev: 1, state: "pending", createdAt: 0, expiresAt: 1_000_000 + this.requests.size, ...change });
  }

  answer(url: string): Response {
    this.asked.push(url);
    if (this.isDown) throw new TypeError("no network");
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const one = this.requests.get(pathname.slice("/v1/approvals/".length));
    if (one !== undefined) return Response.json(full(one));
    const order = searchParams.get("order") === "urgent" ? 1 : -1;
    const all = [...this.requests.values()].filter(({ state }) => state === "pending").toSorted((a, b) => order * (a.expiresAt - b.expiresAt));
    const from = Number(searchParams.get("after") ?? 0);
    const limit = Number(searchParams.get("limit"));
    return Response.json({ requests: all.slice(from, from + limit).map(full), next: from + limit < all.length ? String(from + limit) : null, total: all.length });
  }
}

function full(one: object): object {
  const text = Object.fromEntries(["requestDigest", "callDigest", "principal", "agent", "user", "session", "tool", "policyId", "reason"].map((name) => [name, "x"]));
  return { ...text, server: null, endedAt: null, policies: [], progress: [], findings: [], edited: false, mayVote: { allowed: true, why: "", code: null }, ...one };
}

let plane: Plane;
let list: WaitingList;
let tell: (event: EventName, data: unknown) => void;

beforeEach(() => {
  vi.useFakeTimers();
  plane = new Plane();
  vi.stubGlobal("localStorage", { getItem: () => null });
  vi.stubGlobal("fetch", async (url: string) => plane.answer(url));
});
afterEach(() => {
  list.close();
  vi.useRealTimers();
});

async function open(): Promise<void> {
  const listeners = new Set<LiveListener>();
  tell = (event, data) => listeners.forEach((listener) => listener(event, data));
  list = openWaitingList({ state: "live", listen: (listener) => { listeners.add(listener); return () => listeners.delete(listener); }, onState: () => () => undefined });
  await vi.advanceTimersByTimeAsync(50);
}
const ids = (): readonly string[] => list.view.requests.map(({ id }) => id);
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(200);

describe("the waiting list", () => {
  it("holds every page, most urgent first", async () => {
    for (let index = 0; index < 1300; index += 1) plane.add(`r${index}`, { expiresAt: 2_000_000 - index });
    await open();
    expect([list.view.requests.length, ids()[0], list.view.isLoaded, list.view.isFilling]).toEqual([1300, "r1299", true, false]);
  });

  it("what ends is gone at once and asks nothing; what is new is asked for by itself", async () => {
    plane.add("a");
    plane.add("b");
    await open();
    plane.asked = [];
    tell("request", { requestId: "a", rev: 2, state: "denied" });
    expect([ids(), plane.asked]).toEqual([["b"], []]);
    plane.add("c");
    tell("request", { requestId: "c", rev: 1, state: "pending" });
    await settle();
    expect([ids(), plane.asked]).toEqual([["b", "c"], ["/v1/approvals/c"]]);
  });

  it("an older answer never replaces a newer one", async () => {
    plane.add("a", { rev: 3 });
    await open();
    plane.add("a", { rev: 2 });
    list.refresh();
    await settle();
    expect(list.view.requests[0]?.rev).toBe(3);
  });

  it("a burst of a thousand new calls is read in pages, not one by one, and ends", async () => {
    await open();
    plane.asked = [];
    for (let index = 0; index < 1000; index += 1) plane.add(`r${index}`);
    for (let index = 0; index < 1000; index += 1) tell("request", { requestId: `r${index}`, rev: 1, state: "pending" });
    await settle();
    expect(list.view.requests.length).toBe(1000);
    expect(plane.asked.length).toBeLessThan(8);
    plane.asked = [];
    tell("request", { requestId: "r0", rev: 2, state: "pending" });
    await settle();
    expect(plane.asked).toEqual(["/v1/approvals/r0"]);
  });

  it("what was missed is found when the stream starts anew, and by the look that comes now and then", async () => {
    plane.add("a");
    await open();
    plane.requests.clear();
    plane.add("b");
    tell("hello", {});
    await settle();
    expect(ids()).toEqual(["b"]);
    plane.add("c");
    await vi.advanceTimersByTimeAsync(300_000);
    expect(ids()).toEqual(["b", "c"]);
  });

  it("without an answer it says so and keeps what it has", async () => {
    plane.add("a");
    await open();
    plane.isDown = true;
    list.refresh();
    await settle();
    expect([ids(), list.view.failure?.code]).toEqual([["a"], "offline"]);
    plane.isDown = false;
    list.refresh();
    await settle();
    expect(list.view.failure).toBeUndefined();
  });
});
