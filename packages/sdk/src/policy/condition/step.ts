/** A part of a condition, compiled. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { Fault } from "./fault.ts";
import type { Item } from "./path.ts";
import type { Run } from "./run.ts";
import { kindOf, type Value } from "./value.ts";

export type Step = (run: Run) => Value | Fault;

/** compileNode, handed to the files it is made of. */
export type Compile = (node: ASTNode, item: Item | undefined) => Step;

/** The fault of a part that had to be true or false and is neither. */
export function notBool(value: Value | Fault, offset: number, operator: string): Fault | undefined {
  if (typeof value === "boolean") return undefined;
  return value instanceof Fault ? value : new Fault(`${operator} is asked of a ${kindOf(value)}, and not of true or false`, offset);
}
