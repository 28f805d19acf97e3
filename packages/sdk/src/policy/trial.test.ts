import { describe, expect, it } from "vitest";
import type { PolicyDocument } from "./document.ts";
import { createTrial, trialCall } from "./trial.ts";

describe("a trial", () => {
  it("judges like the engine, with counters of its own that follow the given clock", () => {
    const document: PolicyDocument = { version: 1, policies: [{ name: "slow", match: "mcp:fs:*", action: "throttle", rate: { limit: 1, per: "1m" } }] };
    const [one, other] = [createTrial(document), createTrial(document)];
    const call = trialCall({ server: "fs", tool: "x" });
    const limited = [one.judge(call), one.judge(call), one.judge(call, { charge: false }), one.judge(call, { now: 60_000 }), other.judge(call)].map(({ rateLimited }) => rateLimited);
    expect(limited).toEqual([false, true, false, false, false]);
  });

  it("takes calls as the strict parse would, and refuses what it would refuse", () => {
    expect(trialCall({ tool: "x", arguments: { b: 1, a: 2 } })).toMatchObject({ policyId: "mcp::x", argumentsText: '{"a":2,"b":1}', server: { name: undefined, transport: "unknown" } });
    for (const wrong of [{ tool: "" }, { tool: "\ud800" }, { tool: "x", server: "a:b" }, { tool: "x", server: "" }, { tool: "x", arguments: [] }, { tool: "x", arguments: { a: 2 ** 53 } }]) {
      expect(() => trialCall(wrong), JSON.stringify(wrong)).toThrow(TypeError);
    }
  });
});
