/**
 * Which of many literals occur inside a text. Few are looked for one by one; many by a rolling hash (Karp and Rabin, 1987), in
 * one pass over the text for each length that is stored. Either way a long name costs what it is long, not that times a literal.
 */
export class LiteralIndex<T> {
  readonly #files: File<T>[] = [];
  readonly #lengths: Length<T>[] = [];

  add(literal: string, value: T): void {
    let length = this.#lengths.find(({ size }) => size === literal.length);
    if (length === undefined) this.#lengths.push((length = { size: literal.length, lead: leadOf(literal.length), byHash: new Map() }));
    const hash = hashOf(literal, literal.length);
    const files = length.byHash.get(hash);
    const known = files?.find((one) => one.literal === literal);
    if (known !== undefined) {
      known.values.push(value);
      return;
    }
    const file = { literal, values: [value] };
    this.#files.push(file);
    if (files === undefined) length.byHash.set(hash, [file]);
    else files.push(file);
  }

  /** Puts the values of every literal that occurs into `found`, each once. */
  collect(text: string, found: T[]): void {
    if (this.#files.length <= this.#lengths.length * FEW_PER_LENGTH) {
      for (const { literal, values } of this.#files) if (text.includes(literal)) put(values, found);
    } else {
      for (const length of this.#lengths) if (length.size <= text.length) roll(length, text, found);
    }
  }
}

interface File<T> {
  readonly literal: string;
  readonly values: T[];
}

interface Length<T> {
  readonly size: number;
  /** BASE to the power of size - 1: the weight of the first character of a window. */
  readonly lead: number;
  readonly byHash: Map<number, File<T>[]>;
}

/** Up to this many literals of a length, looking for each is cheaper than hashing every window. Measured. */
const FEW_PER_LENGTH = 12;
const BASE = 0x01000193;

function roll<T>({ size, lead, byHash }: Length<T>, text: string, found: T[]): void {
  const seen = new Set<File<T>>();
  let hash = hashOf(text, size);
  for (let at = 0; ; at++) {
    for (const file of byHash.get(hash) ?? NO_FILES) {
      if (seen.has(file) || !text.startsWith(file.literal, at)) continue;
      seen.add(file);
      put(file.values, found);
    }
    if (at + size >= text.length) return;
    hash = (Math.imul(hash - Math.imul(text.charCodeAt(at), lead), BASE) + text.charCodeAt(at + size)) | 0;
  }
}

const NO_FILES: readonly never[] = [];

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

/** Not `push(...)`, whose arguments have a limit. */
function put<T>(values: readonly T[], found: T[]): void {
  for (const value of values) found.push(value);
}
