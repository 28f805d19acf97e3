import { describe, expect, it } from "vitest";
import { argumentPreview } from "./argument-preview.ts";

const of = (args: unknown): string => argumentPreview(JSON.stringify(args));

describe("the beginning of the arguments", () => {
  it("what the call is likely about comes first, on one line", () => {
    expect(of({ content: "# Notes\nmore", mode: 3, path: "/srv/a", tags: ["x"], none: null, deep: { a: 1 } })).toBe("path: /srv/a  content: # Notes\\nmore  mode: 3  tags: […]  none: null  deep: {…}");
    expect([of({}), of({ a: "" })]).toEqual(["no arguments", 'a: ""']);
  });

  it("hidden characters stand there as the encoder writes them, in names as in values", () => {
    expect(of({ "pa\u202Eth": "a\u200Bb\tc" })).toBe("pa\\u{202E}th: a\\u{200B}b\\tc");
  });

  it("what is cut says so, and a megabyte is one short line", () => {
    const line = of({ path: "x".repeat(1_000_000), rest: "y".repeat(1_000_000), more: 1 });
    expect(line).toMatch(/^path: x{120}…  rest: y{120}…  …$/);
    expect(of({ a: "😀".repeat(200) })).toBe(`a: ${"😀".repeat(120)}…`);
  });
});
