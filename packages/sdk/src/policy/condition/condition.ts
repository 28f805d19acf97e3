/**
 * Conditions of policies (`when`): expressions of the Common Expression Language over one call.
 * compileCondition refuses at load whatever could fail to parse, to type-check or to end; evaluating is total and bounded, whatever
 * the arguments are, and says "error" or "over budget" rather than guess. It never throws and its messages never quote an argument.
 * Called by the policy compiler and by policy evaluation, which takes an error as whatever is stricter for its policy.
 */
import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import type { Activation } from "./activation.ts";
import { compileNode } from "./compile-node.ts";
import { Fault, LoadFault } from "./fault.ts";
import { celEnvironment, MAX_SOURCE, withWrittenNames } from "./language.ts";
import { prepare } from "./prepare.ts";
import { Run } from "./run.ts";
import type { Step } from "./step.ts";
import { kindOf } from "./value.ts";

export interface CompiledCondition {
  readonly source: string;
  /** Total: never throws. */
  evaluate(activation: Activation): ConditionResult;
}

export type ConditionResult = { readonly value: boolean } | { readonly error: ConditionError };

export interface ConditionError {
  /** "budget": the arguments are too large for the condition, which then has no answer. */
  readonly kind: "error" | "budget";
  /** Never quotes the value of an argument. */
  readonly message: string;
  /** UTF-16 units into the source. */
  readonly offset: number;
  /** The dotted path that is missing or of the wrong kind, such as "args.amount", where that is the cause. */
  readonly field?: string;
}

export type ConditionCompilation =
  | { readonly ok: true; readonly condition: CompiledCondition }
  | ({ readonly ok: false } & ConditionProblem);

export function compileCondition(source: string): ConditionCompilation {
  try {
    const node = readSource(source);
    const step = compileNode(node, undefined);
    return { ok: true, condition: Object.freeze({ source, evaluate: (activation: Activation) => evaluate(step, activation) }) };
  } catch (error) {
    return { ok: false, ...refusalOf(error, source) };
  }
}

/** The syntax tree of a condition that compileCondition takes; of any other, or one that `environment` refuses, why and where. */
export function parseCondition(source: string, environment?: Environment): ASTNode | ConditionProblem {
  try {
    return readSource(source, environment);
  } catch (error) {
    return refusalOf(error, source);
  }
}

/** Why a text is no condition. `offset` is in UTF-16 units into the source. */
export interface ConditionProblem {
  readonly message: string;
  readonly offset: number;
}

function readSource(source: string, environment = celEnvironment()): ASTNode {
  if (source.length > MAX_SOURCE) throw new LoadFault(`a condition has at most ${MAX_SOURCE} characters`, MAX_SOURCE);
  const parsed = environment.parse(source);
  prepare(parsed.ast);
  const checked = parsed.check();
  if (!checked.valid) throw checked.error ?? new LoadFault("does not type-check", 0);
  if (checked.type !== "bool" && checked.type !== "dyn") throw new LoadFault(`must be true or false, and this is of the type ${checked.type}`, parsed.ast.start);
  return parsed.ast;
}

function refusalOf(error: unknown, source: string): ConditionProblem {
  if (error instanceof LoadFault) return { message: error.message, offset: error.offset };
  // Errors of cel-js: a summary, an empty line and the place, which the caller shows in its own way.
  const [message = ""] = error instanceof RangeError ? ["is nested too deeply"] : String(error instanceof Error ? error.message : error).split("\n\n");
  return { message: withWrittenNames(message), offset: Math.min(offsetOf(error), source.length) };
}

function offsetOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("range" in error)) return 0;
  const { range } = error;
  return typeof range === "object" && range !== null && "start" in range && typeof range.start === "number" ? range.start : 0;
}

const TRUE = Object.freeze({ value: true });
const FALSE = Object.freeze({ value: false });

function evaluate(step: Step, activation: Activation): ConditionResult {
  try {
    const run = new Run(activation);
    const value = step(run);
    if (run.over !== undefined) return failed({ kind: "budget", message: `over budget: ${run.over}`, offset: 0 });
    if (value === true) return TRUE;
    if (value === false) return FALSE;
    const fault = value instanceof Fault ? value : new Fault(`the result is a ${kindOf(value)}, and not true or false`, 0);
    return failed({ kind: "error", message: fault.message, offset: Math.max(0, fault.offset), ...(fault.field === undefined ? {} : { field: fault.field }) });
  } catch (error) {
    // Nothing above is known to throw. Its message could hold anything, so only the class is told.
    return failed({ kind: "error", message: `cannot be evaluated (${error instanceof Error ? error.name : "unknown error"})`, offset: 0 });
  }
}

function failed(error: ConditionError): ConditionResult {
  return { error: Object.freeze(error) };
}
