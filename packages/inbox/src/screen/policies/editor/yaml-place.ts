/**
 * Where in a policy document a place of its text is: under which keys, and whether a key or a value stands there. It goes by indentation and
 * brackets, so it also knows where one is in a text that is not YAML yet. Pure. Lists leave no trace in the path.
 */
export interface YamlPlace {
  /** Keys from the outside in; that of the value itself is the last one where `at` is `value`. */
  readonly path: readonly string[];
  readonly at: "key" | "value";
  /** Where the word that is being written begins, in the text. */
  readonly from: number;
  /** Keys that the map has already. */
  readonly siblings: readonly string[];
  /** An item of a list, so a map may begin here: the schema says what it is. */
  readonly isItem: boolean;
  /** Columns before the keys of this map. */
  readonly column: number;
}

interface Line {
  /** Column of what is written behind the dashes. */
  readonly column: number;
  readonly dashes: number;
  /** Column of the first dash, or of the text. */
  readonly indent: number;
  readonly key: string | undefined;
  readonly text: string;
}

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#'"{}[\],&*!|>%@`-][^:#{}[\],]*?|-[^\s:]+)\s*:(?=\s|$)/;

/** Undefined inside of comments. */
export function yamlPlaceAt(text: string, position: number): YamlPlace | undefined {
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  const before = text.slice(lineStart, position);
  if (isComment(before)) return undefined;
  const lineEnd = text.indexOf("\n", position);
  const above = text.slice(0, lineStart).split("\n").slice(0, -1);
  const below = lineEnd === -1 ? [] : text.slice(lineEnd + 1).split("\n");
  const own = readLine(before);
  const outer = parentsOf(above, own);
  const offset = lineStart + own.column;
  const base = { siblings: siblingsOf(above, below, own), isItem: own.dashes > 0, column: own.column };
  if (own.key === undefined) return flowPlace(own.text, offset, { ...base, path: outer }) ?? { ...base, path: outer, at: own.dashes > 0 && outer.length > 0 ? "value" : "key", from: offset };
  const value = own.text.replace(KEY, "");
  const path = [...outer, own.key];
  const spaces = value.length - value.trimStart().length;
  const from = position - value.length + spaces;
  return flowPlace(value.trimStart(), from, { ...base, path }) ?? { ...base, path, at: "value", from, siblings: [] };
}

function isComment(before: string): boolean {
  return /(?:^|\s)#/.test(before.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, ""));
}

function readLine(line: string): Line {
  let column = line.length - line.trimStart().length;
  const indent = column;
  let dashes = 0;
  for (;;) {
    const dash = /^-(?:\s+|$)/.exec(line.slice(column));
    if (dash === null) break;
    dashes += 1;
    column += dash[0].length;
  }
  const text = line.slice(column);
  return { column, dashes, indent, text, key: unquoted(KEY.exec(text)?.[1]) };
}

function unquoted(key: string | undefined): string | undefined {
  return key?.replace(/^(["'])(.*)\1$/s, "$2").trim();
}

function isBlank(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}

/** Keys of the lines that this one stands under. */
function parentsOf(above: readonly string[], own: Line): readonly string[] {
  const path: string[] = [];
  let limit = own.dashes > 0 ? own.indent + 1 : own.column;
  let isList = own.dashes > 0;
  for (let index = above.length - 1; index >= 0 && limit > 0; index -= 1) {
    const line = above[index] ?? "";
    if (isBlank(line)) continue;
    const { column, dashes, indent, key } = readLine(line);
    // A list may stand in the same column as the key that it belongs to.
    if (key !== undefined && column < limit && !(isList && column === limit - 1 && dashes > 0 && indent === own.indent)) {
      path.unshift(key);
      limit = dashes > 0 ? indent + 1 : column;
      isList = dashes > 0;
    } else if (dashes > 0 && indent < limit && key === undefined) {
      limit = Math.min(limit, indent + 1);
      isList = true;
    }
  }
  return path;
}

/** Keys of the same map, above and below. */
function siblingsOf(above: readonly string[], below: readonly string[], own: Line): readonly string[] {
  const found: string[] = [];
  if (own.dashes === 0) {
    for (let index = above.length - 1; index >= 0; index -= 1) {
      const line = above[index] ?? "";
      if (isBlank(line)) continue;
      const { column, dashes, key } = readLine(line);
      if (column < own.column) break;
      if (column === own.column && key !== undefined) found.push(key);
      if (column === own.column && dashes > 0) break;
    }
  }
  for (const line of below) {
    if (isBlank(line)) continue;
    const { column, dashes, indent, key } = readLine(line);
    if (column < own.column || (dashes > 0 && indent < own.column)) break;
    if (column === own.column && key !== undefined) found.push(key);
  }
  return found;
}

type Base = Omit<YamlPlace, "at" | "from">;

/** Inside of brackets that were opened on this line and not closed. */
function flowPlace(text: string, offset: number, base: Base): YamlPlace | undefined {
  const open: { readonly kind: "{" | "["; path: readonly string[]; keys: string[]; from: number; key: string | undefined }[] = [];
  let path = base.path;
  let from = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index] ?? "";
    const top = open.at(-1);
    if (char === '"' || char === "'") {
      const end = text.indexOf(char, index + 1);
      if (end === -1) return top === undefined ? undefined : place(top, text, offset, base, path);
      index = end;
    } else if (char === "{" || char === "[") {
      open.push({ kind: char, path, keys: [], from: index + 1, key: undefined });
      from = index + 1;
    } else if (top !== undefined && (char === "}" || char === "]")) {
      open.pop();
      path = open.length === 0 ? base.path : (open.at(-1)?.path ?? base.path);
      const outer = open.at(-1);
      if (outer?.key !== undefined) path = [...outer.path, outer.key];
    } else if (top !== undefined && char === ",") {
      top.key = undefined;
      top.from = index + 1;
      path = top.path;
    } else if (top?.kind === "{" && char === ":" && /^\s|^$/.test(text.slice(index + 1, index + 2))) {
      const key = unquoted(text.slice(top.from, index).trim()) ?? "";
      top.keys.push(key);
      top.key = key;
      top.from = index + 1;
      path = [...top.path, key];
    }
  }
  const top = open.at(-1);
  return top === undefined ? undefined : place({ ...top, from: Math.max(top.from, open.length === 1 && top.from === 0 ? from : top.from) }, text, offset, base, path);
}

function place(top: { readonly kind: "{" | "["; readonly keys: readonly string[]; readonly from: number; readonly key: string | undefined; readonly path: readonly string[] }, text: string, offset: number, base: Base, path: readonly string[]): YamlPlace {
  const written = text.slice(top.from);
  const from = offset + top.from + written.length - written.trimStart().length;
  if (top.kind === "[") return { ...base, path: top.path, at: "value", from, siblings: [], isItem: true };
  return top.key === undefined ? { ...base, path: top.path, at: "key", from, siblings: top.keys } : { ...base, path, at: "value", from, siblings: [] };
}
