// Reads Markdown as far as the docs check needs it: the fenced code blocks, and the prose between them.

/**
 * `at`: index of the opening line. `indent` stands before every line of the block.
 * @typedef {{ at: number, end: number, info: string, indent: string, body: readonly string[] }} Fence
 */

/**
 * @param {readonly string[]} lines
 * @returns {{ fences: readonly Fence[], prose: readonly { line: number, text: string }[] }}
 */
export function readMarkdown(lines) {
  /** @type {Fence[]} */
  const fences = [];
  const prose = [];
  for (let at = 0; at < lines.length; at += 1) {
    const text = lines[at] ?? "";
    const open = /^(\s*)(`{3,}|~{3,})\s*([^`]*)$/.exec(text);
    if (open === null) {
      prose.push({ line: at + 1, text });
      continue;
    }
    const [, indent = "", marks = "", info = ""] = open;
    const close = new RegExp(`^\\s*${marks[0]}{${marks.length},}\\s*$`);
    let end = at + 1;
    while (end < lines.length && !close.test(lines[end] ?? "")) end += 1;
    const body = lines.slice(at + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()));
    fences.push({ at, end, info: info.trim(), indent, body });
    at = end;
  }
  return { fences, prose };
}

/**
 * The part of a file between `#region NAME` and `#endregion`, after //, # or <!--, without the common indentation.
 * Nested regions keep their lines and lose their marks.
 * @param {string} source
 * @param {string} name
 * @returns {readonly string[] | undefined} undefined: there is no such region
 */
export function readRegion(source, name) {
  const lines = source.split("\n");
  const mark = /^\s*(?:\/\/|#|<!--)\s*#(region|endregion)\b\s*([\w.-]*)/;
  const start = lines.findIndex((line) => {
    const [, kind, label] = mark.exec(line) ?? [];
    return kind === "region" && label === name;
  });
  if (start === -1) return undefined;
  const body = [];
  let depth = 1;
  for (const line of lines.slice(start + 1)) {
    const [, kind] = mark.exec(line) ?? [];
    if (kind === "region") depth += 1;
    if (kind === "endregion") depth -= 1;
    if (depth === 0) return withoutIndent(body);
    if (kind === undefined) body.push(line);
  }
  return undefined;
}

/** @param {readonly string[]} lines */
function withoutIndent(lines) {
  const indents = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)?.[0].length ?? 0);
  const common = Math.min(...indents, Number.MAX_SAFE_INTEGER);
  return lines.map((line) => line.slice(Math.min(common, line.length)));
}

/**
 * The anchors that a Markdown page offers, as GitHub spells them.
 * @param {readonly { text: string }[]} prose
 * @returns {ReadonlySet<string>}
 */
export function readAnchors(prose) {
  const anchors = new Set();
  for (const { text } of prose) {
    for (const [, id] of text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id);
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}
