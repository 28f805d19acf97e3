/** Patterns of policy ids. Only `*` is a wildcard (any run of characters, empty too); every other character is literal. */

import { indexOfText } from "./condition/find-text.ts";

/** `mcp:{server}:{tool}`, split at the first two colons. */
export interface Pattern {
  readonly server: Glob;
  readonly tool: Glob;
  readonly text: string;
}

/** One segment: the literal pieces between its stars. A segment without a star has one piece. */
export interface Glob {
  readonly pieces: readonly string[];
}

/** Parses a pattern; returns why it cannot be one as a string. */
export function parsePattern(text: string): Pattern | string {
  const first = text.indexOf(":");
  const second = text.indexOf(":", first + 1);
  if (first === -1 || second === -1) return 'needs two colons: "mcp:{server}:{tool}"';
  if (text.slice(0, first) !== "mcp") return 'must begin with "mcp:"';
  const tool = text.slice(second + 1);
  if (tool === "") return "names no tool; use * for every tool";
  return { server: parseGlob(text.slice(first + 1, second)), tool: parseGlob(tool), text };
}

export function parseGlob(segment: string): Glob {
  return globOf(segment.split("*"));
}

/** The glob of these pieces. Empty ones between two stars say nothing: `**` is `*`. */
export function globOf(pieces: readonly string[]): Glob {
  return { pieces: pieces.filter((piece, index) => piece !== "" || index === 0 || index === pieces.length - 1) };
}

/** True where the segment is `*` alone. */
export function isAny(glob: Glob): boolean {
  return glob.pieces.length === 2 && glob.pieces[0] === "" && glob.pieces[1] === "";
}

/** About 1 ms for each piece: names are short, and what is not is searched in linear time. */
const MAX_COMPARISONS = 1_048_576;

/** True where the glob matches the whole text. Linear: pieces are looked for left to right and never tried again. */
export function matchesGlob(glob: Glob, text: string): boolean {
  const { pieces } = glob;
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return text === first;
  const last = pieces.at(-1) ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index] ?? "";
    const found = indexOfText(text, piece, at, MAX_COMPARISONS);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
