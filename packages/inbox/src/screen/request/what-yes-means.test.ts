import { describe, expect, it } from "vitest";
import { allowsEdits, grantsOffered, grantWords } from "./what-yes-means.ts";

const requirement = (grants: readonly string[], quorum = 1) => ({ policy: "p", approvers: [], quorum, timeoutMinutes: null, grants: [...grants], edits: false, requireReason: false, escalate: [] });

describe("grants beside a yes", () => {
  it("are offered only where every requirement allows them and one yes is enough", () => {
    expect(grantsOffered({ edit: null, requirements: [requirement(["session", "30m"])] })).toEqual(["session", "30m"]);
    expect(grantsOffered({ edit: null, requirements: [requirement(["session", "30m"]), requirement(["30m"])] })).toEqual(["30m"]);
    expect(grantsOffered({ edit: null, requirements: [requirement(["session"]), requirement([])] })).toEqual([]);
    expect(grantsOffered({ edit: null, requirements: [requirement(["session"], 2)] })).toEqual([]);
  });

  it("are not offered where an approver changed the arguments", () => {
    expect(grantsOffered({ edit: { of: "r1", personId: "ann", changed: ["/path"] }, requirements: [requirement(["session"])] })).toEqual([]);
  });

  it("are said in words", () => {
    expect(["session", "30m", "1h", "7d", "odd"].map(grantWords)).toEqual(["for this session", "for 30 minutes", "for 1 hour", "for 7 days", "for odd"]);
  });
});

describe("approving with other arguments", () => {
  const request = (fields: object = {}) => ({ requirements: [{ ...requirement([]), edits: true }], definition: "d", narration: { description: "", definition: {} }, argumentsText: "{}", ...fields });
  it("is offered where every requirement allows it and the definition is there to check them against", () => {
    expect(allowsEdits(request())).toBe(true);
    for (const not of [{ requirements: [{ ...requirement([]), edits: true }, requirement([])] }, { definition: null }, { narration: { description: "", definition: null } }, { argumentsText: null }]) expect(allowsEdits(request(not))).toBe(false);
  });
});
