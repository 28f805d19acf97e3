/**
 * Calls that stand for all calls two documents can tell apart by name: every literal of their patterns, something for every
 * wildcard, something for every two wildcards at once, names that no pattern has, and a server without a name.
 */
import { matchesGlob, parsePattern, type Glob, type PolicyDocument } from "@countersign/sdk/policy";

export interface UniverseCall {
  readonly server: string | undefined;
  readonly tool: string;
}

/** Above this the calls of all pairs are too many to be worth it; pairs that come from one pattern stay. */
const MAX_CALLS = 200_000;
const MAX_MERGED = 2_000;
/** Stands for "any other". No pattern is likely to name it. */
const OTHER = "other";

export function callUniverse(documents: readonly PolicyDocument[]): readonly UniverseCall[] {
  const patterns = documents.flatMap(({ policies }) => policies.flatMap(({ except, match }) => [match, except ?? []].flat())).map(parsePattern);
  const parsed = patterns.filter((pattern) => typeof pattern !== "string");
  const servers = [undefined, ...names(parsed.map(({ server }) => server))];
  const tools = names(parsed.map(({ tool }) => tool));
  if (servers.length * tools.length <= MAX_CALLS) return servers.flatMap((server) => tools.map((tool) => ({ server, tool })));
  const own = parsed.flatMap(({ server, tool }) => [undefined, sample(server)].map((name) => ({ server: name === "" ? undefined : name, tool: sample(tool) })));
  return [...new Map(own.map((call) => [JSON.stringify([call.server ?? null, call.tool]), call])).values()];
}

function names(globs: readonly Glob[]): readonly string[] {
  const wild = [...new Map(globs.filter(({ pieces }) => pieces.length > 1).map((glob) => [glob.pieces.join("*"), glob])).values()];
  const found = new Set([...globs.map(sample), `any-${OTHER}`]);
  for (const a of wild) {
    for (const b of wild) {
      if (found.size > MAX_MERGED) break;
      const merged = `${a.pieces[0] ?? ""}${inner(a)}${OTHER}${inner(b)}${b.pieces.at(-1) ?? ""}`;
      if (matchesGlob(a, merged) && matchesGlob(b, merged)) found.add(merged);
    }
  }
  found.delete("");
  return [...found];
}

function inner({ pieces }: Glob): string {
  return pieces.slice(1, -1).join("");
}

/** A name that the glob matches: the literal itself, or its pieces around one word. */
function sample({ pieces }: Glob): string {
  if (pieces.length === 1) return pieces[0] ?? "";
  return [pieces[0] ?? "", OTHER, ...pieces.slice(1)].join("");
}
