/** A policy document compiled once, for matching by index. Immutable; a new document is a new compilation. */
import type { InspectionAction } from "../inspection/inspection.ts";
import { compileDefault, type CompiledPolicy } from "./compile-policy.ts";
import type { FaultPlace } from "./condition-fault.ts";
import type { PolicyDocument } from "./document.ts";
import { foldName } from "./fold-name.ts";
import { Lookup } from "./lookup.ts";
import { matchesGlob } from "./pattern.ts";
import { conditionPlace, placesOf, type Places } from "./places.ts";
import { isUnnamed } from "./policy-index.ts";
import { prepareDocument, type PreparedDocument } from "./prepare-document.ts";
import type { Requirement } from "./result.ts";

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
  /** Whether a policy of this name has a rate. */
  hasThrottle(name: string): boolean;
}

/** The document is copied. Throws TypeError for what reading it refuses. */
export function compileDocument(document: PolicyDocument): CompiledDocument {
  return compilePrepared(prepareDocument(document), placesOf(document));
}

/** `places`: where the parts of the document are written, where that is known. */
export function compilePrepared(prepared: PreparedDocument, places?: Places): CompiledDocument {
  const { frame, index, size } = prepared;
  const lookup = new Lookup(prepared);

  function match(server: string | undefined, tool: string): Match {
    const exact = lookup.named(server, tool);
    const folded = foldName(tool);
    if (!index.hasFolded && folded === tool) return exact.length === 0 ? NOTHING : { policies: tidy(exact, server, tool), alike: NONE };

    const alike = lookup.alike(server, folded, folded === tool);
    const before = new Set(exact);
    const more = tidy(alike, server, tool).filter((policy) => !before.has(policy));
    return { policies: tidy([...exact, ...more], server, tool), alike: more };
  }

  return {
    size,
    defaultRequirement: compileDefault(frame.default),
    findingGroups: Object.keys(frame.inspection ?? {}).filter((group) => group !== "tools"),
    findingAction: (group, type, direction) => findingAction(frame.inspection, group, type, direction),
    match,
    conditionPlace: (ordinal, offset) => conditionPlace(places, ordinal, offset),
    hasThrottle: (name) => lookup.hasThrottle(name),
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

function isExcepted(policy: CompiledPolicy, server: string | undefined, tool: string): boolean {
  return policy.except.some((pattern) => matchesGlob(pattern.tool, tool) && (server === undefined ? isUnnamed(pattern.server) : matchesGlob(pattern.server, server)));
}

/** Names of the reference page beside ours. */
const ALIASES: ReadonlyMap<string, string> = new Map([["us_ssn", "ssn"], ["payment_card", "credit_card"]]);

function findingAction(section: PolicyDocument["inspection"], group: string, type: string, direction: "input" | "output"): InspectionAction {
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
