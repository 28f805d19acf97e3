/**
 * Whether every text that one glob matches is matched by another. Exact: its stars are put into words by a character that the
 * other does not hold, and the other is asked for that one text. Where it matches, only a star of it can have taken the character,
 * and that star takes any run in its place; where it does not, that text is what the first glob matches and the other does not.
 */
import { matchesGlob, type Glob } from "./pattern.ts";

/** True where `wide` matches all that `narrow` does, over texts of any characters. Linear in the two globs. */
export function includesGlob(wide: Glob, narrow: Glob): boolean {
  const fresh = freshCharacter([wide]);
  return fresh !== undefined && matchesGlob(wide, witnessOf(narrow, fresh));
}

/** A text of the glob that shows where its stars are, to globs that do not hold `fresh`. */
export function witnessOf(glob: Glob, fresh: string): string {
  return glob.pieces.join(fresh);
}

/** A character (one UTF-16 code unit) that no piece of these globs holds. Undefined where they hold all there are. */
export function freshCharacter(globs: Iterable<Glob>): string | undefined {
  const used = new Set<string>();
  for (const { pieces } of globs) for (const piece of pieces) for (const character of piece) used.add(character);
  for (const [first, last] of CANDIDATES) {
    for (let code = first; code <= last; code++) if (!used.has(String.fromCharCode(code))) return String.fromCharCode(code);
  }
  return undefined;
}

/** Private use first, as the rarest. Halves of characters are left out: beside another half they would be something else. */
const CANDIDATES = [[0xe000, 0xf8ff], [0x30, 0xd7ff]] as const;
