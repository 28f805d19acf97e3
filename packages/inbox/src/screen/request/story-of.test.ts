import { describe, expect, it } from "vitest";
import { storyOf } from "./story-of.ts";

const row = (fields: object): string => JSON.stringify({ seq: 7, at: 1000, hash: "abc", ...fields });

describe("the story of a call", () => {
  it("is its rows in words, with who did it", () => {
    const steps = storyOf([
      row({ type: "event", event: "request_created", detail: {} }),
      row({ type: "event", event: "vote_cast", detail: { choice: "approve", person: "person:p1", selfApproved: true, reason: "ok" } }),
      row({ type: "approval", status: "timeout" }),
      row({ type: "intent" }),
      row({ type: "outcome", outcome: "completed", elapsedMs: 12.4 }),
    ]);
    expect(steps.map(({ title, person, detail }) => [title, person, detail])).toEqual([
      ["Held, and people were asked", null, ""],
      ["Yes by", "p1", "(self-approved) ok"],
      ["Expired: nobody answered in time", null, ""],
      ["About to be sent; the approval is spent", null, ""],
      ["The call ran", null, "after 12 ms"],
    ]);
  });

  it("says of what an agent's process reports that it does", () => {
    const steps = storyOf([
      row({ type: "approval", status: "approved", reason: "sure", reportedBy: "k1" }),
      row({ type: "outcome", outcome: "completed", elapsedMs: 1, reportedBy: "k1" }),
      row({ type: "event", event: "vote_cast", detail: { choice: "approve", person: "person:p1", reportedBy: "k1" } }),
    ]);
    expect(steps.map(({ title, person, detail }) => [title, person, detail])).toEqual([
      ["The agent’s process (key k1) reports: “Approved”", null, "sure"],
      ["The agent’s process (key k1) reports: “The call ran”", null, "after 1 ms"],
      ["The agent’s process (key k1) reports: “Yes by”", null, ""],
    ]);
  });

  it("has a moment that a calendar has, whatever a row says", () => {
    const steps = storyOf([row({ type: "outcome", at: Number.MAX_SAFE_INTEGER, reportedBy: "k1" }), row({ type: "outcome", at: -Number.MAX_SAFE_INTEGER })]);
    expect(steps.map(({ at }) => new Date(at).toISOString())).toEqual(["+275760-09-13T00:00:00.000Z", "1970-01-01T00:00:00.000Z"]);
  });

  it("leaves out no row that it does not know, and shows none that is no row", () => {
    expect(storyOf([row({ type: "event", event: "something_new" }), row({ type: "other" }), "not json"]).map(({ title, seq }) => [title, seq])).toEqual([["something new", 7], ["other", 7]]);
  });
});
