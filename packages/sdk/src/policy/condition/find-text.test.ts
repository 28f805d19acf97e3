import { describe, expect, it } from "vitest";
import { holdsText } from "./find-text.ts";

describe("holdsText", () => {
  it("finds what is there and nothing else, also where it searches by itself", () => {
    // 45,000 × 2,000 characters are more than the engine's own search is trusted with.
    const part = `${"ab".repeat(999)}c!`;
    for (const [text, found] of [
      [`${"ab".repeat(21_000)}${part}${"x".repeat(900)}`, true],
      [`${"ab".repeat(22_000)}c`, false],
      [part + "ab".repeat(21_000), true],
      ["ab".repeat(21_000) + part, true],
    ] as const) {
      expect(text.length * part.length).toBeGreaterThan(80_000_000);
      expect(holdsText(text, part)).toBe(found);
    }
  });

  it("says what the engine says on random texts of two letters", () => {
    let seed = 7;
    const letter = (): string => "ab"[(seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 16 & 1] ?? "a";
    for (let round = 0; round < 2; round += 1) {
      const text = Array.from({ length: 5_100_000 }, letter).join("");
      const part = Array.from({ length: 16 }, letter).join("");
      expect(holdsText(text, part)).toBe(text.includes(part));
    }
  });

  it("is linear on what makes the engine's own search quadratic", () => {
    const text = "a".repeat(2_000_000);
    const started = performance.now();
    expect(holdsText(text, `b${"a".repeat(500_000)}`)).toBe(false);
    expect(holdsText(text, `${"a".repeat(500_000)}b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
