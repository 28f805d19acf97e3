import { describe, expect, it } from "vitest";
import { matchesGlob, parseGlob, parsePattern } from "./pattern.ts";

describe("a pattern", () => {
  it.each([
    ["mcp:filesystem:write_file", ["filesystem"], ["write_file"]],
    ["mcp::write_file", [""], ["write_file"]],
    ["mcp:*:*", ["", ""], ["", ""]],
    ["mcp:**:***", ["", ""], ["", ""]],
    ["mcp:git*:*_delete_*", ["git", ""], ["", "_delete_", ""]],
    ["mcp:a:b:c:*", ["a"], ["b:c:", ""]],
    ["mcp:a:a**b", ["a"], ["a", "b"]],
  ])("%s is split at its first two colons, and at stars within a segment", (text, server, tool) => {
    expect(parsePattern(text)).toEqual({ server: { pieces: server }, tool: { pieces: tool }, text });
  });

  it.each([
    ["", 'needs two colons: "mcp:{server}:{tool}"'],
    ["write_file", 'needs two colons: "mcp:{server}:{tool}"'],
    ["mcp:write_file", 'needs two colons: "mcp:{server}:{tool}"'],
    ["MCP:a:b", 'must begin with "mcp:"'],
    ["*:a:b", 'must begin with "mcp:"'],
    [" mcp:a:b", 'must begin with "mcp:"'],
    ["mcp:a:", "names no tool; use * for every tool"],
  ])("%j is none, and it says why", (text, why) => {
    expect(parsePattern(text)).toBe(why);
  });
});

describe("a glob", () => {
  it.each([
    ["write_file", "write_file", true],
    ["write_file", "write_file2", false],
    ["write_*", "write_", true],
    ["*_file", "_file", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["ab*ba", "aba", false],
    ["*ab*ab*", "ab", false],
    ["a*b*b", "ab", false],
    ["a*bc*c", "abc", false],
    ["*ab*ab*", "abab", true],
    ["a*b*c", "a-c-b", false],
    ["*", "", true],
    ["*x*", "", false],
  ])("%j and %j: %j", (glob, text, matches) => {
    expect(matchesGlob(parseGlob(glob), text)).toBe(matches);
  });

  it.each(["?", "[ab]", ".", "\\w", "{a,b}", "+", "^", "$", "(a|b)", "%", "_"])("takes %j literally: only * is a wildcard", (text) => {
    expect(matchesGlob(parseGlob(text), text)).toBe(true);
    for (const other of ["a", "b", "ab", "x", ""]) expect(matchesGlob(parseGlob(text), other)).toBe(false);
  });

  it("finds a long piece where it is, and only before what is behind it", () => {
    const piece = `${"ab".repeat(2_000)}c`;
    const text = `${"ab".repeat(5_000)}c${"ab".repeat(5_000)}`;
    expect(matchesGlob(parseGlob(`*${piece}*`), text)).toBe(true);
    expect(matchesGlob(parseGlob(`ab*${piece}*${piece}*`), text)).toBe(false);
    expect(matchesGlob(parseGlob(`*${piece}*${"ab".repeat(5_000)}`), text)).toBe(true);
    expect(matchesGlob(parseGlob(`*${piece}*c${"ab".repeat(5_000)}`), text)).toBe(false);
  });

  it("is matched in linear time, whatever its author and the agent write", () => {
    const megabyte = 1_000_000;
    const hostile: readonly (readonly [string, string])[] = [
      [`${"*a".repeat(1_000)}*b`, "a".repeat(megabyte)],
      [`${"a*".repeat(1_000)}b`, `${"a".repeat(megabyte)}c`],
      [`*${"a".repeat(5_000)}b*`, "a".repeat(megabyte)],
      [`*b${"a".repeat(5_000)}*`, "a".repeat(megabyte)],
      [`*${"ab".repeat(2_500)}c*`, "ab".repeat(megabyte / 2)],
      [`${"*a*b".repeat(500)}*c*`, "ab".repeat(megabyte / 2)],
      [`*${"a".repeat(250)}b${"a".repeat(250)}*`, "a".repeat(megabyte)],
      [`*${"a".repeat(2_500)}b${"a".repeat(2_500)}*`, "a".repeat(megabyte)],
      [`*${"a".repeat(50_000)}b${"a".repeat(50_000)}*`, `${"a".repeat(megabyte)}\u4e00`],
      [`*x*${"\u00e9".repeat(2_500)}b${"\u00e9".repeat(2_500)}*`, `x${"\u00e9".repeat(megabyte)}`],
    ];
    for (const [glob, text] of hostile) {
      const before = process.threadCpuUsage(); // its own time: another process may have the processor meanwhile
      expect(matchesGlob(parseGlob(glob), text)).toBe(false);
      const { user, system } = process.threadCpuUsage(before);
      expect((user + system) / 1_000).toBeLessThan(100);
    }
  });
});
