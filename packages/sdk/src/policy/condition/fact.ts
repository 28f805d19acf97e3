/** What follows for single terms from a comparison that is true or false, and whether facts can hold together. Called by conflict.ts. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { Fault } from "./fault.ts";
import { fold } from "./fold.ts";
import { compare, isEqual, type Comparison } from "./operate.ts";
import { partsOf } from "./parts.ts";
import { readMacro } from "./path.ts";
import { literalOf } from "./prepare.ts";
import { Run } from "./run.ts";
import { isList, kindOf, type Value } from "./value.ts";

/** `term` is the same text for expressions that have the same value throughout one evaluation. */
export type Fact =
  | { readonly kind: "among"; readonly term: string; readonly values: readonly Value[] }
  | { readonly kind: "not_among"; readonly term: string; readonly values: readonly Value[] }
  | { readonly kind: "order"; readonly term: string; readonly operator: Comparison; readonly limit: Value }
  | { readonly kind: "present" | "absent"; readonly term: string }
  | { readonly kind: "impossible" };

const IMPOSSIBLE: Fact = { kind: "impossible" };
const FLIPPED: Readonly<Record<Comparison, Comparison>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };
const NEGATED: Readonly<Record<Comparison, Comparison>> = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" };

/** What follows where the node, which has no `!`, `&&`, `||` and `?:` on top, is `value`. */
export function factsOf(node: ASTNode, value: boolean): readonly Fact[] {
  switch (node.op) {
    case "==":
    case "!=":
      return [...equality(node, node.op === "==" ? value : !value), ...present(node)];
    case "<":
    case "<=":
    case ">":
    case ">=":
      // A comparison that has an answer was of two values of one kind, so that not less is at least.
      return [...order(node, value ? node.op : NEGATED[node.op]), ...present(node)];
    case "in":
      return [...membership(node, value), ...present(node)];
    case "call": {
      const [field] = node.args[1];
      if (node.args[0] === "has" && field !== undefined) return [{ kind: value ? "present" : "absent", term: termOf(field) }, ...present(field)];
      return among(node, value);
    }
    default:
      return among(node, value);
  }
}

function among(node: ASTNode, value: boolean): readonly Fact[] {
  return [{ kind: "among", term: termOf(node), values: [value] }, { kind: "present", term: termOf(node) }, ...present(node)];
}

type Binary = ASTNode & { readonly args: [ASTNode, ASTNode] };

function equality(node: Binary, equal: boolean): readonly Fact[] {
  const [left, right] = node.args;
  if (termOf(left) === termOf(right)) return equal ? [] : [IMPOSSIBLE];
  const [constant, term] = constantAndTerm(left, right);
  if (constant === undefined || term === undefined) return [{ kind: "among", term: `== ${termOf(left)} ${termOf(right)}`, values: [equal] }];
  return [{ kind: equal ? "among" : "not_among", term: termOf(term), values: [constant] }];
}

function order(node: Binary, operator: Comparison): readonly Fact[] {
  const [left, right] = node.args;
  if (termOf(left) === termOf(right)) return operator === "<" || operator === ">" ? [IMPOSSIBLE] : [];
  const [constant, term] = constantAndTerm(left, right);
  if (constant === undefined || term === undefined) return [];
  return [{ kind: "order", term: termOf(term), operator: term === left ? operator : FLIPPED[operator], limit: constant }];
}

function membership(node: Binary, isIn: boolean): readonly Fact[] {
  const [item, container] = node.args;
  const list = fold(container);
  if (list !== undefined && !(list instanceof Fault) && isList(list)) return [{ kind: isIn ? "among" : "not_among", term: termOf(item), values: list }];
  const name = literalOf(item);
  // Of a map: the key is not there. Of a list: it has no fields at all.
  return !isIn && typeof name === "string" ? [{ kind: "absent", term: fieldTerm(termOf(container), name) }] : [];
}

function constantAndTerm(left: ASTNode, right: ASTNode): readonly [Value | undefined, ASTNode | undefined] {
  for (const [one, other] of [[left, right], [right, left]] as const) {
    const value = fold(one);
    if (value !== undefined && !(value instanceof Fault)) return [value, other];
  }
  return [undefined, undefined];
}

/** Everything below that had to have a value so that the whole has one. Macros, `&&`, `||` and `?:` can do without some. */
function present(node: ASTNode): readonly Fact[] {
  if (readMacro(node) !== undefined || node.op === "&&" || node.op === "||" || node.op === "?:") return [];
  return partsOf(node).flatMap((part) => (part.op === "value" || part.op === "id" ? [] : [{ kind: "present", term: termOf(part) } as const, ...present(part)]));
}

function termOf(node: ASTNode): string {
  if (node.op === "value" || node.op === "id") return JSON.stringify([node.op, typeof node.args, String(node.args)]);
  if (node.op === ".") return fieldTerm(termOf(node.args[0]), node.args[1]);
  const key = node.op === "[]" ? literalOf(node.args[1]) : undefined;
  if (node.op === "[]" && typeof key === "string") return fieldTerm(termOf(node.args[0]), key);
  const name = node.op === "call" || node.op === "rcall" ? node.args[0] : "";
  return `${node.op} ${name}(${partsOf(node).map(termOf).join(", ")})`;
}

function fieldTerm(of: string, name: string): string {
  return `${of}.${JSON.stringify(name)}`;
}

/** False only where no call can be of which all facts are true at once. */
export function isPossible(facts: readonly Fact[]): boolean {
  const byTerm = new Map<string, Fact[]>();
  for (const fact of facts) {
    if (fact.kind === "impossible") return false;
    const known = byTerm.get(fact.term);
    if (known === undefined) byTerm.set(fact.term, [fact]);
    else known.push(fact);
  }
  return [...byTerm.values()].every(isPossibleTerm);
}

function isPossibleTerm(facts: readonly Fact[]): boolean {
  if (facts.some(({ kind }) => kind === "absent") && facts.some(({ kind }) => kind !== "absent")) return false;
  const set = facts.find((fact) => fact.kind === "among");
  const limits = facts.filter((fact) => fact.kind === "order");
  const values = set === undefined ? pinnedBy(limits) : set.values;
  if (values !== undefined) return values.some((value) => facts.every((fact) => allows(fact, value)));
  return limits.every((one) => limits.every((other) => !excludes(one, other)));
}

type Limit = Fact & { readonly kind: "order" };

/** `x >= 5 && x <= 5` leaves one value. */
function pinnedBy(limits: readonly Limit[]): readonly Value[] | undefined {
  const pin = limits.find(({ limit, operator }) => operator === ">=" && limits.some((other) => other.operator === "<=" && isEqual(new Run({}), limit, other.limit)));
  return pin === undefined ? undefined : [pin.limit];
}

function allows(fact: Fact, value: Value): boolean {
  switch (fact.kind) {
    case "among":
      return fact.values.some((one) => isEqual(new Run({}), one, value));
    case "not_among":
      return !fact.values.some((one) => isEqual(new Run({}), one, value));
    case "order":
      return compare(new Run({}), fact.operator, value, fact.limit) === true;
    case "present":
      return true;
    case "absent":
    case "impossible":
      return false;
  }
}

/** A value cannot be of two kinds, nor above what it is below. */
function excludes(low: Limit, high: Limit): boolean {
  if (kindOf(low.limit) !== kindOf(high.limit)) return true;
  if (!low.operator.startsWith(">") || !high.operator.startsWith("<")) return false;
  const strict = low.operator === ">" || high.operator === "<";
  return compare(new Run({}), strict ? ">=" : ">", low.limit, high.limit) === true;
}
