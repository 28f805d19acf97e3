/**
 * Policies of one prepared document by the names of calls. The index says which may match; whether one does is decided here, by its
 * own patterns, so that no collision of hashes can make a policy match, and none can be missed.
 */
import { compilePolicy, parsePatterns, type CompiledPolicy } from "./compile-policy.ts";
import { foldGlob } from "./fold-glob.ts";
import { hashText, lookUp } from "./glob-table.ts";
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

/** Policies of larger documents are made when a call first meets them; most never are. */
const MADE_AT_ONCE = 500;

/** Where to look for the tools of one server. */
interface Spaces {
  readonly named: readonly number[];
  /** For folded names that differ from the name as it is, and for those that do not. */
  readonly alike: readonly number[];
  readonly folded: readonly number[];
}

const OF_NAMELESS: Spaces = { named: [NAMELESS], alike: [NAMELESS, NAMELESS_FOLDED], folded: [NAMELESS_FOLDED] };
const MAX_KNOWN_SERVERS = 1_000;

export class Lookup {
  readonly #document: PreparedDocument;
  readonly #met: (Met | undefined)[];
  /** Of each server that was asked about, most of which ask again. */
  readonly #known = new Map<string, Spaces>();
  /** Numbers of patterns or groups, between finding and checking them. */
  readonly #candidates: number[] = [];

  constructor(document: PreparedDocument) {
    this.#document = document;
    this.#met = Array.from({ length: document.size <= MADE_AT_ONCE ? document.size : 0 }, (_, ordinal) => meet(document, ordinal));
  }

  /** Policies that name the call; in no order, maybe more than once. */
  named(server: string | undefined, tool: string): CompiledPolicy[] {
    const found: CompiledPolicy[] = [];
    const { named } = this.#spaces(server); // before the tool is hashed: it may hash the server
    for (const number of this.#search(named, tool)) {
      const met = this.#metOf(number);
      const pattern = met.patterns[this.#placeOf(number)];
      if (pattern !== undefined && isAbout(met, pattern.server, server) && matchesGlob(pattern.tool, tool)) found.push(met.policy);
    }
    return found;
  }

  /**
   * Blocks and throttles whose patterns match once both sides are folded. Where the name is folded as it is, only those whose
   * patterns are not: `named` has the others.
   */
  alike(server: string | undefined, folded: string, isAsNamed: boolean): CompiledPolicy[] {
    const found: CompiledPolicy[] = [];
    const spaces = this.#spaces(server);
    for (const number of this.#search(isAsNamed ? spaces.folded : spaces.alike, folded)) {
      const met = this.#metOf(number);
      const at = this.#placeOf(number);
      const pattern = met.patterns[at];
      if (pattern !== undefined && met.restricts && isAbout(met, pattern.server, server) && matchesGlob(foldedTool(met, at), folded)) found.push(met.policy);
    }
    return found;
  }

  hasThrottle(name: string): boolean {
    return this.#search([THROTTLES], name).some((ordinal) => this.#meet(ordinal).policy.name === name);
  }

  #spaces(server: string | undefined): Spaces {
    return server === undefined ? OF_NAMELESS : (this.#known.get(server) ?? this.#learn(server));
  }

  #learn(server: string): Spaces {
    const { groups } = this.#document.index;
    const about = this.#search([SERVERS], server).filter((group) => {
      const number = groups[group] ?? 0;
      const pattern = this.#metOf(number).patterns[this.#placeOf(number)];
      return pattern !== undefined && matchesGlob(pattern.server, server);
    });
    const spaces = { named: about.map(toolsOf), alike: [...about.map(toolsOf), ...about.map(foldedToolsOf)], folded: about.map(foldedToolsOf) };
    if (this.#known.size >= MAX_KNOWN_SERVERS) this.#known.clear();
    this.#known.set(server, spaces);
    return spaces;
  }

  /** What may match; valid until the next search. */
  #search(spaces: readonly number[], text: string): readonly number[] {
    const { table } = this.#document.index;
    this.#candidates.length = 0;
    const hashed = hashText(text);
    for (const space of spaces) lookUp(table, space, hashed, this.#candidates);
    return this.#candidates;
  }

  /** The policy of a pattern. */
  #metOf(number: number): Met {
    return this.#meet(this.#document.index.policyOf[number] ?? 0);
  }

  /** The place of a pattern in its policy. */
  #placeOf(number: number): number {
    const { firstPattern, policyOf } = this.#document.index;
    return number - (firstPattern[policyOf[number] ?? 0] ?? 0);
  }

  #meet(ordinal: number): Met {
    return (this.#met[ordinal] ??= meet(this.#document, ordinal));
  }
}

function meet(document: PreparedDocument, ordinal: number): Met {
  const written = policyAt(document, ordinal);
  const restricts = written.action === "block" || written.action === "throttle";
  return { policy: compilePolicy(written, ordinal), restricts, patterns: parsePatterns(written.match), folded: undefined };
}

/** A policy that restricts may be about a server without a name, whichever it names. */
function isAbout({ restricts }: Met, servers: Glob, server: string | undefined): boolean {
  return server === undefined ? restricts || isUnnamed(servers) : matchesGlob(servers, server);
}

function foldedTool(met: Met, at: number): Glob {
  met.folded ??= met.patterns.map(({ tool }) => foldGlob(tool));
  return met.folded[at] as Glob; // one for each pattern
}
