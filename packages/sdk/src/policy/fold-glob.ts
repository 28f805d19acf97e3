import { foldText } from "./fold-name.ts";
import { globOf, type Glob } from "./pattern.ts";

/** Folded piece by piece: a full-width asterisk folds to `*`, which is then a character and no wildcard. */
export function foldGlob(glob: Glob): Glob {
  const pieces = glob.pieces.map(foldText);
  pieces[0] = pieces[0]?.trimStart() ?? "";
  pieces.push(pieces.pop()?.trimEnd() ?? "");
  return globOf(pieces);
}

/** Whether folding changes nothing. */
export function isFolded(glob: Glob): boolean {
  if (glob.pieces.every((piece) => PLAIN.test(piece))) return true;
  const folded = foldGlob(glob);
  return folded.pieces.length === glob.pieces.length && folded.pieces.every((piece, index) => piece === glob.pieces[index]);
}

/** Printable ASCII without capitals: most names. */
const PLAIN = /^[\x21-\x40\x5b-\x7e]*$/;
