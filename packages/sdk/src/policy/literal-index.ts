/**
 * Which of many literals occur inside a text. One pass over the text for each length that is stored, with a rolling hash
 * (Karp and Rabin, 1987), so that a long name costs what it is long and not what the literals are long.
 */
export class LiteralIndex<T> {
  readonly #lengths: Length<T>[] = [];

  add(literal: string, value: T): void {
    let length = this.#lengths.find(({ size }) => size === literal.length);
    if (length === undefined) this.#lengths.push((length = { size: literal.length, lead: leadOf(literal.length), byHash: new Map() }));
    const hash = hashOf(literal, literal.length);
    const files = length.byHash.get(hash);
    const file = files?.find((one) => one.literal === literal);
    if (file !== undefined) file.values.push(value);
    else if (files !== undefined) files.push({ literal, values: [value] });
    else length.byHash.set(hash, [{ literal, values: [value] }]);
  }

  /** Puts the values of every literal that occurs into `found`, each once. */
  collect(text: string, found: T[]): void {
    for (const { size, lead, byHash } of this.#lengths) {
      if (size > text.length) continue;
      const seen = new Set<string>();
      let hash = hashOf(text, size);
      for (let at = 0; ; at++) {
        const files = byHash.get(hash);
        if (files !== undefined) report(files, text, at, seen, found);
        if (at + size >= text.length) break;
        hash = (Math.imul(hash - Math.imul(text.charCodeAt(at), lead), BASE) + text.charCodeAt(at + size)) | 0;
      }
    }
  }
}

interface Length<T> {
  readonly size: number;
  /** BASE to the power of size - 1: the weight of the first character of a window. */
  readonly lead: number;
  readonly byHash: Map<number, File<T>[]>;
}

interface File<T> {
  readonly literal: string;
  readonly values: T[];
}

const BASE = 0x01000193;

function hashOf(text: string, size: number): number {
  let hash = 0;
  for (let at = 0; at < size; at++) hash = (Math.imul(hash, BASE) + text.charCodeAt(at)) | 0;
  return hash;
}

function leadOf(size: number): number {
  let lead = 1;
  for (let at = 1; at < size; at++) lead = Math.imul(lead, BASE);
  return lead;
}

function report<T>(files: readonly File<T>[], text: string, at: number, seen: Set<string>, found: T[]): void {
  for (const { literal, values } of files) {
    if (seen.has(literal) || !text.startsWith(literal, at)) continue;
    seen.add(literal);
    for (const value of values) found.push(value);
  }
}
