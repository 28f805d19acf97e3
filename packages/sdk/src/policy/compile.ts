/** A policy document compiled once, for matching by index. Immutable; a new document is a new compilation. */
import type { JsonValue } from "../call/json.ts";
import type { InspectionAction } from "../inspection/inspection.ts";
import type { ApprovalTerms, DocumentPolicy, PolicyDocument, ThrottleKey } from "./document.ts";
import { parseDuration } from "./duration.ts";
import { foldName } from "./fold-name.ts";
import { isAny, matchesGlob, parseGlob, parsePattern, type Glob, type Pattern } from "./pattern.ts";
import type { Action, Requirement } from "./result.ts";
import { SegmentIndex } from "./segment-index.ts";

export interface CompiledPolicy {
  /** Place in the document; results name policies in this order. */
  readonly ordinal: number;
  readonly name: string;
  readonly action: Action;
  readonly observe: boolean;
  readonly reason: string | undefined;
  readonly except: readonly Pattern[];
  readonly metadata: { readonly [key: string]: JsonValue };
  /** For a block: what it asks for, or "never". */
  readonly requirement: Requirement | "never" | undefined;
  readonly rate: Rate | undefined;
}

export interface Rate {
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
  readonly key: readonly ThrottleKey[];
  /** As written, for people: "30 per 1m". */
  readonly text: string;
}

/** The policies that match one call, in document order, and which of them only because its name is confusable. */
export interface Match {
  readonly policies: readonly CompiledPolicy[];
  readonly confusable: boolean;
}

export interface CompiledDocument {
  readonly size: number;
  readonly defaultRequirement: Requirement | "never" | undefined;
  /** The action for a finding; `allow` where the document says nothing. */
  findingAction(group: string, type: string, direction: "input" | "output"): InspectionAction;
  match(server: string | undefined, tool: string): Match;
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
    for (const pattern of parseAll(written.match)) {
      named.add(pattern.server, pattern.tool, policy);
      const anywhere = restricts || isAny(pattern.server) || isEmpty(pattern.server);
      if (anywhere) nameless.add(pattern.tool, policy);
      if (restricts) {
        const tool = foldGlob(pattern.tool);
        if (tool.pieces.some((piece, index) => piece !== pattern.tool.pieces[index])) foldPlainNames = true;
        foldedNamed.add(pattern.server, tool, policy);
        foldedNameless.add(tool, policy);
      }
    }
  }

  function match(server: string | undefined, tool: string): Match {
    const found: CompiledPolicy[] = [];
    const take = (policy: CompiledPolicy): void => void found.push(policy);
    if (server === undefined) nameless.each(tool, take);
    else named.each(server, tool, take);
    const exact = found.length;
    const folded = foldName(tool);
    if (foldPlainNames || folded !== tool) {
      if (server === undefined) foldedNameless.each(folded, take);
      else foldedNamed.each(server, folded, take);
    }
    if (found.length === 0) return NOTHING;
    const before = new Set(found.slice(0, exact));
    const confusable = found.some((policy, index) => index >= exact && !before.has(policy));
    const policies = [...new Set(found)].filter((policy) => !excepted(policy, server, tool)).toSorted((a, b) => a.ordinal - b.ordinal);
    return { policies, confusable };
  }

  return {
    size: document.policies.length,
    defaultRequirement: compileDefault(document.default),
    findingAction: (group, type, direction) => findingAction(document, group, type, direction),
    match,
  };
}

const NOTHING: Match = { policies: [], confusable: false };

/** Tools by server: a look-up touches the indexes of matching server patterns only. */
class ServerIndex {
  readonly #servers = new SegmentIndex<ToolIndex>();
  readonly #byText = new Map<string, ToolIndex>();

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

  each(server: string, tool: string, visit: (policy: CompiledPolicy) => void): void {
    this.#servers.each(server, (tools) => tools.each(tool, visit));
  }
}

function excepted(policy: CompiledPolicy, server: string | undefined, tool: string): boolean {
  return policy.except.some(
    (pattern) =>
      matchesGlob(pattern.tool, tool) &&
      (server === undefined ? isAny(pattern.server) || isEmpty(pattern.server) : matchesGlob(pattern.server, server)),
  );
}

function isEmpty(glob: Glob): boolean {
  return glob.pieces.length === 1 && glob.pieces[0] === "";
}

function foldGlob(glob: Glob): Glob {
  return parseGlob(glob.pieces.map(foldName).join("*"));
}

function parseAll(patterns: string | readonly string[] | undefined): Pattern[] {
  const list = patterns === undefined ? [] : typeof patterns === "string" ? [patterns] : patterns;
  return list.map((text) => {
    const pattern = parsePattern(text);
    if (typeof pattern === "string") throw new TypeError(`not a pattern: ${text}`); // the schema has refused it already
    return pattern;
  });
}

function compilePolicy(written: DocumentPolicy, ordinal: number): CompiledPolicy {
  return {
    ordinal,
    name: written.name,
    action: written.action,
    observe: written.mode === "observe",
    reason: written.reason,
    except: parseAll(written.except),
    metadata: written.metadata ?? {},
    requirement: written.action === "block" ? requirementOf(written.name, written.approval) : undefined,
    rate: written.rate === undefined ? undefined : compileRate(written.rate),
  };
}

function compileRate(rate: NonNullable<DocumentPolicy["rate"]>): Rate {
  return {
    limit: rate.limit,
    perMs: milliseconds(rate.per),
    burst: Math.max(1, rate.burst ?? rate.limit),
    key: rate.key ?? ["agent"],
    text: `${rate.limit} per ${rate.per}`,
  };
}

function compileDefault(written: PolicyDocument["default"]): Requirement | "never" | undefined {
  if (written === undefined || written === "allow") return undefined;
  return requirementOf("default", written === "block" ? undefined : written.approval);
}

/** What a block asks for; one without `approval` asks any approver, once. */
export function requirementOf(policy: string, approval: "never" | ApprovalTerms | undefined): Requirement | "never" {
  if (approval === "never") return "never";
  const terms = approval ?? {};
  return {
    policy,
    approvers: terms.approvers ?? [],
    quorum: terms.quorum ?? 1,
    assurance: terms.assurance,
    selfApproval: terms.selfApproval,
    timeoutMinutes: terms.timeoutMinutes ?? null,
    grants: terms.grants ?? [],
    edits: terms.edits ?? false,
    requireReason: terms.requireReason ?? false,
    escalate: (terms.escalate ?? []).map(({ after, to }) => ({ afterMs: milliseconds(after), to })),
  };
}

function milliseconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new TypeError(`not a duration: ${text}`); // the schema has refused it already
  return ms;
}

/** Names of the reference page beside ours. */
const ALIASES: { readonly [type: string]: readonly string[] } = { us_ssn: ["ssn"], payment_card: ["credit_card"] };

function findingAction(document: PolicyDocument, group: string, type: string, direction: "input" | "output"): InspectionAction {
  const section = document.inspection;
  if (section === undefined || group === "tools" || !Object.hasOwn(section, group)) return "allow";
  // Every key but `tools` holds a group of findings; the schema says so.
  const actions = (section[group] as { input?: Record<string, InspectionAction>; output?: Record<string, InspectionAction> })[direction];
  if (actions === undefined) return "allow";
  for (const name of [type, ...(ALIASES[type] ?? []), "*"]) {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action !== undefined) return action;
  }
  return "allow";
}
