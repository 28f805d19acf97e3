import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Call } from "../call/call.ts";
import { fakeCall } from "../testing/fake-call.ts";
import { compilePolicy, type CompiledPolicy } from "./compile-policy.ts";
import type { ThrottleKey } from "./throttle-key.ts";
import { TokenBuckets } from "./token-buckets.ts";

interface Written {
  readonly name?: string;
  readonly limit: number;
  readonly per: string;
  readonly burst?: number;
  readonly key?: ThrottleKey[];
}

const throttle = ({ name = "slow", ...rate }: Written): CompiledPolicy => compilePolicy({ name, match: "mcp:*:*", action: "throttle", rate }, 0);

interface Who {
  readonly agent?: string;
  readonly user?: string;
  readonly session?: string;
  readonly server?: string | undefined;
  readonly tool?: string;
}

function by(who: Who = {}): Call {
  const { agent = "agent", user = "", session = "s", tool = "tool" } = who;
  return fakeCall({
    server: { name: "server" in who ? who.server : "server", identity: null, transport: "stdio" },
    tool,
    caller: { principal: "local", agent: { name: agent, id: "" }, user: { id: user }, session: { id: session } },
  });
}

const FREE = { limited: false, retryAfterMs: 0 };

/** How many of `calls` at one moment get through. */
function through(buckets: TokenBuckets, policy: CompiledPolicy, call: Call, now: number, calls = 1_000): number {
  let ran = 0;
  while (ran < calls && !buckets.charge([policy], call, now).limited) ran += 1;
  return ran;
}

describe("a bucket", () => {
  it.each([
    [{ limit: 30, per: "1m" }, 30],
    [{ limit: 30, per: "1m", burst: 10 }, 10],
    [{ limit: 3, per: "1h", burst: 50 }, 50],
    [{ limit: 0.5, per: "1s" }, 1],
    [{ limit: 2.5, per: "1s" }, 2],
  ])("%j holds %i tokens and starts full", (rate, capacity) => {
    expect(through(new TokenBuckets(), throttle(rate), by(), 0)).toBe(capacity);
  });

  it("refills at its rate and not above its capacity", () => {
    const buckets = new TokenBuckets();
    const slow = throttle({ limit: 30, per: "1m", burst: 10 }); // a token every 2 s
    expect(through(buckets, slow, by(), 0)).toBe(10);
    expect(through(buckets, slow, by(), 1_999)).toBe(0);
    expect(through(buckets, slow, by(), 2_000)).toBe(1);
    expect(through(buckets, slow, by(), 9_000)).toBe(3);
    expect(through(buckets, slow, by(), 10 * 60_000)).toBe(10);
  });

  it("says to the millisecond when to come back: then a call gets through, and one millisecond earlier it does not", () => {
    const limit = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0.001, max: 50, noNaN: true }));
    const rate = fc.record({ limit, per: fc.constantFrom("1s", "7s", "1m", "1h", "1d", "333ms", "0.7ms", "10000000d"), burst: fc.integer({ min: 1, max: 20 }) });
    // The clock of the flow has fractions of a millisecond.
    const waits = fc.array(fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.double({ min: 0, max: 5_000, noNaN: true })), { maxLength: 8 });
    let asked = 0;
    fc.assert(
      fc.property(rate, waits, (written, pauses) => {
        const policy = throttle(written);
        const buckets = new TokenBuckets();
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          through(buckets, policy, by(), now, 30);
          const { limited, retryAfterMs } = buckets.charge([policy], by(), now);
          if (!limited || now + retryAfterMs > Number.MAX_SAFE_INTEGER) continue; // there are no single milliseconds beyond
          asked += 1;
          expect(Number.isInteger(retryAfterMs) && retryAfterMs >= 1).toBe(true);
          // Asking too early, once or often, changes nothing about when.
          // After many thousand years the clock's sum rounds by parts of a millisecond, and one earlier is not one instant.
          const isExact = now + retryAfterMs < 2 ** 40 || now + retryAfterMs - 1 === now + (retryAfterMs - 1);
          if (retryAfterMs > 1 && isExact) expect(buckets.charge([policy], by(), now + retryAfterMs - 1).limited).toBe(true);
          for (let early = 1; early < Math.min(retryAfterMs, 20); early++) expect(buckets.charge([policy], by(), now + early).limited).toBe(true);
          now += retryAfterMs;
          expect(buckets.charge([policy], by(), now)).toEqual(FREE);
        }
      }),
      { numRuns: 2_000, examples: [[{ limit: 0.19185231292153726, per: "10000000d", burst: 1 }, [0.25000000000000006, 0]]] },
    );
    expect(asked).toBeGreaterThan(1_000);
  });

  it.each([
    [{ limit: 30, per: "1m", burst: 1 }, 2_000],
    [{ limit: 1, per: "1h" }, 3_600_000],
    [{ limit: 3, per: "1s", burst: 1 }, 334],
    [{ limit: 1_000, per: "1s", burst: 1 }, 1],
  ])("%j is empty for %i ms", (rate, retryAfterMs) => {
    const buckets = new TokenBuckets();
    const policy = throttle(rate);
    buckets.charge([policy], by(), 0);
    expect(buckets.charge([policy], by(), 0)).toEqual({ limited: true, retryAfterMs });
  });

  it("gives no more over a long time than its rate says", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 7, per: "1s", burst: 1 });
    let ran = 0;
    const call = by();
    for (let now = 0; now <= 600_000; now += 1) if (!buckets.charge([policy], call, now).limited) ran += 1;
    expect(ran).toBeLessThanOrEqual(7 * 600 + 1);
    expect(ran).toBeGreaterThanOrEqual(7 * 600 - 60);
  });
});

describe("several throttles", () => {
  it("give one token each or none at all", () => {
    const buckets = new TokenBuckets();
    const wide = throttle({ name: "wide", limit: 5, per: "1h" });
    const narrow = throttle({ name: "narrow", limit: 1, per: "1m" });
    expect(buckets.charge([wide, narrow], by(), 0)).toEqual(FREE);
    for (let nth = 0; nth < 20; nth++) expect(buckets.charge([wide, narrow], by(), 0)).toEqual({ limited: true, retryAfterMs: 60_000 });
    expect(through(buckets, wide, by(), 0)).toBe(4);
    expect(buckets.charge([wide, narrow], by(), 60_000)).toEqual({ limited: true, retryAfterMs: 660_000 });
    expect(through(buckets, narrow, by(), 60_000)).toBe(1);
  });

  it("leave policies that are no throttles alone", () => {
    const block = compilePolicy({ name: "ask", match: "mcp:*:*", action: "block" }, 0);
    expect(new TokenBuckets().charge([block, block], by(), 0)).toEqual(FREE);
  });
});

describe("keys", () => {
  it.each<[ThrottleKey, Who, Who]>([
    ["agent", { agent: "a", user: "u", tool: "x" }, { agent: "b", user: "u", tool: "x" }],
    ["user", { user: "u" }, { user: "v" }],
    ["session", { session: "1" }, { session: "2" }],
    ["server", { server: "one" }, { server: "two" }],
    ["tool", { tool: "x" }, { tool: "y" }],
  ])("%s: who differs in it has a bucket of their own, who differs in others shares one", (key, one, other) => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h", key: [key] });
    expect(buckets.charge([policy], by(one), 0).limited).toBe(false);
    expect(buckets.charge([policy], by(other), 0).limited).toBe(false);
    expect(buckets.charge([policy], by(one), 0).limited).toBe(true);
    const elsewhere: Who = { agent: "else", user: "else", session: "else", server: "else", tool: "else", [key]: one[key] };
    expect(buckets.charge([policy], by(elsewhere), 0).limited).toBe(true);
  });

  it("is the agent where none is written", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h" });
    expect(buckets.charge([policy], by({ agent: "a" }), 0).limited).toBe(false);
    expect(buckets.charge([policy], by({ agent: "a", tool: "other", user: "other" }), 0).limited).toBe(true);
    expect(buckets.charge([policy], by({ agent: "b" }), 0).limited).toBe(false);
  });

  it("cannot be joined into one another", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h", key: ["agent", "user"] });
    const twins: readonly (readonly [string, string])[] = [["a", "b,c"], ["a,b", "c"], ['a","b', "c"], ["a", 'b","c'], ["", "a"], ["a", ""]];
    for (const [agent, user] of twins) expect(buckets.charge([policy], by({ agent, user }), 0).limited).toBe(false);
  });

  it("share one bucket where the value is missing", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h", key: ["user", "server"] });
    expect(buckets.charge([policy], by({ user: "", server: undefined, agent: "a" }), 0).limited).toBe(false);
    expect(buckets.charge([policy], by({ user: "", server: undefined, agent: "b" }), 0).limited).toBe(true);
  });
});

describe("an agent that invents names", () => {
  it("gets at most 20,000 buckets, then one for all further names", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h" });
    let ran = 0;
    const call = by();
    const started = performance.now();
    for (let n = 0; n < 60_000; n++) {
      const invented: Call = { ...call, caller: { ...call.caller, agent: { name: `agent-${n}`, id: "" } } };
      if (!buckets.charge([policy], invented, n / 100).limited) ran += 1;
    }
    expect(ran).toBe(20_001);
    // Looking through all buckets for each name would take 40,000 times 20,000 steps.
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it("does not free anybody who is over the rate", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h" });
    const known = by({ agent: "known" });
    buckets.charge([policy], known, 0);
    for (let n = 0; n < 30_000; n++) buckets.charge([policy], { ...known, caller: { ...known.caller, agent: { name: `agent-${n}`, id: "" } } }, n);
    expect(buckets.charge([policy], known, 30_000).limited).toBe(true);
    expect(buckets.charge([policy], known, 3_600_000).limited).toBe(false);
  });

  it("makes room again for names whose buckets are full again", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1s" });
    const call = by();
    const named = (name: string): Call => ({ ...call, caller: { ...call.caller, agent: { name, id: "" } } });
    for (let n = 0; n < 20_001; n++) buckets.charge([policy], named(`agent-${n}`), 0);
    expect(buckets.charge([policy], named("late"), 500).limited).toBe(true); // shares with the one above
    expect(buckets.charge([policy], named("later"), 60_000)).toEqual(FREE);
    expect(buckets.charge([policy], named("latest"), 60_000)).toEqual(FREE);
  });

  it("does not fill the memory with long names", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1h", key: ["tool"] });
    const call = by();
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 300; n++) expect(buckets.charge([policy], { ...call, tool: `${n}`.padStart(1_000_000, "x") }, 0).limited).toBe(false);
    expect(buckets.charge([policy], { ...call, tool: "7".padStart(1_000_000, "x") }, 0).limited).toBe(true);
    globalThis.gc?.();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150_000_000);
  });
});

describe("a rate that is edited", () => {
  it("works on the buckets that there are", () => {
    const buckets = new TokenBuckets();
    expect(through(buckets, throttle({ limit: 60, per: "1m", burst: 10 }), by(), 0)).toBe(10);
    const stricter = throttle({ limit: 6, per: "1m", burst: 2 });
    expect(through(buckets, stricter, by(), 5_000)).toBe(0);
    expect(through(buckets, stricter, by(), 10_000)).toBe(1);
    expect(through(buckets, stricter, by(), 600_000)).toBe(2);
    expect(through(buckets, throttle({ limit: 60, per: "1s", burst: 100 }), by(), 600_500)).toBe(30);
  });

  it("never leaves more than the new capacity", () => {
    const buckets = new TokenBuckets();
    buckets.charge([throttle({ limit: 100, per: "1h" })], by(), 0);
    expect(through(buckets, throttle({ limit: 3, per: "1h" }), by(), 0)).toBe(3);
  });

  it("forgets counters of policies that are gone, and of no others", () => {
    const buckets = new TokenBuckets();
    const [stays, goes] = [throttle({ name: "stays", limit: 1, per: "1h" }), throttle({ name: "goes", limit: 1, per: "1h" })];
    buckets.charge([stays, goes], by(), 0);
    buckets.retain(new Set(["stays"]));
    expect(buckets.charge([stays], by(), 0).limited).toBe(true);
    expect(buckets.charge([goes], by(), 0).limited).toBe(false);
  });
});

describe("a clock that goes backwards", () => {
  it("refills no time twice", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1s", burst: 5 });
    expect(through(buckets, policy, by(), 10_000)).toBe(5);
    for (let round = 0; round < 10; round++) {
      expect(through(buckets, policy, by(), 5_000)).toBe(0);
      expect(through(buckets, policy, by(), 10_000)).toBe(0);
    }
    expect(through(buckets, policy, by(), 11_000)).toBe(1);
  });

  it("is counted into the wait", () => {
    const buckets = new TokenBuckets();
    const policy = throttle({ limit: 1, per: "1s" });
    buckets.charge([policy], by(), 10_000);
    expect(buckets.charge([policy], by(), 4_000)).toEqual({ limited: true, retryAfterMs: 7_000 });
    expect(buckets.charge([policy], by(), 11_000)).toEqual(FREE);
  });
});
