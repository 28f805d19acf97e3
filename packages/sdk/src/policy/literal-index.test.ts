import { expect, it } from "vitest";
import { LiteralIndex } from "./literal-index.ts";

/** The n-th of all words over a, b and c. */
function word(n: number): string {
  let text = "";
  for (let rest = n; rest > 0; rest = Math.floor((rest - 1) / 3)) text += "abc"[(rest - 1) % 3];
  return text;
}

it.each([
  ["a few", 12],
  ["many", 3_000],
])("finds %s literals exactly where they occur, each once", (_, size) => {
  const index = new LiteralIndex<string>();
  const literals = Array.from({ length: size }, (__, n) => word(1 + n * 7));
  for (const literal of literals) index.add(literal, literal);
  index.add(word(8), "again");
  for (let n = 1; n < 3_000; n++) {
    const text = word(n * 1_013 + 5);
    const found: string[] = [];
    index.collect(text, found);
    const expected = literals.filter((literal) => text.includes(literal));
    if (text.includes(word(8))) expected.push("again");
    expect(found.toSorted()).toEqual(expected.toSorted());
  }
});

it("tells literals apart whose hashes are the same", () => {
  const index = new LiteralIndex<string>();
  // Literals of one length whose rolling hashes would collide if only their last characters counted.
  const literals = Array.from({ length: 200 }, (_, n) => `${String.fromCharCode(0x4e00 + n)}${String.fromCharCode(0x9000 - n)}xyz`);
  for (const literal of literals) index.add(literal, literal);
  for (const literal of literals) {
    const found: string[] = [];
    index.collect(`..${literal}..${literal}`, found);
    expect(found).toEqual([literal]);
  }
});
