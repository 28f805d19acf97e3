/** A policy document compiled once, for matching by index. Immutable; a new document is a new compilation. */
import type { InspectionAction } from "../inspection/inspection.ts";
import { compileDefault, compilePolicy, parsePatterns, type CompiledPolicy } from "./compile-policy.ts";
import type { FaultPlace } from "./condition-fault.ts";
import type { PolicyDocument } from "./document.ts";
import { foldName, foldText } from "./fold-name.ts";
import { globOf, isAny, matchesGlob, type Glob } from "./pattern.ts";
import { conditionPlace } from "./places.ts";
import type { Requirement } from "./result.ts";
import { SegmentIndex } from "./segment-index.ts";

/** The policies that match one call, in document order. */
export interface Match {
  readonly policies: readonly CompiledPolicy[];
  /** Those that match only because the name folds to one that they name. */
  readonly alike: readonly CompiledPolicy[];
}

export interface CompiledDocument {
  readonly size: number;
  readonly defaultRequirement: Requirement | "never" | undefined;
  /** Groups of findings that the document has actions for, but for `tools`, which needs no inspection. */
  readonly findingGroups: readonly string[];
  /** The action for a finding; `allow` where the document says nothing. */
  findingAction(group: string, type: string, direction: "input" | "output"): InspectionAction;
  match(server: string | undefined, tool: string): Match;
  /** Of the character `offset` of the condition of the policy `ordinal`. */
  conditionPlace(ordinal: number, offset: number): FaultPlace;
}

type ToolIndex = SegmentIndex<CompiledPolicy>;

export function compileDocument(document: PolicyDocument): CompiledDocument {
  const named = new ServerIndex();
  /** Policies that may match a server without a name: unknown is the stricter side. */
  const nameless: ToolIndex = new SegmentIndex();
  /** Blocks and throttles by folded tool names, for look-alikes. */
  const foldedNamed = new ServerIndex();
  const foldedNameless: ToolIndex = new SegmentIndex();
  let foldPlainNames = false;

  for (const [ordinal, written] of document.policies.entries()) {
    const policy = compilePolicy(written, ordinal);
    const restricts = policy.action === "block" || policy.action === "throttle";
    for (const { server, tool } of parsePatterns(written.match)) {
      named.add(server, tool, policy);
      if (restricts || isAny(server) || isEmpty(server)) nameless.add(tool, policy);
      if (!restricts) continue;
      const folded = foldGlob(tool);
      if (!isSameGlob(folded, tool)) foldPlainNames = true;
      foldedNamed.add(server, folded, policy);
      foldedNameless.add(folded, policy);
    }
  }

  function match(server: string | undefined, tool: string): Match {
    const exact: CompiledPolicy[] = [];
    if (server === undefined) nameless.collect(tool, exact);
    else named.collect(server, tool, exact);
    const folded = foldName(tool);
    if (!foldPlainNames && folded === tool) return exact.length === 0 ? NOTHING : { policies: tidy(exact, server, tool), alike: NONE };

    const alike: CompiledPolicy[] = [];
    if (server === undefined) foldedNameless.collect(folded, alike);
    else foldedNamed.collect(server, folded, alike);
    const before = new Set(exact);
    const more = tidy(alike, server, tool).filter((policy) => !before.has(policy));
    return { policies: tidy([...exact, ...more], server, tool), alike: more };
  }

  return {
    size: document.policies.length,
    defaultRequirement: compileDefault(document.default),
    findingGroups: Object.keys(document.inspection ?? {}).filter((group) => group !== "tools"),
    findingAction: (group, type, direction) => findingAction(document, group, type, direction),
    match,
    conditionPlace: (ordinal, offset) => conditionPlace(document, ordinal, offset),
  };
}

const NONE: readonly CompiledPolicy[] = Object.freeze([]);
const NOTHING: Match = { policies: NONE, alike: NONE };

/** In document order, each once, without those that except the call. May change `found`. */
function tidy(found: CompiledPolicy[], server: string | undefined, tool: string): readonly CompiledPolicy[] {
  if (found.length > 1) found.sort((a, b) => a.ordinal - b.ordinal);
  const isKept = (policy: CompiledPolicy, at: number): boolean => (at === 0 || policy !== found[at - 1]) && !(policy.except.length > 0 && isExcepted(policy, server, tool));
  return found.every(isKept) ? found : found.filter(isKept);
}

/** Tools by server: a look-up touches the indexes of matching server patterns only. */
class ServerIndex {
  readonly #servers = new SegmentIndex<ToolIndex>();
  readonly #byText = new Map<string, ToolIndex>();
  /** The indexes of each server that was asked about, most of which ask again. */
  readonly #known = new Map<string, readonly ToolIndex[]>();

  add(server: Glob, tool: Glob, policy: CompiledPolicy): void {
    const text = server.pieces.join("*");
    let tools = this.#byText.get(text);
    if (tools === undefined) {
      tools = new SegmentIndex();
      this.#byText.set(text, tools);
      this.#servers.add(server, tools);
    }
    tools.add(tool, policy);
  }

  collect(server: string, tool: string, found: CompiledPolicy[]): void {
    for (const tools of this.#known.get(server) ?? this.#about(server)) tools.collect(tool, found);
  }

  #about(server: string): readonly ToolIndex[] {
    const indexes: ToolIndex[] = [];
    this.#servers.collect(server, indexes);
    if (this.#known.size >= MAX_KNOWN_SERVERS) this.#known.clear();
    this.#known.set(server, indexes);
    return indexes;
  }
}

const MAX_KNOWN_SERVERS = 1_000;

function isExcepted(policy: CompiledPolicy, server: string | undefined, tool: string): boolean {
  return policy.except.some(
    (pattern) =>
      matchesGlob(pattern.tool, tool) &&
      (server === undefined ? isAny(pattern.server) || isEmpty(pattern.server) : matchesGlob(pattern.server, server)),
  );
}

function isEmpty(glob: Glob): boolean {
  return glob.pieces.length === 1 && glob.pieces[0] === "";
}

/** Folded piece by piece: a full-width asterisk folds to `*`, which is then a character and no wildcard. */
function foldGlob(glob: Glob): Glob {
  const pieces = glob.pieces.map(foldText);
  pieces[0] = pieces[0]?.trimStart() ?? "";
  pieces.push(pieces.pop()?.trimEnd() ?? "");
  return globOf(pieces);
}

function isSameGlob(a: Glob, b: Glob): boolean {
  return a.pieces.length === b.pieces.length && a.pieces.every((piece, index) => piece === b.pieces[index]);
}

/** Names of the reference page beside ours. */
const ALIASES: ReadonlyMap<string, string> = new Map([["us_ssn", "ssn"], ["payment_card", "credit_card"]]);

function findingAction(document: PolicyDocument, group: string, type: string, direction: "input" | "output"): InspectionAction {
  const section = document.inspection;
  if (section === undefined || !Object.hasOwn(section, group)) return "allow";
  if (group === "tools") return (type === "changed" ? section.tools?.onChange : type === "suspicious" ? section.tools?.onSuspicious : undefined) ?? "allow";
  // Every other key but `tools` holds a group of findings; the schema says so.
  const actions = (section[group] as { input?: Record<string, InspectionAction>; output?: Record<string, InspectionAction> })[direction];
  if (actions === undefined) return "allow";
  for (const name of [type, ALIASES.get(type) ?? type, "*"]) {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action !== undefined) return action;
  }
  return "allow";
}
