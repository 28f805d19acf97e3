import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines } from "./line-diff.ts";

describe("what differs between two texts", () => {
  it("is told line by line, with a little of what stands around it", () => {
    const before = Array.from({ length: 20 }, (_, index) => `line ${index}`).join("\n");
    const after = before.replace("line 10", "LINE 10\nadded");
    expect(diffLines(before, after).map(({ kind, text, count }) => (kind === "skipped" ? `… ${count}` : `${kind} ${text}`))).toEqual([
      "… 8", "same line 8", "same line 9", "old line 10", "new LINE 10", "new added", "same line 11", "same line 12", "… 7",
    ]);
  });

  it("read as the old text or as the new one it is that text, whatever the two are", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((lines) => lines.join("\n"));
    fc.assert(fc.property(text, text, (before, after) => {
      const lines = diffLines(before, after).flatMap((one) => (one.kind === "skipped" ? Array.from({ length: one.count }, () => ({ kind: "skipped" as const, text: "", count: 1 })) : [one]));
      expect(lines.filter(({ kind }) => kind !== "new").length).toBe(before.split("\n").length);
      const shown = (without: "old" | "new"): string[] => lines.filter(({ kind }) => kind !== without).map(({ kind, text: one }) => (kind === "skipped" ? "*" : one));
      const masked = (whole: string, seen: string[]): string[] => whole.split("\n").map((one, index) => (seen[index] === "*" ? "*" : one));
      expect(shown("new")).toEqual(masked(before, shown("new")));
      expect(shown("old")).toEqual(masked(after, shown("old")));
    }), { numRuns: 1000 });
  });
});
