/** What a document's policies are found by: their patterns in one GlobTable. Flat numbers, for any thread. */
import { parsePatterns } from "./compile-policy.ts";
import type { DocumentPolicy } from "./document.ts";
import { foldGlob, isFolded } from "./fold-glob.ts";
import { GlobTableBuilder, GrowingList, type GlobTable } from "./glob-table.ts";
import { isAny, type Glob } from "./pattern.ts";

/** Patterns are numbered through all policies, in document order. */
export interface PolicyIndex {
  readonly table: GlobTable;
  /** The policy of each pattern, by its place in the document. */
  readonly policyOf: Int32Array;
  /** The first pattern of each policy. */
  readonly firstPattern: Int32Array;
  /** For each group (patterns with the same server), one pattern of it. */
  readonly groups: Int32Array;
  /** Whether some restricting pattern reads differently once it is folded. */
  readonly hasFolded: boolean;
}

/** Groups by their servers. */
export const SERVERS = 0;
/** Tools of patterns that may be about a server without a name: unknown is the stricter side. */
export const NAMELESS = 1;
/** As NAMELESS, folded, where that is a different text; blocks and throttles only. */
export const NAMELESS_FOLDED = 2;
/** Policies with a rate, by name. */
export const THROTTLES = 3;
/** Tools of the patterns of a group. */
export const toolsOf = (group: number): number => 4 + group * 2;
/** As NAMELESS_FOLDED, of a group. */
export const foldedToolsOf = (group: number): number => 5 + group * 2;

/** Throws TypeError for patterns that the schema refuses. */
export function indexPolicies(policies: readonly DocumentPolicy[]): PolicyIndex {
  const table = new GlobTableBuilder();
  const policyOf = new GrowingList();
  const firstPattern = new Int32Array(policies.length);
  const groupOf = new Map<string, number>();
  const groups = new GrowingList();
  let hasFolded = false;

  for (const [ordinal, { action, match, name, rate }] of policies.entries()) {
    firstPattern[ordinal] = policyOf.length;
    const restricts = action === "block" || action === "throttle";
    if (rate !== undefined) table.addExact(THROTTLES, name, ordinal);
    for (const { server, tool, text } of parsePatterns(match)) {
      const number = policyOf.length;
      policyOf.push(ordinal);
      const serverText = text.slice(4, text.indexOf(":", 4));
      let group = groupOf.get(serverText);
      if (group === undefined) {
        groupOf.set(serverText, (group = groupOf.size));
        groups.push(number);
        table.add(SERVERS, server, group);
      }
      table.add(toolsOf(group), tool, number);
      if (restricts || isUnnamed(server)) table.add(NAMELESS, tool, number);
      if (!restricts || isFolded(tool)) continue;
      hasFolded = true;
      const folded = foldGlob(tool);
      table.add(foldedToolsOf(group), folded, number);
      table.add(NAMELESS_FOLDED, folded, number);
    }
  }
  return { table: table.finish(), policyOf: policyOf.list(), firstPattern, groups: groups.list(), hasFolded };
}

/** Whether a server pattern is about a server that has no name, whatever the policy does. */
export function isUnnamed(server: Glob): boolean {
  return isAny(server) || (server.pieces.length === 1 && server.pieces[0] === "");
}
