/**
 * Whether `text` holds `part`, in time linear in both.
 * The engine's own search is faster where it is fast, but compares up to text × part characters on hostile input.
 */
export function holdsText(text: string, part: string): boolean {
  return indexOfText(text, part, 0, MAX_COMPARISONS) !== -1;
}

/** Where `part` begins in `text` from `from` on, or -1. The engine's own search is used for up to `maxComparisons` of text × part. */
export function indexOfText(text: string, part: string, from: number, maxComparisons: number): number {
  const length = text.length - from;
  if (length * part.length <= maxComparisons) return text.indexOf(part, from);
  return part.length <= length ? searchLinear(text, part, from) : -1;
}

/** Some 60 ms at worst: "BEGIN PRIVATE KEY" in 4 MiB. */
const MAX_COMPARISONS = 80_000_000;

/** What looking costs at worst, in visits of a Run: about a microsecond each. */
export function searchVisits(text: string, part: string): number {
  const comparisons = text.length * part.length;
  return 1 + (comparisons <= MAX_COMPARISONS ? (text.length >> 8) + (comparisons >> 10) : (text.length >> 4) + (part.length >> 3));
}

/** Knuth, Morris and Pratt: SIAM J. Comput. 6(2), 1977. */
function searchLinear(text: string, part: string, from: number): number {
  const borders = bordersOf(part);
  let matched = 0;
  for (let at = from; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
    if (part.charCodeAt(matched) === unit) matched += 1;
    if (matched === part.length) return at + 1 - matched;
  }
  return -1;
}

/** For each prefix, the length of its longest proper prefix that ends it too. */
function bordersOf(part: string): Uint32Array {
  const borders = new Uint32Array(part.length);
  let length = 0;
  for (let at = 1; at < part.length; at += 1) {
    const unit = part.charCodeAt(at);
    while (length > 0 && part.charCodeAt(length) !== unit) length = borders[length - 1] ?? 0;
    if (part.charCodeAt(length) === unit) length += 1;
    borders[at] = length;
  }
  return borders;
}
