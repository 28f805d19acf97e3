import { describe, expect, it } from "vitest";
import { leftWords, partsLeft, partsOf, RAW_PART, REST_PART } from "./view-parts.ts";
import { viewRows } from "./view-rows.ts";

const TEXT = '{"a":{"b/c":["x",1,null],"~":"l1\\nl2"},"empty":[],"url":"https://example.com/"}';

describe("the arguments as rows", () => {
  it("a key is the one of this call, whatever other calls were shown before", () => {
    for (const key of ["\\", '"', "\n", "\t"]) {
      const shown = viewRows(JSON.stringify({ path: "a", [key]: 2 }));
      expect(shown.map((row) => row.key)).toEqual([undefined, "path", key, undefined]);
    }
  });

  const rows = viewRows(TEXT);

  it("every member has its row, its depth and its JSON Pointer", () => {
    expect(rows.map(({ depth, pointer, content }) => [depth, pointer, content.kind])).toEqual([
      [0, "", "open"],
      [1, "/a", "open"],
      [2, "/a/b~1c", "open"],
      [3, "/a/b~1c/0", "short"],
      [3, "/a/b~1c/1", "plain"],
      [3, "/a/b~1c/2", "plain"],
      [2, "/a/b~1c", "close"],
      [2, "/a/~0", "long"],
      [1, "/a", "close"],
      [1, "/empty", "plain"],
      [1, "/url", "short"],
      [0, "", "close"],
    ]);
  });

  it("read back, without our layout, they are the bound text", () => {
    const back = rows.map(({ key, content, after }) => (key === undefined ? "" : `${JSON.stringify(key)}:`) + (content.kind === "plain" ? content.text : "brace" in content ? content.brace : JSON.stringify(content.text)) + after).join("");
    expect(back).toBe(TEXT);
  });

  it("long texts and the end are parts that have to be seen; the raw text to its end stands for all", () => {
    const parts = partsOf(rows);
    expect(parts).toEqual(["/a/~0", REST_PART]);
    expect(partsLeft(parts, new Set([REST_PART]))).toEqual(["/a/~0"]);
    expect(partsLeft(parts, new Set([RAW_PART]))).toEqual([]);
    expect(partsLeft(parts, new Set(parts))).toEqual([]);
  });

  it("what is left is said by name, escaped", () => {
    expect(leftWords([])).toBeUndefined();
    expect(leftWords([REST_PART])).toBe("Scroll to the end of the arguments first.");
    expect(leftWords(["/a\u202E", REST_PART])).toBe("Show “a\\u{202E}” to its end first.");
    expect(leftWords(["/a", "/b", "/c"])).toBe("Show “a” and 2 more to their ends first.");
  });
});
