/**
 * An index over globs of one segment. A look-up costs what the text is long and what matches, not what is stored:
 * each glob is filed under one literal piece (whole text, prefix, suffix, or longest inner piece) and found by hashing.
 */
import { LiteralIndex } from "./literal-index.ts";
import { isAny, matchesGlob, type Glob } from "./pattern.ts";

interface Entry<T> {
  /** Undefined where the file itself proves the match. */
  readonly verify: Glob | undefined;
  readonly value: T;
}

/** Entries by a literal of one length. */
interface Files<T> {
  readonly length: number;
  readonly byLiteral: Map<string, Entry<T>[]>;
}

export class SegmentIndex<T> {
  readonly #exact = new Map<string, T[]>();
  readonly #any: T[] = [];
  readonly #prefixes: Files<T>[] = [];
  readonly #suffixes: Files<T>[] = [];
  #inner: LiteralIndex<Entry<T>> | undefined;

  add(glob: Glob, value: T): void {
    const { pieces } = glob;
    const first = pieces[0] ?? "";
    const last = pieces.at(-1) ?? "";
    if (pieces.length === 1) {
      const values = this.#exact.get(first);
      if (values === undefined) this.#exact.set(first, [value]);
      else values.push(value);
    } else if (isAny(glob)) {
      this.#any.push(value);
    } else if (first !== "" && first.length >= last.length) {
      file(this.#prefixes, first, { verify: pieces.length === 2 && last === "" ? undefined : glob, value });
    } else if (last !== "") {
      file(this.#suffixes, last, { verify: pieces.length === 2 && first === "" ? undefined : glob, value });
    } else {
      const longest = pieces.reduce((a, b) => (b.length > a.length ? b : a));
      this.#inner ??= new LiteralIndex();
      this.#inner.add(longest, { verify: pieces.length === 3 ? undefined : glob, value });
    }
  }

  /** Puts each stored value whose glob matches the whole text into `found`, once for each time it was stored. */
  collect(text: string, found: T[]): void {
    for (const value of this.#any) found.push(value);
    const exact = this.#exact.get(text);
    if (exact !== undefined) for (const value of exact) found.push(value);
    for (const { length, byLiteral } of this.#prefixes) {
      if (length <= text.length) take(byLiteral.get(text.slice(0, length)), text, found);
    }
    for (const { length, byLiteral } of this.#suffixes) {
      if (length <= text.length) take(byLiteral.get(text.slice(text.length - length)), text, found);
    }
    if (this.#inner === undefined) return;
    const entries: Entry<T>[] = [];
    this.#inner.collect(text, entries);
    take(entries, text, found);
  }
}

function file<T>(index: Files<T>[], literal: string, entry: Entry<T>): void {
  let files = index.find(({ length }) => length === literal.length);
  if (files === undefined) index.push((files = { length: literal.length, byLiteral: new Map() }));
  const entries = files.byLiteral.get(literal);
  if (entries === undefined) files.byLiteral.set(literal, [entry]);
  else entries.push(entry);
}

function take<T>(entries: readonly Entry<T>[] | undefined, text: string, found: T[]): void {
  if (entries === undefined) return;
  for (const { verify, value } of entries) {
    if (verify === undefined || matchesGlob(verify, text)) found.push(value);
  }
}
