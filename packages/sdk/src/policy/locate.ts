/** Offsets of a document's parts in YAML text, in UTF-16 code units. Called by read-document.ts and places.ts. */
import { isMap, isPair, isScalar, type Document } from "yaml";
import type { DocumentPath } from "./explain-issue.ts";

/** Of the last key or item on the path that exists; undefined where not even the first does. */
export function offsetOf(document: Document, path: DocumentPath): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    const begin = rangeOf(document.getIn(path.slice(0, length), true))?.[0];
    if (begin !== undefined) return begin;
  }
  return undefined;
}

/** Of a character of the text at `path`, where it is written as it is read; else as offsetOf. */
export function offsetWithin(text: string, document: Document, path: DocumentPath, within: number): number | undefined {
  const node: unknown = document.getIn(path, true);
  if (!isScalar(node) || typeof node.value !== "string" || !node.range) return offsetOf(document, path);
  const [begin, end] = node.range;
  // The same characters in the source: behind a quote, or on the lines of a block. Escapes and folds have no such run.
  const before = node.value.slice(0, within);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const rest = node.value.slice(within).split("\n")[0] ?? "";
  const at = text.slice(begin, end).indexOf(line + rest);
  return at === -1 ? offsetOf(document, path) : begin + at + line.length;
}

/** Where a node begins and where its value ends. */
export function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = node !== null && typeof node === "object" && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" && typeof range[1] === "number" ? [range[0], range[1]] : undefined;
}
