import { describe, expect, it } from "vitest";
import { compileDocument } from "./compile.ts";
import { parsePatterns } from "./compile-policy.ts";
import type { DocumentPolicy } from "./document.ts";
import { foldGlob } from "./fold-glob.ts";
import { foldName } from "./fold-name.ts";
import { matchesGlob } from "./pattern.ts";
import { isUnnamed } from "./policy-index.ts";

/** Mulberry32: the same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const PARTS = ["read", "write", "_", "_", "a", "É", "ｒ", "K", "x1", "-"] as const;
const SERVERS = ["", "a", "b", "ab", "files", "files-2"] as const;

/** Every policy is asked by itself. */
function linear(policies: readonly DocumentPolicy[], server: string | undefined, tool: string): { readonly policies: string[]; readonly alike: string[] } {
  const found = { policies: [] as string[], alike: [] as string[] };
  for (const { action, except, match, name } of policies) {
    const restricts = action === "block" || action === "throttle";
    const patterns = parsePatterns(match).filter((pattern) => (server === undefined ? restricts || isUnnamed(pattern.server) : matchesGlob(pattern.server, server)));
    const isNamed = patterns.some((pattern) => matchesGlob(pattern.tool, tool));
    const isAlike = !isNamed && restricts && patterns.some((pattern) => matchesGlob(foldGlob(pattern.tool), foldName(tool)));
    const isExcepted = parsePatterns(except).some((pattern) => matchesGlob(pattern.tool, tool) && (server === undefined ? isUnnamed(pattern.server) : matchesGlob(pattern.server, server)));
    if (isExcepted || !(isNamed || isAlike)) continue;
    found.policies.push(name);
    if (isAlike) found.alike.push(name);
  }
  return found;
}

describe("a look-up in a document of thousands of policies", () => {
  it("equals asking each policy, on 24 random documents", { timeout: 60_000 }, () => {
    const seen = { none: 0, some: 0, alike: 0 };
    for (let seed = 1; seed <= 24; seed++) {
      const next = random(seed);
      const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T; // never empty
      const word = (stars: number): string => Array.from({ length: 1 + next(5) }, () => (next(10) < stars ? "*" : pick(PARTS))).join("");
      const pattern = (): string => `mcp:${next(3) === 0 ? pick(["*", "a*", "*s", "*e*"]) : pick(SERVERS)}:${word(seed % 4)}${next(2) === 0 ? next(300) : ""}`;
      const policies = Array.from({ length: 2_000 }, (_, n): DocumentPolicy => ({
        name: `p${n}`,
        match: next(8) === 0 ? [pattern(), pattern()] : pattern(),
        ...(next(10) === 0 ? { except: pattern() } : {}),
        action: pick(["allow", "warn", "block"]),
      }));
      const compiled = compileDocument({ version: 1, policies });
      for (let call = 0; call < 60; call++) {
        const server = next(5) === 0 ? undefined : pick([...SERVERS, "filese"]);
        const tool = `${word(0)}${next(2) === 0 ? next(300) : ""}`;
        const wanted = linear(policies, server, tool);
        const { alike, policies: found } = compiled.match(server, tool);
        expect({ policies: found.map(({ name }) => name), alike: alike.map(({ name }) => name) }, `seed ${seed}: ${server}:${tool}`).toEqual(wanted);
        seen[found.length === 0 ? "none" : "some"] += 1;
        if (alike.length > 0) seen.alike += 1;
      }
    }
    expect(Math.min(seen.none, seen.some, seen.alike)).toBeGreaterThan(50);
  });
});
