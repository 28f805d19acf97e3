/**
 * Policies of one prepared document by the names of calls. The index says which may match; whether one does is decided here, by its
 * own patterns, so that no collision of hashes can make a policy match, and none can be missed.
 */
import { compilePolicy, parsePatterns, type CompiledPolicy } from "./compile-policy.ts";
import { foldGlob } from "./fold-glob.ts";
import { hashText, lookUp, type HashedText } from "./glob-table.ts";
import { matchesGlob, type Glob, type Pattern } from "./pattern.ts";
import { foldedToolsOf, isUnnamed, NAMELESS, NAMELESS_FOLDED, SERVERS, THROTTLES, toolsOf } from "./policy-index.ts";
import { policyAt, type PreparedDocument } from "./prepare-document.ts";

/** A policy that was met, with the patterns it is found by. */
interface Met {
  readonly policy: CompiledPolicy;
  readonly restricts: boolean;
  readonly patterns: readonly Pattern[];
  /** Tools of the patterns, folded; made when first asked for. */
  folded: readonly Glob[] | undefined;
}

const MAX_KNOWN_SERVERS = 1_000;

export class Lookup {
  readonly #document: PreparedDocument;
  readonly #met = new Map<number, Met>();
  /** The groups of each server that was asked about, most of which ask again. */
  readonly #known = new Map<string, readonly number[]>();

  constructor(document: PreparedDocument) {
    this.#document = document;
  }

  policy(ordinal: number): CompiledPolicy {
    return this.#meet(ordinal).policy;
  }

  /** The groups of patterns that are about this server. */
  groups(server: string): readonly number[] {
    const known = this.#known.get(server);
    if (known !== undefined) return known;
    const { index } = this.#document;
    const candidates: number[] = [];
    lookUp(index.table, SERVERS, hashText(server), candidates);
    const groups = candidates.filter((group) => {
      const [met, at] = this.#pattern(index.groups[group] ?? 0);
      return matchesGlob((met.patterns[at] as Pattern).server, server); // #pattern gives a place in this list
    });
    if (this.#known.size >= MAX_KNOWN_SERVERS) this.#known.clear();
    this.#known.set(server, groups);
    return groups;
  }

  /** Policies that name the call. `groups` are the server's; undefined for a server without a name. In no order, maybe more than once. */
  named(groups: readonly number[] | undefined, server: string | undefined, tool: string): CompiledPolicy[] {
    const found: CompiledPolicy[] = [];
    const fits = (met: Met, { server: servers, tool: tools }: Pattern): boolean => isAbout(met, servers, server) && matchesGlob(tools, tool);
    this.#collect(groups === undefined ? [NAMELESS] : groups.map(toolsOf), hashText(tool), fits, found);
    return found;
  }

  /** Blocks and throttles whose patterns match once both sides are folded; `all` of them, or those that folding changes. */
  alike(groups: readonly number[] | undefined, server: string | undefined, folded: string, all: boolean): CompiledPolicy[] {
    const found: CompiledPolicy[] = [];
    const fits = (met: Met, { server: servers }: Pattern, at: number): boolean => met.restricts && isAbout(met, servers, server) && matchesGlob(foldedTool(met, at), folded);
    const spaces = groups === undefined ? [NAMELESS_FOLDED, ...(all ? [NAMELESS] : [])] : [...groups.map(foldedToolsOf), ...(all ? groups.map(toolsOf) : [])];
    this.#collect(spaces, hashText(folded), fits, found);
    return found;
  }

  hasThrottle(name: string): boolean {
    const found: number[] = [];
    lookUp(this.#document.index.table, THROTTLES, hashText(name), found);
    return found.some((ordinal) => this.policy(ordinal).name === name);
  }

  #collect(spaces: readonly number[], text: HashedText, fits: (met: Met, pattern: Pattern, at: number) => boolean, found: CompiledPolicy[]): void {
    const { table } = this.#document.index;
    const candidates: number[] = [];
    for (const space of spaces) lookUp(table, space, text, candidates);
    for (const number of candidates) {
      const [met, at] = this.#pattern(number);
      const pattern = met.patterns[at];
      if (pattern !== undefined && fits(met, pattern, at)) found.push(met.policy);
    }
  }

  /** The policy of a pattern, and the pattern's place in it. */
  #pattern(number: number): readonly [Met, number] {
    const { firstPattern, policyOf } = this.#document.index;
    const ordinal = policyOf[number] ?? 0;
    return [this.#meet(ordinal), number - (firstPattern[ordinal] ?? 0)];
  }

  #meet(ordinal: number): Met {
    let met = this.#met.get(ordinal);
    if (met === undefined) {
      const written = policyAt(this.#document, ordinal);
      const restricts = written.action === "block" || written.action === "throttle";
      met = { policy: compilePolicy(written, ordinal), restricts, patterns: parsePatterns(written.match), folded: undefined };
      this.#met.set(ordinal, met);
    }
    return met;
  }
}

/** A policy that restricts may be about a server without a name, whichever it names. */
function isAbout({ restricts }: Met, servers: Glob, server: string | undefined): boolean {
  return server === undefined ? restricts || isUnnamed(servers) : matchesGlob(servers, server);
}

function foldedTool(met: Met, at: number): Glob {
  met.folded ??= met.patterns.map(({ tool }) => foldGlob(tool));
  return met.folded[at] as Glob; // one for each pattern
}
