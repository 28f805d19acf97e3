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
  const twins = ["_l__hr", "wjywu_", "zcyzla", "be_b_t"]; // the first two share a hash, and the last two
  const index = new LiteralIndex<string>();
  for (const literal of twins) index.add(literal, literal);
  const others = Array.from({ length: 100 }, (_, n) => `other${n % 10}`.slice(0, 5) + String.fromCharCode(0x61 + (n % 26)));
  for (const literal of new Set(others)) index.add(literal, literal); // many enough to be hashed
  for (const literal of twins) {
    const found: string[] = [];
    index.collect(`..${literal}..${literal}`, found);
    expect(found).toEqual([literal]);
  }
  const none = new LiteralIndex<string>();
  for (const literal of [...others, "_l__hr"]) none.add(literal, literal);
  const found: string[] = [];
  none.collect("..wjywu_", found);
  expect(found).toEqual([]);
});
