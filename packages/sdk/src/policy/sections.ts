/** Where a document's text has its top-level keys and its policies: just enough to find the rest later. Called by read-document.ts. */
import { isMap, isScalar, isSeq, type Document } from "yaml";
import { rangeOf } from "./locate.ts";

/** Offsets in UTF-16 code units. */
export interface Sections {
  /** From the key to the end of its value. */
  readonly keys: ReadonlyMap<string, readonly [number, number]>;
  /** Begin and end of each policy in turn. */
  readonly items: Int32Array;
}

export function sectionsOfYaml(document: Document): Sections {
  const keys = new Map<string, readonly [number, number]>();
  let items = new Int32Array();
  if (!isMap(document.contents)) return { keys, items };
  for (const { key, value } of document.contents.items) {
    const range = rangeOf(key);
    if (!isScalar(key) || range === undefined) continue;
    keys.set(String(key.value), [range[0], rangeOf(value)?.[1] ?? range[1]]);
    if (key.value === "policies" && isSeq(value)) items = Int32Array.from(value.items.flatMap((item) => [...(rangeOf(item) ?? [range[0], range[1]])]));
  }
  return { keys, items };
}

const MARK = /["{}[\],]/g;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;

/** `text` is a JSON object without a mistake. */
export function sectionsOfJson(text: string): Sections {
  const keys = new Map<string, readonly [number, number]>();
  const items: number[] = [];
  const mark = new RegExp(MARK);
  let depth = 0;
  let key: { readonly name: string; readonly at: number } | undefined;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    const at = found.index;
    switch (found[0]) {
      case '"':
        STRING.lastIndex = at;
        mark.lastIndex = STRING.test(text) ? STRING.lastIndex : text.length;
        if (depth === 1) key ??= { name: String(JSON.parse(text.slice(at, mark.lastIndex))), at };
        break;
      case "{":
      case "[":
        if (depth === 2 && key?.name === "policies") items.push(at);
        depth += 1;
        break;
      case ",":
        if (depth === 1 && key !== undefined) keys.set(key.name, [key.at, at]);
        if (depth === 1) key = undefined;
        break;
      default:
        depth -= 1;
        if (depth === 2 && key?.name === "policies") items.push(at + 1);
        if (depth === 0 && key !== undefined) keys.set(key.name, [key.at, at]);
    }
  }
  return { keys, items: Int32Array.from(items) };
}
