import { describe, expect, it } from "vitest";
import { createHealth } from "./health.ts";
import type { HealthPorts } from "./health.ts";

const policy = { version: 1, digest: "d", compiled: {} } as unknown as NonNullable<HealthPorts["ledger"]["resident"]["policy"]>; // health looks only whether there is one
const never = <T>(): Promise<T> => new Promise(() => undefined);
const ports = (change: { policy?: null; run?: HealthPorts["ledger"]["run"]; readStore?: HealthPorts["readStore"]; wallClock?: () => number }): HealthPorts => ({
  ledger: { run: change.run ?? (async (command) => command.apply(undefined as never).answer), resident: { get: () => undefined, all: () => [], policy: change.policy === null ? undefined : policy, now: 0 } },
  readStore: change.readStore ?? (async () => 1_000_000),
  wallClock: change.wallClock ?? (() => 1_000_100),
  timeoutMs: 50,
});

describe("readiness names the part that is in the way", () => {
  it.each([
    ["nothing", {}, { store: "ok", ledger: "ok", policy: "ok", clock: "ok" }],
    ["no policy", { policy: null }, { store: "ok", ledger: "ok", policy: "failing", clock: "ok" }],
    ["a store that refuses", { readStore: () => Promise.reject(new Error("away")) }, { store: "failing", ledger: "ok", policy: "ok", clock: "unknown" }],
    ["a store that says nothing", { readStore: () => never<number>() }, { store: "failing", ledger: "ok", policy: "ok", clock: "unknown" }],
    ["a ledger that is stuck", { run: () => never<never>() }, { store: "ok", ledger: "failing", policy: "ok", clock: "ok" }],
    ["a clock that was set back", { wallClock: () => 990_000 }, { store: "ok", ledger: "ok", policy: "ok", clock: "failing" }],
  ] as const)("%s", async (_, change, parts) => {
    const said = await createHealth(ports(change))();
    expect(said).toEqual({ ready: Object.values(parts).every((part) => part === "ok"), parts });
  });

  it("says at once that a document was put in force, whatever was said a moment ago", async () => {
    const { ledger, ...rest } = ports({});
    const resident: { -readonly [K in keyof typeof ledger.resident]: (typeof ledger.resident)[K] } = { ...ledger.resident, policy: undefined };
    const ready = createHealth({ ...rest, ledger: { run: ledger.run, resident } });
    expect((await ready()).ready).toBe(false);
    resident.policy = policy;
    expect((await ready()).ready).toBe(true);
  });

  it("is looked up once for all who ask within a second", async () => {
    let reads = 0;
    const ready = createHealth(ports({ readStore: async () => (reads += 1) && 1_000_000 }));
    await Promise.all(Array.from({ length: 100 }, () => ready()));
    expect(reads).toBe(1);
  });
});
