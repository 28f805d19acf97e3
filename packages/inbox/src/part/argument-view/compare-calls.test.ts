import { describe, expect, it } from "vitest";
import { viewRows } from "./view-rows.ts";
import { compareCalls } from "./compare-calls.ts";

describe("two calls of one tool", () => {
  it("differ where a value is another, there or not there; a text is not a number", () => {
    const { differences, same } = compareCalls(viewRows('{"a":1,"b":{"c":"x"},"d":"1","gone":true}'), viewRows('{"a":1,"b":{"c":"y"},"d":1,"new":[]}'));
    expect(differences.map(({ pointer, before, after }) => [pointer, before, after])).toEqual([
      ["/b/c", "x", "y"],
      ["/d", "1", "1"],
      ["/new", undefined, "[]"],
      ["/gone", "true", undefined],
    ]);
    expect(same).toBe(1);
  });
});
