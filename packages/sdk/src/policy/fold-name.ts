/**
 * The form under which two tool names count as confusable: NFKC, case-folded, without default-ignorable code points and
 * outer white space. A call whose name folds to what a block or throttle policy names is taken as matching it (attack T-name).
 */
export function foldName(name: string): string {
  return foldText(name).trim();
}

/**
 * foldName without the trimming, for the pieces of a pattern. Decomposed (NFKD says the same as NFKC, in more characters), so
 * that a piece folds alike alone and inside a name: composed, an accent after `write*` would change the last letter before it.
 */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return foldCase(text.normalize("NFKD").replaceAll(IGNORABLE, "")).normalize("NFKD").replaceAll(IGNORABLE, "").replaceAll("i\u0307", "i");
}

/** Lower case first, for U+1E9E, whose upper case is itself. Then upper and lower: full folding as in Python's casefold(). */
function foldCase(text: string): string {
  // A sigma is lowered by its place in the word, and a piece of a pattern does not know its place.
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

const ASCII = /^[\x21-\x7e]*$/;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu;
