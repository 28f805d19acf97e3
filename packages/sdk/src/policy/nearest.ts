/** The candidate that was probably meant: it differs in case or separators only, or by at most two edits. Undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[_\-\s]/g, "");
  const same = candidates.find((known) => plain(known) === plain(word));
  if (same !== undefined) return same;
  const [best] = candidates.map((known) => ({ known, distance: editDistance(word, known) })).toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 2 && best.distance * 2 < word.length ? best.known : undefined;
}

/** Levenshtein's distance; infinite for words that are too long to be a slip of a key. */
function editDistance(a: string, b: string): number {
  if (a.length > 40) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
