import { describe, expect, it } from "vitest";
import { grantsOffered, grantWords } from "./what-yes-means.ts";

const requirement = (grants: readonly string[], quorum = 1) => ({ policy: "p", approvers: [], quorum, timeoutMinutes: null, grants: [...grants], edits: false, requireReason: false, escalate: [] });

describe("grants beside a yes", () => {
  it("are offered only where every requirement allows them and one yes is enough", () => {
    expect(grantsOffered({ requirements: [requirement(["session", "30m"])] })).toEqual(["session", "30m"]);
    expect(grantsOffered({ requirements: [requirement(["session", "30m"]), requirement(["30m"])] })).toEqual(["30m"]);
    expect(grantsOffered({ requirements: [requirement(["session"]), requirement([])] })).toEqual([]);
    expect(grantsOffered({ requirements: [requirement(["session"], 2)] })).toEqual([]);
  });

  it("are said in words", () => {
    expect(["session", "30m", "1h", "7d", "odd"].map(grantWords)).toEqual(["for this session", "for 30 minutes", "for 1 hour", "for 7 days", "for odd"]);
  });
});
