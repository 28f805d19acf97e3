/**
 * An index over globs of one segment. A look-up costs what the text is long and what matches, not what is stored:
 * each glob is filed under one literal piece (whole text, prefix, suffix, or longest inner piece) and found by hashing.
 */
import { isAny, matchesGlob, type Glob } from "./pattern.ts";

interface Entry<T> {
  /** Undefined where the file itself proves the match. */
  readonly verify: Glob | undefined;
  readonly value: T;
}

/** Entries by length of the literal, then by the literal. */
type ByLength<T> = Map<number, Map<string, Entry<T>[]>>;

export class SegmentIndex<T> {
  readonly #exact = new Map<string, T[]>();
  readonly #any: T[] = [];
  readonly #prefixes: ByLength<T> = new Map();
  readonly #suffixes: ByLength<T> = new Map();
  readonly #inner: ByLength<T> = new Map();

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
      file(this.#inner, longest, { verify: pieces.length === 3 ? undefined : glob, value });
    }
  }

  /** Calls `visit` once for each stored entry whose glob matches the whole text. */
  each(text: string, visit: (value: T) => void): void {
    for (const value of this.#any) visit(value);
    for (const value of this.#exact.get(text) ?? []) visit(value);
    for (const [length, files] of this.#prefixes) {
      if (length <= text.length) report(files.get(text.slice(0, length)), text, visit);
    }
    for (const [length, files] of this.#suffixes) {
      if (length <= text.length) report(files.get(text.slice(text.length - length)), text, visit);
    }
    if (this.#inner.size > 0) this.#eachInner(text, visit);
  }

  #eachInner(text: string, visit: (value: T) => void): void {
    for (const [length, files] of this.#inner) {
      const seen = new Set<string>();
      for (let at = 0; at + length <= text.length; at++) {
        const piece = text.slice(at, at + length);
        const entries = files.get(piece);
        if (entries === undefined || seen.has(piece)) continue;
        seen.add(piece);
        report(entries, text, visit);
      }
    }
  }
}

function file<T>(index: ByLength<T>, literal: string, entry: Entry<T>): void {
  let files = index.get(literal.length);
  if (files === undefined) index.set(literal.length, (files = new Map()));
  const entries = files.get(literal);
  if (entries === undefined) files.set(literal, [entry]);
  else entries.push(entry);
}

function report<T>(entries: readonly Entry<T>[] | undefined, text: string, visit: (value: T) => void): void {
  if (entries === undefined) return;
  for (const { verify, value } of entries) {
    if (verify === undefined || matchesGlob(verify, text)) visit(value);
  }
}
