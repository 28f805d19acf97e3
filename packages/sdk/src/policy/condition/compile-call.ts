/** Calls of functions and `has()` as steps. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { Fault, faultAt, LoadFault } from "./fault.ts";
import type { Form } from "./form.ts";
import { findForm, writtenName } from "./language.ts";
import { pathOf, type Item } from "./path.ts";
import { literalOf } from "./prepare.ts";
import type { Compile, Step } from "./step.ts";
import { isMap, kindOf, type Value } from "./value.ts";

type CallNode = ASTNode & { readonly op: "call" | "rcall" };

export function compileCall(node: CallNode, item: Item | undefined, compile: Compile): Step {
  const operands = node.op === "rcall" ? [node.args[1], ...node.args[2]] : node.args[1];
  if (node.op === "call" && node.args[0] === "has") return compileHas(node, operands, item, compile);
  const form = findForm(writtenName(node.args[0]), node.op === "rcall", operands.length);
  if (form === undefined) throw new LoadFault("unknown function", node.pos);
  const apply = form.bind(literalsOf(form, operands));
  if (apply instanceof Fault) throw new LoadFault(apply.message, operands.at(-1)?.pos ?? node.pos);
  const steps = operands.map((operand) => compile(operand, item));
  return (run) => {
    const values: Value[] = [];
    for (const [index, step] of steps.entries()) {
      const value = step(run);
      if (value instanceof Fault) return value;
      if (form.params[index]?.includes(kindOf(value)) !== true) return new Fault(`${form.name} does not take a ${kindOf(value)}`, node.pos, pathOf(operands[index] ?? node, item)?.join("."));
      values.push(value);
    }
    const result = apply(run, ...values);
    return result instanceof Fault ? faultAt(result, node.pos) : result;
  };
}

/** What operands are written as; refuses literals of the wrong kind, which cel-js lets pass where another operand is unknown. */
function literalsOf({ name, params, literals }: Form, operands: readonly ASTNode[]): readonly (string | undefined)[] {
  return operands.map((operand, index) => {
    const literal = literalOf(operand);
    if (typeof literal === "string") return literal;
    if (literals.includes(index)) throw new LoadFault(`${name} takes a text here that is written out, and nothing computed`, operand.pos);
    const isJson = literal === null || typeof literal === "boolean" || typeof literal === "number";
    if (isJson && params[index]?.includes(kindOf(literal)) !== true) throw new LoadFault(`${name} does not take a ${kindOf(literal)} here`, operand.pos);
    return undefined;
  });
}

function compileHas(node: ASTNode, [operand]: readonly ASTNode[], item: Item | undefined, compile: Compile): Step {
  if (operand?.op !== ".") throw new LoadFault("has() takes a field, such as has(args.path)", node.pos);
  const [of, name] = operand.args;
  const subject = compile(of, item);
  const noMap = new Fault(`has() asks for field ${name} of something that is no map`, operand.pos, pathOf(of, item)?.join("."));
  return (run) => {
    const value = subject(run);
    if (value instanceof Fault) return value;
    return isMap(value) ? Object.hasOwn(value, name) : noMap;
  };
}
