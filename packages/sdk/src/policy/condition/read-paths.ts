/** Which paths under `args` a condition reads, and which of them without asking has() first. For lint; evaluation does not use it. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { partsOf } from "./parts.ts";
import { itemPath, pathOf, readMacro, type Item, type Path } from "./path.ts";
import { literalOf } from "./prepare.ts";

export interface ReadPath {
  readonly path: Path;
  /** As it is written, such as `args.path` or `item.amount`. */
  readonly text: string;
  /** Where it is read first, in UTF-16 units into the source. */
  readonly offset: number;
  /** How often it is read, and not only asked for. */
  readonly times: number;
}

export interface ReadPaths {
  readonly unguarded: readonly ReadPath[];
  /** Every path mentioned; `[]` where the arguments are looked at as a whole. */
  readonly mentions: readonly ReadPath[];
}

/** `truthOf` says which parts are settled: what they make of no account is not read. */
export function readPaths(node: ASTNode, truthOf: (node: ASTNode) => boolean | undefined = () => undefined): ReadPaths {
  const found: Found = { unguarded: new Map(), mentions: new Map(), truthOf };
  walk(node, undefined, new Set(), found);
  return { unguarded: [...found.unguarded.values()].filter(({ path }) => path.length > 0), mentions: [...found.mentions.values()] };
}

interface Found {
  readonly unguarded: Map<string, ReadPath>;
  readonly mentions: Map<string, ReadPath>;
  readonly truthOf: (node: ASTNode) => boolean | undefined;
}

type Guards = ReadonlySet<string>;

function walk(node: ASTNode, item: Item | undefined, guards: Guards, found: Found): void {
  if (walkPath(node, item, guards, found)) return undefined;
  const macro = readMacro(node);
  if (macro !== undefined) {
    walk(macro.receiver, item, guards, found);
    const inner: Item = { name: macro.variable, path: itemPath(macro.receiver, item) };
    if (macro.filter !== undefined) walk(macro.filter, inner, guards, found);
    return walk(macro.body, inner, macro.filter === undefined ? guards : joined(guards, factsOf(macro.filter, true, inner)), found);
  }
  if (node.op === "&&" || node.op === "||") {
    // Either side guards the other: where it settles the matter, a fault of the other is absorbed.
    const [left, right] = node.args;
    // What is settled absorbs a fault of the other side.
    if (found.truthOf(node) === (node.op === "||")) return undefined;
    walk(left, item, joined(guards, factsOf(right, node.op === "&&", item)), found);
    return walk(right, item, joined(guards, factsOf(left, node.op === "&&", item)), found);
  }
  if (node.op === "?:") {
    const [test, yes, no] = node.args;
    const settled = found.truthOf(test);
    if (settled !== undefined) return walk(settled ? yes : no, item, guards, found);
    walk(test, item, guards, found);
    walk(yes, item, joined(guards, factsOf(test, true, item)), found);
    return walk(no, item, joined(guards, factsOf(test, false, item)), found);
  }
  const asked = askedBy(node, item);
  if (asked !== undefined) count(found.mentions, asked, (node.op === "call" ? node.args[1][0] : undefined) ?? node, 0);
  if (asked === undefined) for (const part of partsOf(node)) walk(part, item, guards, found);
  else for (const part of ownerOf(node)) if (!walkPath(part, item, guards, found, 0)) walk(part, item, guards, found);
}

/** False where the node is no path. */
function walkPath(node: ASTNode, item: Item | undefined, guards: Guards, found: Found, reads = 1): boolean {
  const path = pathOf(node, item);
  if (path === undefined) return false;
  note(path, node, guards, found, reads);
  walkIndexes(node, item, guards, found);
  return true;
}

/** What has() or `"name" in map` reads without more ado: the map. */
function ownerOf(node: ASTNode): readonly ASTNode[] {
  return partsOf(node).flatMap((part) => (node.op === "in" ? part : partsOf(part))).filter((part) => part.op !== "value" && part.op !== "id");
}

/** Expressions in brackets inside of a path. */
function walkIndexes(node: ASTNode, item: Item | undefined, guards: Guards, found: Found): void {
  if (node.op === "[]" && literalOf(node.args[1]) === undefined) walk(node.args[1], item, guards, found);
  if (node.op === "[]" || node.op === ".") walkIndexes(node.args[0], item, guards, found);
}

function note(path: Path, node: ASTNode, guards: Guards, { unguarded, mentions }: Found, reads: number): void {
  if (path[0] !== "args") return;
  count(mentions, path, node, reads);
  if (!guards.has(keyOf(path))) count(unguarded, path, node, reads);
}

function count(found: Map<string, ReadPath>, path: Path, { end, input, pos, start }: ASTNode, reads: number): void {
  const { offset = pos, text = input.slice(start, end), times = 0 } = found.get(keyOf(path)) ?? {};
  found.set(keyOf(path), { path: path.slice(1), text, offset, times: times + reads });
}

/** The path that `has(path)` or `"name" in map` asks for. */
function askedBy(node: ASTNode, item: Item | undefined): Path | undefined {
  if (node.op === "call" && node.args[0] === "has" && node.args[1][0] !== undefined) return underArgs(pathOf(node.args[1][0], item));
  if (node.op !== "in") return undefined;
  const [key, map] = [literalOf(node.args[0]), pathOf(node.args[1], item)];
  return typeof key === "string" && map !== undefined ? underArgs([...map, key]) : undefined;
}

function underArgs(path: Path | undefined): Path | undefined {
  return path?.[0] === "args" ? path : undefined;
}

/** Paths that exist where the node is `value`. */
function factsOf(node: ASTNode, value: boolean, item: Item | undefined): Guards {
  if (node.op === "!_") return factsOf(node.args, !value, item);
  if (node.op === (value ? "&&" : "||")) return joined(factsOf(node.args[0], value, item), factsOf(node.args[1], value, item));
  const asked = value ? askedBy(node, item) : undefined;
  return asked === undefined ? NONE : new Set([keyOf(asked)]);
}

const NONE: Guards = new Set();

function joined(one: Guards, other: Guards): Guards {
  return other.size === 0 ? one : new Set([...one, ...other]);
}

function keyOf(path: Path): string {
  return JSON.stringify(path);
}
