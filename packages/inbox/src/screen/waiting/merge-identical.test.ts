import { describe, expect, it } from "vitest";
import type { RequestSummary } from "../../api/words.ts";
import { isShown, mergeIdentical, NO_FILTER } from "./merge-identical.ts";

function summary(id: string, change: Partial<RequestSummary> = {}): RequestSummary {
  return {
    id, rev: 1, state: "pending", createdAt: 0, expiresAt: 1, endedAt: null, requestDigest: id, callDigest: id, principal: "key:k", agent: "bot", user: "", session: "", server: "filesystem", tool: "write_file",
    policyId: "", reason: "File writes", policies: ["writes"], progress: [], findings: [], edited: false, mayVote: { allowed: true, why: "", code: null }, ...change,
  };
}

describe("identical calls", () => {
  it("are one group where the most urgent stands, and only the very same call counts", () => {
    const groups = mergeIdentical([summary("a", { callDigest: "x" }), summary("b"), summary("c", { callDigest: "x" })]);
    expect(groups.map(({ first, requests }) => [first.id, requests.map(({ id }) => id)])).toEqual([["a", ["a", "c"]], ["b", ["b"]]]);
  });
});

describe("the filter", () => {
  it("looks at tool, server, agent, reason and policies, and shows all without one", () => {
    expect(isShown(summary("a"), NO_FILTER)).toBe(true);
    for (const text of ["WRITE_", "filesys", "bot", "file writes", "writes"]) expect([text, isShown(summary("a"), { ...NO_FILTER, text })]).toEqual([text, true]);
    expect(isShown(summary("a"), { ...NO_FILTER, text: "postgres" })).toBe(false);
    expect(isShown(summary("a"), { ...NO_FILTER, agent: "other" })).toBe(false);
    expect(isShown(summary("a", { mayVote: { allowed: false, why: "", code: "not_eligible" } }), { ...NO_FILTER, mine: true })).toBe(false);
  });
});
