/**
 * A checked syntax tree as one function. It never throws and never waits: what has no value is a Fault, which `&&`, `||`, `all`
 * and `exists` absorb as CEL says. Whatever can grow with the arguments is paid for from the Run's budget first.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import { compileCall } from "./compile-call.ts";
import { compileMacro } from "./compile-macro.ts";
import { TYPE_CONSTANTS } from "./conversion-functions.ts";
import { Fault, faultAt, LoadFault } from "./fault.ts";
import { calculate, compare, isEqual, isIn } from "./operate.ts";
import { pathOf, readMacro, type Item } from "./path.ts";
import { OVER, type Run } from "./run.ts";
import { notBool, type Step } from "./step.ts";
import { Duration, isList, isMap, kindOf, TypeName, type Value } from "./value.ts";

export function compileNode(node: ASTNode, item: Item | undefined): Step {
  switch (node.op) {
    case "value":
      return constant(literalValue(node.args, node.pos));
    case "id":
      return compileName(node.args, item);
    case ".":
      return compileField(node, node.args[0], node.args[1], item);
    case "[]":
      return compileIndex(node, item);
    case "call":
    case "rcall": {
      const macro = readMacro(node);
      return macro === undefined ? compileCall(node, item, compileNode) : compileMacro(macro, node.pos, item, compileNode);
    }
    case "list":
      return compileList(node.args, item);
    case "map":
      return compileMap(node, item);
    case "?:":
      return compileChoice(node, item);
    case "&&":
    case "||":
      return compileLogic(node, item);
    case "!_":
    case "-_":
      return compileUnary(node, item);
    case ".?":
    case "[?]":
      throw new LoadFault(`${node.op} is not supported`, node.pos);
    default:
      return compileBinary(node, item);
  }
}

function constant(value: Value): Step {
  return () => value;
}

function literalValue(literal: unknown, offset: number): null | boolean | number | string {
  if (typeof literal === "bigint") return Number(literal);
  if (literal === null || typeof literal === "boolean" || typeof literal === "number" || typeof literal === "string") return literal;
  throw new LoadFault("this literal is not supported", offset);
}

function compileName(name: string, item: Item | undefined): Step {
  if (name === item?.name) return (run) => run.item;
  if (TYPE_CONSTANTS.has(name)) return constant(new TypeName(name));
  return (run) => run.variables[name] ?? null;
}

function compileField(node: ASTNode, of: ASTNode, name: string, item: Item | undefined): Step {
  const subject = compileNode(of, item);
  const missing = missingKey(node, name, item);
  const noMap = new Fault(`field ${name} is asked of something that is no map`, node.pos, pathOf(node, item)?.join("."));
  return (run) => {
    const value = subject(run);
    if (value instanceof Fault) return value;
    if (!isMap(value)) return noMap;
    return Object.hasOwn(value, name) ? (value[name] ?? null) : missing;
  };
}

function missingKey(node: ASTNode, name: string, item: Item | undefined): Fault {
  return new Fault(`No such key: ${name}`, node.pos, pathOf(node, item)?.join("."));
}

function compileIndex(node: ASTNode & { readonly op: "[]" }, item: Item | undefined): Step {
  const [of, at] = node.args;
  const subject = compileNode(of, item);
  const index = compileNode(at, item);
  // A key that is computed comes from the arguments, so the message does not name it.
  const missing = at.op === "value" && typeof at.args === "string" ? missingKey(node, at.args, item) : new Fault("No such key", node.pos, pathOf(of, item)?.join("."));
  return (run) => {
    const value = subject(run);
    if (value instanceof Fault) return value;
    const key = index(run);
    if (key instanceof Fault) return key;
    if (isMap(value)) return typeof key === "string" && Object.hasOwn(value, key) ? (value[key] ?? null) : missing;
    if (!isList(value)) return new Fault(`[] is asked of a ${kindOf(value)}`, node.pos);
    const element = typeof key === "number" && Number.isInteger(key) ? value[key] : undefined;
    return element === undefined ? new Fault("index out of bounds", node.pos) : element;
  };
}

function compileList(nodes: readonly ASTNode[], item: Item | undefined): Step {
  const steps = nodes.map((node) => compileNode(node, item));
  // Texts, numbers and so on: made once. `in` is quick on it.
  if (nodes.every(({ op }) => op === "value")) return constant(Object.freeze(nodes.map((node) => literalValue(node.args, node.pos))));
  return (run) => {
    if (!run.spend(steps.length)) return OVER;
    const list: Value[] = [];
    for (const step of steps) {
      const value = step(run);
      if (value instanceof Fault) return value;
      list.push(value);
    }
    return list;
  };
}

function compileMap(node: ASTNode & { readonly op: "map" }, item: Item | undefined): Step {
  const entries = node.args.map(([key, value]) => [compileNode(key, item), compileNode(value, item)] as const);
  return (run) => {
    if (!run.spend(entries.length)) return OVER;
    const map: Record<string, Value> = Object.create(null);
    for (const [keyStep, valueStep] of entries) {
      const key = keyStep(run);
      if (key instanceof Fault) return key;
      if (typeof key !== "string" || Object.hasOwn(map, key)) return new Fault("the keys of a map must be strings, each once", node.pos);
      const value = valueStep(run);
      if (value instanceof Fault) return value;
      map[key] = value;
    }
    return map;
  };
}

function compileChoice(node: ASTNode & { readonly op: "?:" }, item: Item | undefined): Step {
  const [condition, yes, no] = node.args;
  const [test, left, right] = [compileNode(condition, item), compileNode(yes, item), compileNode(no, item)];
  return (run) => {
    const value = test(run);
    if (value === true) return left(run);
    if (value === false) return right(run);
    return value instanceof Fault ? value : new Fault(`? is asked of a ${kindOf(value)}, and not of true or false`, condition.pos);
  };
}

/** One side may settle the matter whatever the other side is, a fault included: `false && x`, `x && false`. */
function compileLogic(node: ASTNode & { readonly op: "&&" | "||" }, item: Item | undefined): Step {
  const [left, right] = node.args;
  const [first, second] = [compileNode(left, item), compileNode(right, item)];
  const settles = node.op === "||";
  return (run) => {
    const one = first(run);
    if (one === settles) return one;
    const other = second(run);
    if (other === settles) return other;
    return notBool(one, left.pos, node.op) ?? notBool(other, right.pos, node.op) ?? !settles;
  };
}

function compileUnary(node: ASTNode & { readonly op: "!_" | "-_" }, item: Item | undefined): Step {
  const operand = compileNode(node.args, item);
  if (node.op === "!_") {
    return (run) => {
      const value = operand(run);
      return typeof value === "boolean" ? !value : (notBool(value, node.args.pos, "!") ?? OVER);
    };
  }
  return (run) => {
    const value = operand(run);
    if (typeof value === "number") return -value;
    if (value instanceof Fault) return value;
    return value instanceof Duration ? new Duration(-value.ms) : new Fault(`- is asked of a ${kindOf(value)}`, node.pos);
  };
}

type BinaryOperator = "==" | "!=" | "in" | "+" | "-" | "*" | "/" | "%" | "<" | "<=" | ">" | ">=";

function compileBinary(node: ASTNode & { readonly op: BinaryOperator }, item: Item | undefined): Step {
  const [left, right] = [compileNode(node.args[0], item), compileNode(node.args[1], item)];
  const members = node.op === "in" ? literalMembers(node.args[1]) : undefined;
  const operate = members === undefined ? operatorOf(node.op) : (_run: Run, value: Value) => members.has(value);
  return (run) => {
    const one = left(run);
    if (one instanceof Fault) return one;
    const other = right(run);
    if (other instanceof Fault) return other;
    const result = operate(run, one, other);
    return result instanceof Fault ? faultAt(result, node.pos) : result;
  };
}

/** So that a list of allowed texts costs nothing more for being long. */
function literalMembers(node: ASTNode): ReadonlySet<Value> | undefined {
  if (node.op !== "list" || !node.args.every(({ op }) => op === "value")) return undefined;
  return new Set(node.args.map((member) => literalValue(member.args, member.pos)));
}

function operatorOf(operator: BinaryOperator): (run: Run, left: Value, right: Value) => Value | Fault {
  switch (operator) {
    case "==":
      return isEqual;
    case "!=":
      return (run, left, right) => !isEqual(run, left, right);
    case "in":
      return isIn;
    case "<":
    case "<=":
    case ">":
    case ">=":
      return (run, left, right) => compare(run, operator, left, right);
    default:
      return (run, left, right) => calculate(run, operator, left, right);
  }
}
