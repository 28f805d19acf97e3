import { describe, expect, it } from "vitest";
import type { Governance } from "@countersign/sdk/enforcement";
import { runCanary } from "./canary.ts";

describe("the canary", () => {
  it("comes back where the gate is on: what is blocked reaches no server, what is allowed does", async () => {
    expect(await runCanary()).toEqual({ ok: true });
  });

  it("does not where policies judge nothing", async () => {
    const open = (governance: Governance): Governance => ({
      ...governance,
      ports: { ...governance.ports, policies: { ...governance.ports.policies, generation: 1, loading: undefined, findingAction: () => "allow", evaluate: (call, findings, how) => governance.ports.policies.evaluate({ ...call, policyId: "mcp:other:tool", tool: "tool", server: { ...call.server, name: "other" } }, findings, how) } },
    });
    expect(await runCanary(open)).toEqual({ ok: false, why: "a call that a policy blocks was sent to its server all the same" });
  });

  it("does not where somebody answers in people's place", async () => {
    const decision = { approved: true, approver: "auto", timedOut: false } as const;
    const yes = (governance: Governance): Governance => ({
      ...governance,
      askWith: () => ({
        canMeet: () => true,
        join: async () => ({ id: "r", digest: "d" }),
        wait: async () => ({ kind: "approved", decision, elapsedMs: 0, channel: "auto", human: false }),
        claim: async () => true,
        supersede: async () => undefined,
        report: async () => undefined,
      }) as never, // a stand-in for a port that nobody should have put there
    });
    expect(await runCanary(yes)).toEqual({ ok: false, why: "a call that a policy blocks was sent to its server all the same" });
  });

  it("does not where nothing gets through at all, which proves nothing", async () => {
    const dead = (governance: Governance): Governance => ({ ...governance, ports: { ...governance.ports, policies: { ...governance.ports.policies, generation: 1, loading: undefined, findingAction: () => "block", evaluate: () => undefined } } });
    expect(await runCanary(dead)).toEqual({ ok: false, why: "a call that a policy allows did not reach its server" });
  });
});
