import { foldText } from "./fold-name.ts";
import { globOf, type Glob } from "./pattern.ts";

/** Folded piece by piece: a full-width asterisk folds to `*`, which is then a character and no wildcard. */
export function foldGlob(glob: Glob): Glob {
  const pieces = glob.pieces.map(foldText);
  pieces[0] = pieces[0]?.trimStart() ?? "";
  pieces.push(pieces.pop()?.trimEnd() ?? "");
  return globOf(pieces);
}

/** True of most names and patterns: printable ASCII without capitals, which folds to itself. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

const PLAIN = /^[\x21-\x40\x5b-\x7e]*$/;
