import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { freshCharacter, includesGlob } from "./glob-inclusion.ts";
import { parseGlob } from "./pattern.ts";

const includes = (wide: string, narrow: string): boolean => includesGlob(parseGlob(wide), parseGlob(narrow));

/** Character by character, and with no code of pattern.ts. */
function fits(glob: string, text: string): boolean {
  if (glob === "") return text === "";
  if (glob.startsWith("*")) return fits(glob.slice(1), text) || (text !== "" && fits(glob, text.slice(1)));
  return text !== "" && glob[0] === text[0] && fits(glob.slice(1), text.slice(1));
}

/** Every text over `letters` of at most `most` characters. */
function textsOver(letters: string, most: number): readonly string[] {
  let last = [""];
  const all = [...last];
  for (let length = 1; length <= most; length++) all.push(...(last = last.flatMap((text) => Array.from(letters, (letter) => text + letter))));
  return all;
}

describe("whether a glob includes another", () => {
  it("is what brute force over all short texts says, for 4,000 pairs of globs", () => {
    // Globs over a and b of at most 4 signs; a third letter, and texts as long as a witness can be, make brute force complete.
    const texts = textsOver("abc", 5);
    const glob = fc.array(fc.constantFrom("a", "b", "*", "*"), { maxLength: 4 }).map((signs) => signs.join(""));
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(glob, glob, (wide, narrow) => {
        const expected = texts.every((text) => !fits(narrow, text) || fits(wide, text));
        seen[expected ? "yes" : "no"] += 1;
        expect(includes(wide, narrow)).toBe(expected);
      }),
      { numRuns: 4_000 },
    );
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(400);
  });

  it.each([
    ["*", "anything", true],
    ["*", "*", true],
    ["**", "*", true],
    ["delete_*", "delete_repo", true],
    ["delete_*", "delete_*_now", true],
    ["*_*", "a_*", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*", "*", false],
    ["*a*", "*", false],
    ["a", "a*", false],
    ["", "", true],
    ["", "*", false],
    ["*\ue000*", "*", false],
    ["*\ue000*", "\ue000", true],
  ])("%j includes %j: %s", (wide, narrow, expected) => {
    expect(includes(wide, narrow)).toBe(expected);
  });

  it("stays linear where a back-tracking matcher would not end", () => {
    const start = performance.now();
    expect(includes(`${"*a".repeat(5_000)}*b`, "a*".repeat(20_000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it("marks stars with a character that no glob holds", () => {
    const characters = (first: number, last: number): string => Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index)).join("");
    const privateUse = characters(0xe000, 0xf8ff);
    expect(freshCharacter([parseGlob("a*b")])).toBe("\ue000");
    expect(freshCharacter([parseGlob("\ue000*")])).toBe("\ue001");
    expect(freshCharacter([parseGlob(privateUse), parseGlob("01")])).toBe("2");
    const everything = privateUse + characters(0x30, 0xd7ff);
    expect(freshCharacter([parseGlob(everything)])).toBeUndefined();
    expect(includes(everything, everything)).toBe(false); // not known is not certain
  });
});
