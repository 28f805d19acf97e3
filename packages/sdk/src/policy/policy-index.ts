/** What a document's policies are found by: their patterns in one GlobTable. Flat numbers, for any thread. */
import type { DocumentPolicy } from "./document.ts";
import { foldGlob, isPlain } from "./fold-glob.ts";
import { exactShape, GlobTableBuilder, GrowingList, shapeOf, type GlobTable, type Numbers } from "./glob-table.ts";
import { isAny, parseGlob, parsePattern, type Glob } from "./pattern.ts";

/** Patterns are numbered through all policies, in document order. */
export interface PolicyIndex {
  readonly table: GlobTable;
  /** The policy of each pattern, by its place in the document. */
  readonly policyOf: Numbers;
  /** The first pattern of each policy. */
  readonly firstPattern: Numbers;
  /** For each group (patterns with the same server), one pattern of it. */
  readonly groups: Numbers;
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
  const groups = new Groups(table);
  const policyOf = new GrowingList();
  const firstPattern = new Int32Array(policies.length);
  let hasFolded = false;

  for (const [ordinal, { action, match, name, rate }] of policies.entries()) {
    firstPattern[ordinal] = policyOf.length;
    const restricts = action === "block" || action === "throttle";
    if (rate !== undefined) table.add(THROTTLES, exactShape(name), ordinal);
    for (const text of typeof match === "string" ? [match] : match) {
      const number = policyOf.length;
      policyOf.push(ordinal);
      const { group, tool, unnamed } = groups.split(text, number);
      const glob = tool.includes("*") ? parseGlob(tool) : undefined;
      const shape = glob === undefined ? exactShape(tool) : shapeOf(glob);
      table.add(toolsOf(group), shape, number);
      if (restricts || unnamed) table.add(NAMELESS, shape, number);
      if (!restricts || isPlain(tool)) continue;
      const folded = foldGlob(glob ?? parseGlob(tool));
      if (folded.pieces.join("*") === tool) continue;
      hasFolded = true;
      table.add(foldedToolsOf(group), shapeOf(folded), number);
      table.add(NAMELESS_FOLDED, shapeOf(folded), number);
    }
  }
  return { table: table.finish(), policyOf: policyOf.list(), firstPattern, groups: groups.firsts.list(), hasFolded };
}

interface Split {
  readonly group: number;
  readonly tool: string;
  readonly unnamed: boolean;
}

/** Patterns by what they say of the server. */
class Groups {
  readonly #table: GlobTableBuilder;
  readonly #known = new Map<string, { readonly group: number; readonly unnamed: boolean }>();
  /** The first pattern of each group. */
  readonly firsts = new GrowingList();

  constructor(table: GlobTableBuilder) {
    this.#table = table;
  }

  split(text: string, number: number): Split {
    const colon = text.indexOf(":", 4);
    const server = text.slice(4, colon);
    let known = colon === -1 || !text.startsWith("mcp:") || colon + 1 === text.length ? undefined : this.#known.get(server);
    if (known === undefined) {
      const parsed = parsePattern(text);
      if (typeof parsed === "string") throw new TypeError(`not a pattern: ${text}`); // reading has refused it already
      this.#known.set(server, (known = { group: this.firsts.length, unnamed: isUnnamed(parsed.server) }));
      this.firsts.push(number);
      this.#table.add(SERVERS, shapeOf(parsed.server), known.group);
    }
    return { group: known.group, tool: text.slice(colon + 1), unnamed: known.unnamed };
  }
}

/** Whether a server pattern is about a server that has no name, whatever the policy does. */
export function isUnnamed(server: Glob): boolean {
  return isAny(server) || (server.pieces.length === 1 && server.pieces[0] === "");
}
