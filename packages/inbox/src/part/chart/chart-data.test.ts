import { describe, expect, it } from "vitest";
import { markEvery, stacked, stepWords } from "./chart-data.ts";

const series = [
  { name: "Approved", tone: "yes", values: [1, null, 3] },
  { name: "Denied", tone: "no", values: [2, 5, 0] },
] as const;

describe("what a chart shows", () => {
  it("bars stand on each other, and what adds nothing is not drawn", () => {
    expect(stacked(series)).toEqual([[1, null, 3], [3, 5, null]]);
  });

  it("a step in words names every series", () => {
    expect(stepWords({ kind: "bars", at: [0, 86_400_000, 0], step: "day", series, format: String }, 1)).toMatch(/: approved none, denied 5$/);
  });

  it("names on the axis never run into each other", () => {
    expect([markEvery(7, 700, 60), markEvery(90, 700, 60), markEvery(24, 240, 60)]).toEqual([1, 8, 6]);
  });
});
