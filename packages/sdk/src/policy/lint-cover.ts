/** Which policies are about everything that another is about. Decided by inclusion of globs: what it says is certain, and it does not say all. */
import { parsePatterns } from "./compile-policy.ts";
import type { DocumentPolicy } from "./document.ts";
import { freshCharacter, includesGlob, witnessOf } from "./glob-inclusion.ts";
import { isAny, type Glob, type Pattern } from "./pattern.ts";
import { SegmentIndex } from "./segment-index.ts";

export interface ReadPolicy {
  readonly at: number;
  readonly written: DocumentPolicy;
  readonly match: readonly Pattern[];
  readonly except: readonly Pattern[];
  readonly enforced: boolean;
  readonly conditional: boolean;
  /** Blocks and throttles: they are also about look-alikes, and about every server without a name. */
  readonly restricts: boolean;
  /** The same text for policies that say the same, whatever they are called. */
  readonly meaning: string;
}

export function readPolicy(written: DocumentPolicy, at: number): ReadPolicy {
  const match = parsePatterns(written.match);
  const except = parsePatterns(written.except);
  const { action, approval, mode = "enforce", rate, when } = written;
  const texts = (patterns: readonly Pattern[]): string[] => [...new Set(patterns.map(({ server, tool }) => `${textOf(server)}:${textOf(tool)}`))].toSorted();
  const terms = { action, mode, approval: approval ?? {}, rate: rate ?? null, when: when ?? null };
  return {
    at,
    written,
    match,
    except,
    enforced: mode === "enforce",
    conditional: when !== undefined,
    restricts: action === "block" || action === "throttle",
    meaning: JSON.stringify([texts(match), texts(except), sortKeys(terms)]),
  };
}

/** True where `wide` is about all that `narrow` is about, as exceptions are read: without look-alikes. */
export function isUnder(narrow: Pattern, wide: Pattern): boolean {
  return includesGlob(wide.server, narrow.server) && includesGlob(wide.tool, narrow.tool);
}

interface Entry {
  readonly policy: ReadPolicy;
  readonly pattern: Pattern;
}

/** An index over what may cover. Looking up costs what the pattern is long and what covers it, not how many policies there are. */
export class Covers {
  readonly #fresh: string | undefined;
  readonly #servers = new SegmentIndex<SegmentIndex<Entry>>();
  readonly #gone = new Set<ReadPolicy>();

  /** `policies` must be unconditional. */
  constructor(policies: readonly ReadPolicy[]) {
    const byServer = new Map<string, SegmentIndex<Entry>>();
    for (const policy of policies) {
      for (const pattern of policy.match) {
        const text = textOf(pattern.server);
        let tools = byServer.get(text);
        if (tools === undefined) {
          byServer.set(text, (tools = new SegmentIndex()));
          this.#servers.add(pattern.server, tools);
        }
        tools.add(pattern.tool, { policy, pattern });
      }
    }
    this.#fresh = freshCharacter(policies.flatMap(({ match }) => match.flatMap(({ server, tool }) => [server, tool])));
  }

  /** From now on this policy covers nothing. */
  remove(policy: ReadPolicy): void {
    this.#gone.add(policy);
  }

  /** Policies of those accepted that together are about every call that `policy` is about, each once, or undefined. */
  of(policy: ReadPolicy, accept: (written: DocumentPolicy) => boolean): readonly ReadPolicy[] | undefined {
    const covering = new Set<ReadPolicy>();
    for (const pattern of policy.match) {
      const entry = this.#around(pattern).find(
        (one) => one.policy !== policy && !this.#gone.has(one.policy) && accept(one.policy.written) && coversRest(one, { policy, pattern }),
      );
      if (entry === undefined) return undefined;
      covering.add(entry.policy);
    }
    return [...covering].toSorted((a, b) => a.at - b.at);
  }

  /** Entries whose two globs include those of the pattern: they match a text that shows where its stars are. */
  #around({ server, tool }: Pattern): Entry[] {
    if (this.#fresh === undefined) return [];
    const indexes: SegmentIndex<Entry>[] = [];
    this.#servers.collect(witnessOf(server, this.#fresh), indexes);
    const entries: Entry[] = [];
    for (const index of indexes) index.collect(witnessOf(tool, this.#fresh), entries);
    return entries;
  }
}

/** Beyond the globs: exceptions, servers without a name, look-alikes. */
function coversRest(wide: Entry, narrow: Entry): boolean {
  const excepts = wide.policy.except.every((except) => narrow.policy.except.some((other) => isUnder(except, other)));
  if (!excepts || !narrow.policy.restricts) return excepts;
  if (isAny(wide.pattern.tool)) return wide.policy.restricts || isAny(wide.pattern.server);
  // Folding keeps an inclusion where it goes letter by letter, as in ASCII; elsewhere only equal globs are sure to fold alike.
  const foldsAlike = textOf(wide.pattern.tool) === textOf(narrow.pattern.tool) || [wide, narrow].every(({ pattern }) => PLAIN.test(textOf(pattern.tool)));
  return wide.policy.restricts && foldsAlike;
}

const PLAIN = /^[\x21-\x7e]*$/;

/** `**` and `*` are one glob. */
function textOf({ pieces }: Glob): string {
  return pieces.join("*");
}

function sortKeys(value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sortKeys(member)]),
  );
}
