import { escapeText } from "@countersign/sdk/display";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textLines } from "./text-lines.ts";

/** What the lines say, read back: the whole text as the encoder writes it. */
function readBack(text: string): string {
  const lines = textLines(text);
  return lines.map(({ shown, breaks, emptyRun }) => (emptyRun > 0 ? "\\n".repeat(emptyRun) : shown + (breaks ? "\\n" : ""))).join("");
}
/** By the encoder alone, line by line: what composes with what does not reach over a line break. */
const encoded = (text: string): string => text.split("\n").map((line) => escapeText(line, { quoted: true }).replaceAll('\\"', '"')).join("\\n");

describe("R2: a long text as lines", () => {
  it("nothing is dropped, shortened or added, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom("a", "\n", "\r", " ", "\t", "\u202E", "\u0301", "é", "😀", '"', "\\"), maxLength: 60 }), (text) => {
      expect(readBack(text)).toBe(encoded(text));
    }), { numRuns: 2000 });
  });

  it("a very long line is cut into pieces that are the line again, never inside a character", () => {
    const text = "x".repeat(1199) + "😀".repeat(1500);
    const lines = textLines(text);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.map(({ shown }) => shown).join("")).toBe(text);
    expect(lines.every(({ shown }) => shown.isWellFormed())).toBe(true);
    expect(lines.map(({ number }) => number)).toEqual([1, ...Array.from({ length: lines.length - 1 }, () => null)]);
  });

  it("a run of empty lines is one line that says how many; what stands behind it keeps its number", () => {
    const lines = textLines(`a\n${"\n".repeat(200)}PAYLOAD`);
    expect(lines.map(({ number, shown, emptyRun }) => [number, shown, emptyRun])).toEqual([[1, "a", 0], [2, "", 200], [202, "PAYLOAD", 0]]);
  });

  it("a line break at the end is told from none", () => {
    expect(textLines("a\n").map(({ shown, breaks }) => [shown, breaks])).toEqual([["a", true]]);
    expect(textLines("a").map(({ shown, breaks }) => [shown, breaks])).toEqual([["a", false]]);
    expect(textLines("a\r\n").map(({ shown, breaks }) => [shown, breaks])).toEqual([["a\\r", true]]);
  });
});
