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

  it("leaves out no row that it does not know, and shows none that is no row", () => {
    expect(storyOf([row({ type: "event", event: "something_new" }), row({ type: "other" }), "not json"]).map(({ title, seq }) => [title, seq])).toEqual([["something new", 7], ["other", 7]]);
  });
});
