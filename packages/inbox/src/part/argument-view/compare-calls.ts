/** Which arguments of two calls of one tool differ, by place. Pure. */
import type { ViewRow } from "./view-rows.ts";

export interface Difference {
  readonly pointer: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  readonly same: number;
}

export function compareCalls(before: readonly ViewRow[], after: readonly ViewRow[]): Comparison {
  const [old, now] = [leaves(before), leaves(after)];
  const pointers = [...new Set([...now.keys(), ...old.keys()])];
  const differences = pointers.filter((pointer) => old.get(pointer)?.mark !== now.get(pointer)?.mark).map((pointer) => ({ pointer, before: old.get(pointer)?.text, after: now.get(pointer)?.text }));
  return { differences, same: pointers.length - differences.length };
}

/** `mark` tells the text "1" from the number 1. */
function leaves(rows: readonly ViewRow[]): ReadonlyMap<string, { readonly text: string; readonly mark: string }> {
  return new Map(rows.flatMap(({ pointer, content }) => ("text" in content ? [[pointer, { text: content.text, mark: (content.kind === "plain" ? "plain " : "text ") + content.text }] as const] : [])));
}
