/** Which path of a variable an expression names. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { MACROS } from "./language.ts";

/** `["args", "items", "amount"]`; the elements of a list have the path of the list. */
export type Path = readonly string[];

/** The variable of the macro that the expression is in, if any. */
export interface Item {
  readonly name: string;
  /** Undefined where it is not an element of something that a path names. */
  readonly path: Path | undefined;
}

/** Undefined where the expression is no path. */
export function pathOf(node: ASTNode, item: Item | undefined): Path | undefined {
  switch (node.op) {
    case "id":
      return node.args === item?.name ? item.path : [node.args];
    case ".":
      return extended(pathOf(node.args[0], item), node.args[1]);
    case "[]": {
      const path = pathOf(node.args[0], item);
      const index = node.args[1];
      return index.op === "value" && typeof index.args === "string" ? extended(path, index.args) : path;
    }
    default:
      return undefined;
  }
}

function extended(path: Path | undefined, name: string): Path | undefined {
  return path === undefined ? undefined : [...path, name];
}

/** The path of what a macro runs over: that of its receiver, also through `filter`. */
export function itemPath(receiver: ASTNode, item: Item | undefined): Path | undefined {
  if (receiver.op === "rcall" && receiver.args[0] === "filter") return itemPath(receiver.args[1], item);
  return pathOf(receiver, item);
}

export interface MacroCall {
  readonly name: string;
  readonly receiver: ASTNode;
  readonly variable: string;
  readonly filter: ASTNode | undefined;
  readonly body: ASTNode;
}

/** The parts of a call of a macro; undefined where the node is none. */
export function readMacro(node: ASTNode): MacroCall | undefined {
  if (node.op !== "rcall") return undefined;
  const [name, receiver, args] = node.args;
  const [variable, first, second] = args;
  if (MACROS.get(name)?.includes(args.length) !== true || variable?.op !== "id" || first === undefined) return undefined;
  return { name, receiver, variable: variable.args, filter: second === undefined ? undefined : first, body: second ?? first };
}
