import { describe, expect, it } from "vitest";
import { numberWords, paceOrNone, paceWords, partsOfPolicyId, rateWords } from "./figure-words.ts";

/** With ordinary spaces. */
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

describe("figures in words", () => {
  it("times have two units at most", () => {
    expect([400, 9_949, 12_400, 60_000, 200_000, 3_600_000, 7_500_000, 100 * 3_600_000].map((ms) => plain(paceWords(ms)))).toEqual(["0.4 s", "9.9 s", "12 s", "1 min", "3 min 20 s", "1 h", "2 h 5 min", "4 d 4 h"]);
    expect([paceOrNone(null), numberWords(1234567)]).toEqual(["–", "1,234,567"]);
  });

  it("a rate never says all or none where that is not so", () => {
    expect([rateWords(0, 0), rateWords(1, 1), rateWords(2, 1), rateWords(9999, 1), rateWords(1, 9999), rateWords(5, 0), rateWords(0, 5)].map(plain)).toEqual(["–", "50 %", "67 %", "99.9 %", "0.1 %", "100 %", "0 %"]);
  });

  it("a tool may have colons in its name", () => {
    expect([partsOfPolicyId("mcp:fs:write"), partsOfPolicyId("mcp::a:b"), partsOfPolicyId("")]).toEqual([{ server: "fs", tool: "write" }, { server: "", tool: "a:b" }, undefined]);
  });
});
