/** Before the type check: refuses what conditions may not say, and makes numbers and functions ours. Throws LoadFault. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { TYPE_CONSTANTS } from "./conversion-functions.ts";
import { LoadFault } from "./fault.ts";
import { declaredName, findForm, functionNames, isFunction, MACROS, VARIABLES } from "./language.ts";
import { readMacro } from "./path.ts";

/** `variable` is the one of the macro that the node is in, if any. */
export function prepare(node: ASTNode, variable?: string): void {
  switch (node.op) {
    case "value":
      return prepareLiteral(node);
    case "id":
      return checkName(node.args, node.pos, variable);
    case ".":
      return prepare(node.args[0], variable);
    case "[]":
      prepare(node.args[0], variable);
      // An index that is written out stays an integer, which lists whose type is known ask for.
      if (typeof literalOf(node.args[1]) !== "bigint") prepare(node.args[1], variable);
      return;
    case "call":
    case "rcall":
      return prepareCall(node, variable);
    case "map":
      for (const [key, value] of node.args) {
        const literal = literalOf(key);
        if (literal !== undefined && typeof literal !== "string") throw new LoadFault("the keys of a map are texts", key.pos);
        prepare(key, variable);
        prepare(value, variable);
      }
      return;
    case "!_":
    case "-_":
      return prepare(node.args, variable);
    case ".?":
    case "[?]":
      throw new LoadFault(`${node.op} is not supported; use has()`, node.pos);
    default:
      // Every other operator has a list of operands.
      for (const part of node.args) prepare(part, variable);
  }
}

/** What the node is written as, if it is a literal. */
export function literalOf(node: ASTNode): string | number | bigint | boolean | null | object | undefined {
  return node.op === "value" ? node.args : undefined;
}

function prepareLiteral(node: ASTNode & { readonly op: "value" }): void {
  const literal = node.args;
  if (typeof literal === "bigint") {
    const number = Number(literal);
    if (!Number.isSafeInteger(number)) throw new LoadFault("an integer beyond ±(2^53 - 1) occurs in no call", node.pos);
    // cel-js declares it read-only for its callers' sake; before the check it is plain data. Numbers are one kind here.
    (node as { args: unknown }).args = number;
  } else if (typeof literal === "object" && literal !== null) {
    throw new LoadFault("bytes and unsigned numbers are not supported; write a text or a number", node.pos);
  }
}

function checkName(name: string, offset: number, variable: string | undefined): void {
  if (name === variable || TYPE_CONSTANTS.has(name) || VARIABLES.some((known) => known === name)) return;
  if (name === "int" || name === "uint") throw new LoadFault(`every number is of the type double; compare with double and not with ${name}`, offset);
  throw new LoadFault(`unknown variable ${name}; there are ${VARIABLES.join(", ")}`, offset);
}

function prepareCall(node: ASTNode & { readonly op: "call" | "rcall" }, variable: string | undefined): void {
  const macro = readMacro(node);
  if (macro !== undefined) {
    prepare(macro.receiver, variable);
    if (variable !== undefined) throw new LoadFault(`${macro.name} is inside of another macro, which could take too long. Use one of them at a time.`, node.pos);
    if (VARIABLES.some((name) => name === macro.variable) || TYPE_CONSTANTS.has(macro.variable)) {
      throw new LoadFault(`${macro.variable} has a meaning already; give the elements another name`, node.pos);
    }
    for (const part of [macro.filter, macro.body]) if (part !== undefined) prepare(part, macro.variable);
    return;
  }
  const name = node.args[0];
  const operands = node.op === "rcall" ? [node.args[1], ...node.args[2]] : node.args[1];
  if (name !== "has" || node.op === "rcall") {
    if (MACROS.has(name)) throw new LoadFault(`${name} is written list.${name}(element, condition)`, node.pos);
    if (!isFunction(name)) throw new LoadFault(`unknown function ${name}; there are ${functionNames()}`, node.pos);
    if (findForm(name, node.op === "rcall", operands.length) === undefined) throw new LoadFault(formsOf(name), node.pos);
    node.args[0] = declaredName(name);
  } else if (operands.length !== 1 || operands[0]?.op !== ".") {
    throw new LoadFault("has() takes a field, such as has(args.path)", node.pos);
  }
  for (const operand of operands) prepare(operand, variable);
}

function formsOf(name: string): string {
  const forms = [1, 2, 3, 4, 5].flatMap((count) => [false, true].map((method) => findForm(name, method, count))).filter((form) => form !== undefined);
  const shown = forms.map(({ method, params }) => {
    const kinds = params.map((allowed) => allowed.join("|"));
    return method ? `${kinds[0]}.${name}(${kinds.slice(1).join(", ")})` : `${name}(${kinds.join(", ")})`;
  });
  return `${name} is written ${[...new Set(shown)].join(" or ")}`;
}
