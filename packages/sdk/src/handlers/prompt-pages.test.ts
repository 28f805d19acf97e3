import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countLines, takePage, toPieces, type Piece } from "./prompt-pages.ts";

function allPages(lines: readonly string[], columns: number, height: number): readonly (readonly string[])[] {
  const pages: (readonly string[])[] = [];
  let pieces: readonly Piece[] = toPieces(lines);
  while (pieces.length > 0) {
    const page = takePage(pieces, columns, height);
    pages.push(page.lines);
    pieces = page.rest;
  }
  return pages;
}

describe("takePage", () => {
  it("wraps behind a mark and leaves the last column free", () => {
    expect(allPages(["Reason: abcdefghijkl", "x", ""], 11, 3)).toEqual([["Reason: ab", "> cdefghij", "> kl"], ["x", ""]]);
  });

  it("counts two columns for everything beyond ASCII", () => {
    expect(allPages(["| 東東東東éé"], 11, 9)).toEqual([["| 東東東東", "> éé"]]);
  });

  it("loses and adds nothing, fits the screen, and knows how many lines are left", () => {
    const lines = fc.array(fc.oneof(fc.string({ unit: "grapheme", maxLength: 60 }), fc.string({ maxLength: 200 })), { maxLength: 12 });
    fc.assert(
      fc.property(lines, fc.integer({ min: 8, max: 90 }), fc.integer({ min: 1, max: 7 }), (given, columns, height) => {
        const pages = allPages(given, columns, height);
        const shown = pages.flat();
        expect(pages.slice(0, -1).every((page) => page.length === height)).toBe(true);
        expect(countLines(toPieces(given), columns)).toBe(shown.length);
        let read = "";
        let taken = 0;
        for (const original of given) {
          let whole = shown[taken++] ?? "missing";
          while (whole.length < original.length) whole += (shown[taken++] ?? "> missing").slice(2);
          read += `${whole}\n`;
        }
        expect(read).toBe(given.map((line) => `${line}\n`).join(""));
        expect(taken).toBe(shown.length);
        for (const line of shown) if (/^[ -~]*$/.test(line)) expect(line.length).toBeLessThan(columns);
      }),
      { numRuns: 2_000 },
    );
  });
});
