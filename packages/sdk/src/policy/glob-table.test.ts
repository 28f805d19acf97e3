import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactShape, GlobTableBuilder, hashText, lookUp, shapeOf, type GlobTable } from "./glob-table.ts";
import { matchesGlob, parseGlob } from "./pattern.ts";

const found = (table: GlobTable, space: number, text: string): number[] => {
  const values: number[] = [];
  lookUp(table, space, hashText(text), values);
  return values;
};

/** Two letters, so that much matches by the same pieces. */
const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
const glob = fc.string({ unit: fc.constantFrom("a", "b", "b", "*"), minLength: 1, maxLength: 12 });

describe("a table of globs", () => {
  it("misses nothing that matches, and keeps its spaces apart", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), glob), { maxLength: 60 }), fc.array(text, { minLength: 1, maxLength: 10 }), (globs, texts) => {
        const builder = new GlobTableBuilder();
        for (const [value, [space, written]] of globs.entries()) builder.add(space, shapeOf(parseGlob(written)), value);
        const table = builder.finish();
        for (const asked of texts) {
          for (let space = 0; space < 5; space++) {
            const values = new Set(found(table, space, asked));
            for (const [value, [own, written]] of globs.entries()) {
              if (own === space && matchesGlob(parseGlob(written), asked)) expect(values, `${written} and ${asked}`).toContain(value);
              if (own !== space) expect(values).not.toContain(value); // by chance once in a billion
            }
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("finds few that do not match: a prefix, a suffix or an inner piece is there", () => {
    const builder = new GlobTableBuilder();
    for (let n = 0; n < 50_000; n++) builder.add(0, shapeOf(parseGlob([`tool_${n}`, `tool_${n}_*`, `*_of_${n}`, `*(${n})*`][n % 4] ?? "")), n);
    const table = builder.finish();
    expect(found(table, 0, "tool_4")).toEqual([4]);
    expect(found(table, 0, "tool_5_x_of_6(7)").toSorted((a, b) => a - b)).toEqual([5, 7]);
    expect(found(table, 0, "tool_5_x(7)_of_6").toSorted((a, b) => a - b)).toEqual([5, 6, 7]);
    expect(found(table, 0, "nothing")).toEqual([]);
  });

  it("finds a glob once, however often its piece occurs in a text", () => {
    const builder = new GlobTableBuilder();
    builder.add(0, shapeOf(parseGlob("*ab*")), 1);
    expect(found(builder.finish(), 0, "ab".repeat(50_000))).toEqual([1]);
  });

  it("files long pieces whole, and looks for them in longer texts than any before", () => {
    const builder = new GlobTableBuilder();
    const long = "x".repeat(3_000);
    builder.add(0, shapeOf(parseGlob(`*${long}y`)), 1);
    builder.add(0, shapeOf(parseGlob(`*${long}z*`)), 2);
    builder.add(0, exactShape(long), 3);
    const table = builder.finish();
    expect(found(table, 0, `a${long}y`)).toEqual([1]);
    expect(found(table, 0, `a${long}za${long}z`)).toEqual([2]);
    expect(found(table, 0, long)).toEqual([3]);
    expect(found(table, 0, `${long.repeat(20)}y`)).toEqual([1]);
    expect(found(table, 0, "x")).toEqual([]);
  });
});
