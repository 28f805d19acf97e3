import { describe, expect, it } from "vitest";
import { describeScripts } from "./describe-scripts.ts";

describe("describeScripts", () => {
  it.each(["plain", "Grüße aus Köln", "Файлы в каталоге docs", "東京タワーのAPI", "서울", "ความ", "naïve café", "Das ist π", "don’t – really", "👍🏽", "рука сорок"])(
    "has nothing to say about %j",
    (text) => {
      expect(describeScripts(text)).toBeUndefined();
    },
  );

  it("names the scripts of a word that mixes them, and the letters that pass for others", () => {
    expect(describeScripts("see p\u0430ypal now")).toBe(
      "letters of several scripts in one word (Cyrillic, Latin); characters that look like ASCII and are not (U+0430 like a)",
    );
  });

  it.each([
    ["a whole word of lookalikes", "\u0441\u0430\u0440\u0435", "U+0441 like c, U+0430 like a, U+0440 like p, U+0435 like e"],
    ["a slash that is none", "/etc\u2215passwd", "U+2215 like /"],
    ["full-width letters", "\uFF52\uFF4D -rf", "U+FF52 like r, U+FF4D like m"],
    ["mathematical letters", "\u{1D42B}\u{1D426}", "U+1D42B like r, U+1D426 like m"],
    ["a dash of an option that is none", "rm \u2212rf", "U+2212 like -"],
  ])("sees %s", (_what, text, listed) => {
    expect(describeScripts(text)).toContain(`characters that look like ASCII and are not (${listed})`);
  });

  it("warns of letters that run right to left", () => {
    expect(describeScripts("\u05D0\u05D1\u05D2 1")).toContain("right to left");
  });

  it("says it in ASCII and in a bounded number of words", () => {
    const note = describeScripts(`a${Array.from({ length: 200 }, (_, index) => String.fromCodePoint(0xff01 + (index % 90))).join("")}`) ?? "";
    expect(note).toMatch(/^[ -~]+$/);
    expect(note).toContain("and 82 more");
  });

  it("stays fast on a megabyte", () => {
    const startedAt = performance.now();
    describeScripts("привет мир ".repeat(100_000));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
