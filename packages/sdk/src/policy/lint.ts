/**
 * What in a valid document is certainly a slip: policies that can change no verdict, contradict each other, or name what does
 * not exist. It reports only what is certain, and never changes what a document means. A policy with a condition counts as
 * matching less than its patterns do, so nothing is ever hidden by it. Called by `countersign policy check` and at load.
 */
import type { JsonValue } from "../call/json.ts";
import type { DocumentPolicy, PolicyDocument } from "./document.ts";
import { Covers, isUnder, readPolicy, type ReadPolicy } from "./lint-cover.ts";
import { lintConditions } from "./lint-conditions.ts";
import { lintFacts } from "./lint-facts.ts";
import { placesOf, type Place } from "./places.ts";

export const LINT_CODES = [
  "missing_default",
  "nothing_runs",
  "excepted",
  "duplicate",
  "shadowed",
  "contradictory",
  "idle_allow",
  "idle_observe",
  "unmeetable",
  "unknown_approver",
  "unknown_server",
  "unknown_tool",
  "never_true",
  "always_true",
  "optional_argument",
  "unknown_argument",
  "argument_type",
] as const;
export type LintCode = (typeof LINT_CODES)[number];

export interface LintFinding {
  readonly code: LintCode;
  /** Name of the policy, or null where the document itself is meant. */
  readonly policy: string | null;
  /** The place, such as `policies.3.match` or `default`. */
  readonly path: string;
  /** The place in words, and what is wrong there. */
  readonly message: string;
  /** What to do about it. */
  readonly mend: string;
  /** Where the place is inside of a condition: UTF-16 units into its text. */
  readonly offset?: number;
  /** Where positions are known. Both count from 1. */
  readonly line?: number;
  readonly column?: number;
}

export interface LintTool {
  readonly name: string;
  /** JSON Schema of its arguments, as `tools/list` gives it. */
  readonly inputSchema?: JsonValue | undefined;
}

/** What is known beside the document. What is not given is not checked. */
export interface LintFacts {
  /** The tools that each server lists, by server name. */
  readonly tools?: Readonly<Record<string, readonly LintTool[]>>;
  /** Servers that exist beside those of `tools`, so that there are no others. Left out: there may be any. */
  readonly servers?: readonly string[];
  /** Everyone who can be named as approver: people and `group:` names. */
  readonly approvers?: readonly string[];
  /** The place of a path, or of a character of the text there. Default: where readPolicyText read it. */
  readonly positions?: (path: string, offset?: number) => Place | undefined;
}

/** Lints a document that was read without a problem. Findings come in document order. */
export function lintDocument(document: PolicyDocument, facts: LintFacts = {}): LintFinding[] {
  const policies = document.policies.map(readPolicy);
  const found = [...lintDefault(document), ...lintPolicies(document, policies), ...lintFacts(document, policies, facts), ...lintConditions(policies, facts)];
  const { positions = positionsOf(document) } = facts;
  const placed = found.map((one) => ({ ...one, ...positions(one.path, one.offset) }));
  return placed.toSorted((a, b) => ordinalOf(a) - ordinalOf(b)); // stable: findings of one policy stay in their order
}

/** Where the paths of findings are in the text the document was read from. */
export function positionsOf(document: PolicyDocument): NonNullable<LintFacts["positions"]> {
  const places = placesOf(document);
  return (path, offset) => places?.at(path.split(".").map((step) => (/^\d+$/.test(step) ? Number(step) : step)), offset);
}

function ordinalOf({ path }: LintFinding): number {
  return path.startsWith("policies.") ? Number(path.split(".")[1]) : -1;
}

function lintDefault({ default: byDefault, policies }: PolicyDocument): LintFinding[] {
  if (byDefault === undefined) {
    return [{ code: "missing_default", policy: null, path: "default", message: "default: is missing, which means that every call that no policy is about runs.", mend: "Write `default: allow` to say so, or `default: block`." }];
  }
  const opens = policies.some(({ action, mode }) => action === "allow" && mode !== "observe");
  if (typeof byDefault === "string" || byDefault.approval !== "never" || opens) return [];
  return [{ code: "nothing_runs", policy: null, path: "default", message: "default: blocks for good, and no enforced policy allows anything, so no call can ever run.", mend: "Add a policy with `action: allow`, or remove `approval: never`." }];
}

/** From last to first: what is reported covers nothing else, so that everything reported can go at once. */
function lintPolicies(document: PolicyDocument, policies: readonly ReadPolicy[]): LintFinding[] {
  const covers = new Covers(policies.filter(({ enforced, conditional }) => enforced && !conditional));
  const first = new Map<string, ReadPolicy>();
  for (const policy of policies) if (!first.has(policy.meaning)) first.set(policy.meaning, policy);
  const found: LintFinding[] = [];
  for (const policy of policies.toReversed()) {
    const slip = lintPolicy(document, policy, covers, first);
    if (slip === undefined) continue;
    covers.remove(policy);
    found.push(slip);
  }
  return found;
}

function lintPolicy(document: PolicyDocument, policy: ReadPolicy, covers: Covers, first: ReadonlyMap<string, ReadPolicy>): LintFinding | undefined {
  if (policy.match.every((pattern) => policy.except.some((except) => isUnder(pattern, except)))) return exceptedFinding(policy);
  const same = first.get(policy.meaning);
  if (same !== undefined && same !== policy) {
    return finding(policy, "duplicate", "", `says the same as ${placeOf(same)}: the same calls, action and terms.`, "Remove one of them.");
  }
  return policy.enforced ? lintEnforced(document, policy, covers) : lintObserved(document, policy, covers, first);
}

function lintEnforced(document: PolicyDocument, policy: ReadPolicy, covers: Covers): LintFinding | undefined {
  const { action } = policy.written;
  const forbidding = covers.of(policy, isNever);
  if (forbidding !== undefined) {
    const by = `${forbidding.map(placeOf).join(", ")} ${forbidding.length > 1 ? "block" : "blocks"} for good`;
    if (action === "allow") return finding(policy, "contradictory", ".match", `allows only what ${by}.`, "Remove it, or except these calls from the block.");
    return finding(policy, "shadowed", ".match", `never decides: every call it matches is one that ${by}.`, "Remove it, or except these calls from the block.");
  }
  if (action === "warn") {
    const stricter = covers.of(policy, ({ action: other }) => other === "block" || other === "throttle");
    if (stricter === undefined) return undefined;
    return finding(policy, "shadowed", ".match", `never decides: ${stricter.map(placeOf).join(", ")} is about all of its calls and stricter than a warning.`, "Remove it, or narrow the stricter policy.");
  }
  if (action !== "allow") return undefined;
  if (allowsByDefault(document)) {
    return finding(policy, "idle_allow", ".action", "is an allow that does nothing: the default allows already, and an allow lifts nothing but a blocking default.", "Remove it. To let calls past a block, use the block's `except`.");
  }
  const wider = covers.of(policy, ({ action: other }) => other === "allow");
  return wider && finding(policy, "shadowed", ".match", `allows nothing that ${wider.map(placeOf).join(", ")} does not allow already.`, "Remove it, or narrow the other.");
}

function lintObserved(document: PolicyDocument, policy: ReadPolicy, covers: Covers, first: ReadonlyMap<string, ReadPolicy>): LintFinding | undefined {
  const idle = (why: string): LintFinding => finding(policy, "idle_observe", ".mode", `observes what could change nothing: ${why}.`, "Remove it.");
  if (policy.written.action === "allow" && allowsByDefault(document)) return idle("it is an allow, and the default allows already");
  const forbidding = covers.of(policy, isNever);
  if (forbidding !== undefined) return idle(`every call it matches is blocked for good by ${forbidding.map(placeOf).join(", ")}`);
  const enforced = first.get(readPolicy({ ...policy.written, mode: "enforce" }, policy.at).meaning);
  return enforced && idle(`${placeOf(enforced)} is the same and enforced`);
}

function exceptedFinding(policy: ReadPolicy): LintFinding {
  const left = policy.restricts ? "nothing but look-alike names, and servers without a name, is left of it" : "nothing is left of it";
  return finding(policy, "excepted", ".except", `excepts everything that its \`match\` names: ${left}.`, "Remove the policy, or narrow `except`.");
}

function isNever({ action, approval }: DocumentPolicy): boolean {
  return action === "block" && approval === "never";
}

function allowsByDefault({ default: byDefault }: PolicyDocument): boolean {
  return byDefault === undefined || byDefault === "allow";
}

function placeOf({ at, written }: ReadPolicy): string {
  return `policies[${at}] (${written.name})`;
}

function finding(policy: ReadPolicy, code: LintCode, below: string, what: string, mend: string): LintFinding {
  return { code, policy: policy.written.name, path: `policies.${policy.at}${below}`, message: `${placeOf(policy)}: ${what}`, mend };
}
