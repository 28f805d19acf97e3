/**
 * Whether `text` holds `part`, in time linear in both.
 * The engine's own search is faster where it is fast, but compares up to text × part characters on hostile input.
 */
export function holdsText(text: string, part: string): boolean {
  if (text.length * part.length <= MAX_COMPARISONS) return text.includes(part);
  return part.length <= text.length && searchLinear(text, part);
}

/** Some 60 ms at worst: "BEGIN PRIVATE KEY" in 4 MiB. */
const MAX_COMPARISONS = 80_000_000;

/** What looking costs at worst, in visits of a Run: about a microsecond each. */
export function searchVisits(text: string, part: string): number {
  const comparisons = text.length * part.length;
  return 1 + (comparisons <= MAX_COMPARISONS ? (text.length >> 8) + (comparisons >> 10) : (text.length >> 4) + (part.length >> 3));
}

/** Knuth, Morris and Pratt: SIAM J. Comput. 6(2), 1977. */
function searchLinear(text: string, part: string): boolean {
  const borders = bordersOf(part);
  let matched = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
    if (part.charCodeAt(matched) === unit) matched += 1;
    if (matched === part.length) return true;
  }
  return false;
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
