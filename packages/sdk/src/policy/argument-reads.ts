/** Which arguments a condition looks at, for whoever explains what it said. */
import { parseCondition } from "./condition/condition.ts";
import { readPaths } from "./condition/read-paths.ts";

/** Paths below `args`, in the order in which they are read; `[]` where the arguments are looked at as a whole. Empty for what is no condition. */
export function argumentReads(source: string): readonly (readonly string[])[] {
  const node = parseCondition(source);
  return "message" in node ? [] : readPaths(node).mentions.map(({ path }) => path);
}
