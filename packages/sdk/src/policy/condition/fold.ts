/** What parts of a condition are before any call is made: literals, and names of server and tool where they are known. For lint. */
import type { ASTNode } from "@marcbachmann/cel-js";
import { compileNode } from "./compile-node.ts";
import { TYPE_CONSTANTS } from "./conversion-functions.ts";
import type { Fault } from "./fault.ts";
import { partsOf } from "./parts.ts";
import { pathOf } from "./path.ts";
import { Run } from "./run.ts";
import type { Value } from "./value.ts";

/** The one tool that the condition is asked about. */
export interface KnownNames {
  readonly server: string;
  readonly tool: string;
}

/** The value of a part that reads nothing of the call, or nothing but the given names; undefined where it reads more. */
export function fold(node: ASTNode, names?: KnownNames): Value | Fault | undefined {
  if (!readsNothing(node, names !== undefined)) return undefined;
  const run = new Run(names === undefined ? {} : { server: { name: names.server }, tool: { name: names.tool } });
  const value = compileNode(node, undefined)(run);
  return run.over === undefined ? value : undefined;
}

function readsNothing(node: ASTNode, namesKnown: boolean): boolean {
  if (node.op === "id") return TYPE_CONSTANTS.has(node.args);
  const path = namesKnown ? pathOf(node, undefined)?.join(".") : undefined;
  return path === "tool.name" || path === "server.name" || partsOf(node).every((part) => readsNothing(part, namesKnown));
}

/** Whether the part is true or false for the given tool whatever else the call is; undefined where that is open. */
export function truthFor(node: ASTNode, names: KnownNames): boolean | undefined {
  switch (node.op) {
    case "!_": {
      const inner = truthFor(node.args, names);
      return inner === undefined ? undefined : !inner;
    }
    case "&&":
    case "||": {
      const sides = node.args.map((side) => truthFor(side, names));
      const settles = node.op === "||";
      if (sides.includes(settles)) return settles;
      return sides.includes(undefined) ? undefined : !settles;
    }
    case "?:": {
      const test = truthFor(node.args[0], names);
      return test === undefined ? undefined : truthFor(node.args[test ? 1 : 2], names);
    }
    default: {
      const value = fold(node, names);
      return typeof value === "boolean" ? value : undefined;
    }
  }
}
