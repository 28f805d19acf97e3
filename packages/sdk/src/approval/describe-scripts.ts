/** Says what a person's eyes cannot: that letters of one word come from several scripts, or only look like ASCII. */

const SCRIPTS: readonly (readonly [string, RegExp])[] = [
  ["Latin", /^\p{scx=Latin}$/u],
  ["Cyrillic", /^\p{scx=Cyrillic}$/u],
  ["Greek", /^\p{scx=Greek}$/u],
  ["Armenian", /^\p{scx=Armenian}$/u],
  ["Cherokee", /^\p{scx=Cherokee}$/u],
  ["Coptic", /^\p{scx=Coptic}$/u],
  ["Georgian", /^\p{scx=Georgian}$/u],
  ["Hebrew", /^\p{scx=Hebrew}$/u],
  ["Arabic", /^\p{scx=Arabic}$/u],
  ["Devanagari", /^\p{scx=Devanagari}$/u],
  ["Thai", /^\p{scx=Thai}$/u],
  ["Lisu", /^\p{scx=Lisu}$/u],
  // Written together in ordinary text, so one family.
  ["East Asian", /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}]$/u],
];
const COMMON = /^[\p{sc=Common}\p{sc=Inherited}]$/u;
const LETTER = /^\p{L}$/u;
const RIGHT_TO_LEFT = /[\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}\p{sc=Samaritan}\p{sc=Mandaic}]/u;
const WORD = /[^\s]+/gu;
const ASCII_ONLY = /^[\0-\x7F]*$/;

// The everyday part of UTS #39 confusables: what is drawn like the ASCII character it is listed under. Quotation marks and
// dashes of ordinary prose are left out; the minus and hyphen that pass for an option's dash are in. Code points in hex.
const LOOKALIKES: { readonly [ascii: string]: string } = {
  a: "430 251 3B1", b: "42C 185", c: "441 3F2", d: "501", e: "435 4BD", g: "261 581", h: "4BB 570", i: "456 131 269",
  j: "458 3F3", k: "3BA", l: "4CF 1C0", n: "578 57C", o: "43E 3BF 585 3C3", p: "440 3C1", q: "51B 566", r: "433 1D26",
  s: "455 A731", u: "3C5 57D 1D1C", v: "3BD 475", w: "51D 461 561", x: "445", y: "443 3B3 4AF", z: "1D22",
  A: "410 391 13AA", B: "412 392 13F4", C: "421 3F9 13DF", D: "13A0", E: "415 395 13AC", G: "50C 13C0",
  H: "41D 397 13BB", I: "406 399 4C0", J: "408 13AB", K: "41A 39A 13E6", L: "13DE", M: "41C 39C 13B7", N: "39D",
  O: "41E 39F 555", P: "420 3A1 13E2", R: "13A1", S: "405 54F 13DA", T: "422 3A4 13A2", U: "54D 144C", V: "13D9",
  W: "51C 13B3", X: "425 3A7", Y: "3A5 4AE", Z: "396 13C3", "/": "2215 2044 2571", "\\": "2216 29F5 29F9",
  ".": "2024 6D4 A4F8", ":": "589 5C3 2236 A789", "-": "2010 2011 2212 FE63", "!": "1C3", "*": "2217 66D",
  "|": "1C0 2223", "~": "223C", "_": "2CD",
};
const LOOKS_LIKE = new Map(
  Object.entries(LOOKALIKES).flatMap(([ascii, hex]) =>
    hex.split(" ").map((digits) => [String.fromCodePoint(Number.parseInt(digits, 16)), ascii] as const),
  ),
);

/**
 * One sentence about text that may be misread, or undefined. Plain ASCII, made of code point numbers, never of the text.
 * Ordinary text of one script gets none, and neither do words of different scripts beside each other.
 */
export function describeScripts(text: string): string | undefined {
  if (ASCII_ONLY.test(text)) return undefined;
  const scripts = new Set<string>();
  const lookalikes = new Set<string>();
  for (const [word] of text.matchAll(WORD)) inspectWord(word, scripts, lookalikes);
  const letters = Array.from(text).filter((char) => LETTER.test(char));
  if (letters.length > 0 && letters.every((char) => looksLike(char) !== undefined)) collect(letters, lookalikes);
  const parts: string[] = [];
  if (scripts.size > 0) parts.push(`letters of several scripts in one word (${[...scripts].toSorted().join(", ")})`);
  if (lookalikes.size > 0) parts.push(`characters that look like ASCII and are not (${listed(lookalikes)})`);
  if (RIGHT_TO_LEFT.test(text)) parts.push("letters written right to left, the order on screen may differ from the order sent");
  return parts.length === 0 ? undefined : parts.join("; ");
}

function inspectWord(word: string, scripts: Set<string>, lookalikes: Set<string>): void {
  if (ASCII_ONLY.test(word)) return;
  const chars = Array.from(word);
  const found = new Set(chars.filter((char) => LETTER.test(char)).flatMap(scriptOf));
  // Latin words inside East Asian text are ordinary (UTS #39, highly restrictive).
  const mixed = found.size > 2 || (found.size === 2 && !(found.has("Latin") && found.has("East Asian")));
  if (mixed) for (const script of found) scripts.add(script);
  if (mixed || found.has("Latin") || chars.some((char) => char <= "~")) collect(chars, lookalikes, mixed);
}

function scriptOf(letter: string): readonly string[] {
  if (COMMON.test(letter)) return [];
  const script = SCRIPTS.find(([, pattern]) => pattern.test(letter));
  return [script?.[0] ?? "another script"];
}

/** In a word of a single script its own letters are no imposters, whatever they look like; its punctuation may be. */
function collect(chars: readonly string[], into: Set<string>, letters = true): void {
  for (const char of chars) {
    const ascii = looksLike(char);
    if (ascii === undefined || (!letters && scriptOf(char).some((script) => script !== "Latin"))) continue;
    into.add(`U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")} like ${ascii}`);
  }
}

function looksLike(char: string): string | undefined {
  if (char >= "\0" && char <= "\x7F") return undefined;
  const compatible = char.normalize("NFKC");
  return LOOKS_LIKE.get(char) ?? (/^[!-~]$/.test(compatible) ? compatible : undefined);
}

function listed(found: ReadonlySet<string>): string {
  const shown = [...found].slice(0, 8).join(", ");
  return found.size > 8 ? `${shown} and ${found.size - 8} more` : shown;
}
