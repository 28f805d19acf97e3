/** One policy as it is matched and combined: defaults filled in, durations in milliseconds. Deeply frozen: results hand parts of it out. */
import type { JsonValue } from "../call/json.ts";
import type { ApprovalTerms, DocumentPolicy, PolicyDocument } from "./document.ts";
import { compileCondition, type CompiledCondition } from "./condition/condition.ts";
import { parseDuration } from "./duration.ts";
import { parsePattern, type Pattern } from "./pattern.ts";
import type { Action, Requirement } from "./result.ts";
import type { ThrottleKey } from "./throttle-key.ts";

export interface CompiledPolicy {
  /** Place in the document; results name policies in this order. */
  readonly ordinal: number;
  readonly name: string;
  readonly action: Action;
  readonly observe: boolean;
  readonly reason: string | undefined;
  readonly except: readonly Pattern[];
  readonly metadata: { readonly [key: string]: JsonValue } | undefined;
  /** For a block: what it asks for, or "never". */
  readonly requirement: Requirement | "never" | undefined;
  readonly rate: Rate | undefined;
  /** Of `when`; undefined where every call that matches by name is meant. */
  readonly condition: CompiledCondition | undefined;
}

export interface Rate {
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
  readonly key: readonly ThrottleKey[];
  /** As written, for people: "30 per 1m". */
  readonly text: string;
}

export function compilePolicy(written: DocumentPolicy, ordinal: number): CompiledPolicy {
  return {
    ordinal,
    name: written.name,
    action: written.action,
    observe: written.mode === "observe",
    reason: written.reason,
    except: parsePatterns(written.except),
    metadata: frozen(written.metadata),
    requirement: written.action === "block" ? requirementOf(written.name, written.approval) : undefined,
    rate: written.rate === undefined ? undefined : compileRate(written.rate),
    condition: written.when === undefined ? undefined : conditionOf(written.when),
  };
}

function conditionOf(source: string): CompiledCondition {
  const compiled = compileCondition(source);
  if (!compiled.ok) throw new TypeError(`not a condition: ${compiled.message}`); // the schema has refused it already
  return compiled.condition;
}

export function parsePatterns(patterns: string | readonly string[] | undefined): readonly Pattern[] {
  if (patterns === undefined) return NONE;
  return (typeof patterns === "string" ? [patterns] : patterns).map((text) => {
    const pattern = parsePattern(text);
    if (typeof pattern === "string") throw new TypeError(`not a pattern: ${text}`); // the schema has refused it already
    return pattern;
  });
}

/** What the default asks for; undefined where it allows. */
export function compileDefault(written: PolicyDocument["default"]): Requirement | "never" | undefined {
  if (written === undefined || written === "allow") return undefined;
  return requirementOf("default", written === "block" ? undefined : written.approval);
}

/** What a block asks for; one without `approval` asks any approver, once. */
export function requirementOf(policy: string, approval: "never" | ApprovalTerms | undefined): Requirement | "never" {
  if (approval === "never") return "never";
  const terms = approval ?? {};
  return frozen({
    policy,
    approvers: terms.approvers ?? NONE,
    quorum: terms.quorum ?? 1,
    assurance: terms.assurance,
    selfApproval: terms.selfApproval,
    timeoutMinutes: terms.timeoutMinutes ?? null,
    grants: terms.grants ?? NONE,
    edits: terms.edits ?? false,
    requireReason: terms.requireReason ?? false,
    escalate: terms.escalate?.map(({ after, to }) => ({ afterMs: milliseconds(after), to })) ?? NONE,
  });
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

const NONE: readonly never[] = Object.freeze([]);

function frozen<T>(value: T): T {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

function milliseconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new TypeError(`not a duration: ${text}`); // the schema has refused it already
  return ms;
}
