/**
 * Conditions that can never be true, or never false, whatever the call is. A condition is taken apart into alternatives, each a
 * list of comparisons that must hold together; it says so only where every alternative excludes itself for certain. For lint.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import { factsOf, isPossible, type Fact } from "./fact.ts";
import { fold } from "./fold.ts";

export interface Conflict {
  /** Why, in words that go on from "because"; undefined where it is so plainly. */
  readonly why: string | undefined;
  /** UTF-16 units into the source. */
  readonly offset: number;
}

/** Why the condition is never `value`; undefined where it may be. A condition without an answer is neither true nor false. */
export function neverIs(node: ASTNode, value: boolean): Conflict | undefined {
  const alternatives = alternativesOf(node, value);
  if (alternatives === undefined) return undefined;
  if (alternatives.some((claims) => isPossible(claims.flatMap(({ facts }) => facts)))) return undefined;
  const [first, ...others] = alternatives.slice(0, MAX_EXPLAINED).map(explain);
  if (first !== undefined && alternatives.length <= MAX_EXPLAINED && others.every(({ why }) => why === first.why)) return first;
  return { why: first === undefined ? undefined : `each of its ${alternatives.length} alternatives excludes itself`, offset: node.start };
}

/** Above this nothing is said. */
const MAX_ALTERNATIVES = 64;
const MAX_EXPLAINED = 4;

/** A part of the condition that is to be `value`, and what follows from it. */
interface Claim {
  readonly node: ASTNode;
  readonly value: boolean;
  readonly facts: readonly Fact[];
}

type Alternatives = readonly (readonly Claim[])[] | undefined;

/** The ways in which the node can be `value`; undefined where there are too many. */
function alternativesOf(node: ASTNode, value: boolean): Alternatives {
  switch (node.op) {
    case "!_":
      return alternativesOf(node.args, !value);
    case "&&":
    case "||": {
      const [left, right] = [alternativesOf(node.args[0], value), alternativesOf(node.args[1], value)];
      return (node.op === "&&") === value ? both(left, right) : either(left, right);
    }
    case "?:": {
      const [test, yes, no] = node.args;
      return either(both(alternativesOf(test, true), alternativesOf(yes, value)), both(alternativesOf(test, false), alternativesOf(no, value)));
    }
    default: {
      const known = fold(node);
      if (known === undefined) return [[{ node, value, facts: factsOf(node, value) }]];
      return known === value ? [[]] : [];
    }
  }
}

function either(one: Alternatives, other: Alternatives): Alternatives {
  return one === undefined || other === undefined || one.length + other.length > MAX_ALTERNATIVES ? undefined : [...one, ...other];
}

function both(one: Alternatives, other: Alternatives): Alternatives {
  if (one?.length === 0 || other?.length === 0) return [];
  if (one === undefined || other === undefined || one.length * other.length > MAX_ALTERNATIVES) return undefined;
  return one.flatMap((first) => other.map((second) => [...first, ...second]));
}

/** The first two claims that exclude each other, or the one that excludes itself. */
function explain(claims: readonly Claim[]): Conflict {
  for (const [index, later] of claims.entries()) {
    if (!isPossible(later.facts)) return { why: `${written(later)} is never ${later.value}`, offset: later.node.start };
    const earlier = claims.slice(0, index).find((claim) => !isPossible([...claim.facts, ...later.facts]));
    if (earlier !== undefined) return { why: together(earlier, later), offset: later.node.start };
  }
  return { why: "its parts exclude one another", offset: claims[0]?.node.start ?? 0 };
}

function together(one: Claim, other: Claim): string {
  if (one.value === other.value) return `${written(one)} and ${written(other)} are never both ${one.value}`;
  const [yes, no] = one.value ? [one, other] : [other, one];
  return `${written(yes)} is never true where ${written(no)} is false`;
}

const MAX_QUOTE = 60;

function written({ node: { end, input, start } }: Claim): string {
  const text = input.slice(start, end);
  return `\`${text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE - 1)}…` : text}\``;
}
