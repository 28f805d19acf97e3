/** Operators of conditions on values whose kinds are known only now. Faults name kinds and never a value. */
import { Fault } from "./fault.ts";
import { MAX_TEXT, OVER, type Run } from "./run.ts";
import { Duration, isList, isMap, kindOf, Timestamp, TypeName, type Value } from "./value.ts";

export type Arithmetic = "+" | "-" | "*" | "/" | "%";
export type Comparison = "<" | "<=" | ">" | ">=";

/** Deep; values of different kinds are not equal. */
export function isEqual(run: Run, left: Value, right: Value): boolean {
  if (left === right) return run.spend(typeof left === "string" ? left.length >> 8 : 0);
  if (typeof left === "string" && typeof right === "string") return run.spendText(Math.min(left.length, right.length)) && left === right;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null || !run.spend(1)) return false;
  if (isList(left)) return isList(right) && left.length === right.length && left.every((item, index) => isEqual(run, item, right[index] ?? null));
  if (left instanceof Timestamp) return right instanceof Timestamp && left.ms === right.ms;
  if (left instanceof Duration) return right instanceof Duration && left.ms === right.ms;
  if (left instanceof TypeName) return right instanceof TypeName && left.name === right.name;
  if (!isMap(left) || !isMap(right)) return false;
  const keys = Object.keys(left);
  if (!run.spend(keys.length) || keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && isEqual(run, left[key] ?? null, right[key] ?? null));
}

/** An item of a list, or a key of a map. A key is a string: JavaScript would turn ["admin"] into one. */
export function isIn(run: Run, item: Value, container: Value): boolean | Fault {
  if (isList(container)) {
    if (!run.enter(container.length) || !run.spend(container.length)) return OVER;
    return container.some((other) => isEqual(run, item, other));
  }
  if (isMap(container) && (typeof item !== "object" || item === null)) return typeof item === "string" && Object.hasOwn(container, item);
  return noOverload("in", item, container);
}

export function compare(run: Run, operator: Comparison, left: Value, right: Value): boolean | Fault {
  const order = orderOf(run, left, right);
  if (order === undefined) return noOverload(operator, left, right);
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

function orderOf(run: Run, left: Value, right: Value): number | undefined {
  if (typeof left === "number" && typeof right === "number") return left < right ? -1 : left > right ? 1 : 0;
  if (typeof left === "string" && typeof right === "string") return run.spendText(Math.min(left.length, right.length) << 3) ? orderOfTexts(left, right) : 0;
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (left instanceof Timestamp && right instanceof Timestamp) return left.ms - right.ms;
  if (left instanceof Duration && right instanceof Duration) return left.ms - right.ms;
  return undefined;
}

/** By code point, as CEL says; JavaScript's own order puts U+E000 to U+FFFF after the characters above them. */
function orderOfTexts(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  let at = 0;
  while (at < length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  if (at === length) return left.length - right.length;
  const [one, other] = [left.charCodeAt(at), right.charCodeAt(at)];
  const surrogates = Number(isSurrogate(one)) - Number(isSurrogate(other));
  return surrogates === 0 ? one - other : surrogates;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

export function calculate(run: Run, operator: Arithmetic, left: Value, right: Value): Value | Fault {
  if (typeof left === "number" && typeof right === "number") return numeric(operator, left, right);
  if (operator === "+") return add(run, left, right);
  if (operator === "-") {
    if (left instanceof Timestamp && right instanceof Timestamp) return new Duration(left.ms - right.ms);
    if (left instanceof Timestamp && right instanceof Duration) return new Timestamp(left.ms - right.ms);
    if (left instanceof Duration && right instanceof Duration) return new Duration(left.ms - right.ms);
  }
  return noOverload(operator, left, right);
}

/** An infinite result, which CEL's doubles have, is a fault: comparing with it would decide by accident. */
function numeric(operator: Arithmetic, left: number, right: number): number | Fault {
  if (right === 0 && (operator === "/" || operator === "%")) return new Fault("division by zero");
  const result = numericResult(operator, left, right);
  return Number.isFinite(result) ? result : new Fault(`the result of ${operator} is too large for a number`);
}

function numericResult(operator: Arithmetic, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
  }
}

function add(run: Run, left: Value, right: Value): Value | Fault {
  if (typeof left === "string" && typeof right === "string") {
    const length = left.length + right.length;
    if (!run.spendText(length)) return OVER;
    return length > MAX_TEXT ? new Fault("the text put together is too long") : left + right;
  }
  if (isList(left) && isList(right)) return run.enter(left.length + right.length) && run.spend(left.length + right.length) ? [...left, ...right] : OVER;
  if (left instanceof Timestamp && right instanceof Duration) return new Timestamp(left.ms + right.ms);
  if (left instanceof Duration && right instanceof Timestamp) return new Timestamp(left.ms + right.ms);
  if (left instanceof Duration && right instanceof Duration) return new Duration(left.ms + right.ms);
  return noOverload("+", left, right);
}

function noOverload(operator: string, left: Value, right: Value): Fault {
  return new Fault(`${operator} does not go with ${kindOf(left)} and ${kindOf(right)}`);
}
