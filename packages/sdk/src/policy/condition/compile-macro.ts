/** all, exists, exists_one, filter and map as steps. They run over the elements of a list or the keys of a map, and are never nested. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { Fault, LoadFault } from "./fault.ts";
import { partsOf } from "./parts.ts";
import { itemPath, type Item, type MacroCall } from "./path.ts";
import { OVER, type Run } from "./run.ts";
import { notBool, type Compile, type Step } from "./step.ts";
import { isList, isMap, kindOf, type Value } from "./value.ts";

/** Parts of a body that are looked at for the price of one element. */
const NODES_PER_VISIT = 8;

export function compileMacro({ name, receiver, variable, filter, body }: MacroCall, offset: number, outer: Item | undefined, compile: Compile): Step {
  const over = compile(receiver, outer);
  const item: Item = { name: variable, path: itemPath(receiver, outer) };
  const keep = filter === undefined ? undefined : compile(filter, item);
  const loop = loopOf(name, body, compile(body, item), keep === undefined || filter === undefined ? undefined : boolStep(keep, filter, name), offset);
  const perItem = 1 + Math.floor((countNodes(body) + (filter === undefined ? 0 : countNodes(filter))) / NODES_PER_VISIT);
  return (run) => {
    const value = over(run);
    if (value instanceof Fault) return value;
    if (!isList(value) && !isMap(value)) return new Fault(`${name} is asked of a ${kindOf(value)}`, offset);
    const items = isList(value) ? value : Object.keys(value);
    return run.enter(items.length) ? loop(run, items, perItem) : OVER;
  };
}

type Loop = (run: Run, items: readonly Value[], perItem: number) => Value | Fault;

function loopOf(name: string, node: ASTNode, body: Step, keep: Step | undefined, offset: number): Loop {
  switch (name) {
    case "all":
      return quantifier(boolStep(body, node, name), false);
    case "exists":
      return quantifier(boolStep(body, node, name), true);
    case "exists_one":
      return exactlyOne(boolStep(body, node, name));
    case "filter":
      return collector(boolStep(body, node, name), (run) => run.item);
    case "map":
      return collector(keep ?? ALWAYS, body);
    default:
      throw new LoadFault(`unknown macro ${name}`, offset);
  }
}

const ALWAYS: Step = () => true;

function boolStep(step: Step, node: ASTNode, name: string): Step {
  return (run) => {
    const value = step(run);
    return notBool(value, node.pos, name) ?? value;
  };
}

/** A fault counts only where no element settles the matter. */
function quantifier(step: Step, settles: boolean): Loop {
  return (run, items, perItem) => {
    let fault: Fault | undefined;
    for (const item of items) {
      if (!run.spend(perItem)) return OVER;
      run.item = item;
      const value = step(run);
      if (value === settles) return settles;
      if (value instanceof Fault) fault ??= value;
    }
    return fault ?? !settles;
  };
}

function exactlyOne(step: Step): Loop {
  return (run, items, perItem) => {
    let count = 0;
    for (const item of items) {
      if (!run.spend(perItem)) return OVER;
      run.item = item;
      const value = step(run);
      if (value instanceof Fault) return value;
      if (value === true) count += 1;
    }
    return count === 1;
  };
}

function collector(keep: Step, step: Step): Loop {
  return (run, items, perItem) => {
    const kept: Value[] = [];
    for (const item of items) {
      if (!run.spend(perItem)) return OVER;
      run.item = item;
      const isKept = keep(run);
      if (isKept instanceof Fault) return isKept;
      if (isKept !== true) continue;
      const value = step(run);
      if (value instanceof Fault) return value;
      kept.push(value);
    }
    return kept;
  };
}

function countNodes(node: ASTNode): number {
  let count = 1;
  for (const part of partsOf(node)) count += countNodes(part);
  return count;
}
