/**
 * Globs of one segment under small numbers, found by hashing. A look-up costs what the text is long and what matches, not what is
 * stored: each glob is filed under one literal piece (whole text, prefix, suffix, or longest inner piece; Karp and Rabin, 1987).
 * It only narrows down: texts are not stored, so whoever looks up must check what is found. Nothing that matches is ever missing.
 * A table is flat numbers, so that a thread can build it and hand it over without a copy.
 */
import { isAny, type Glob } from "./pattern.ts";

/** With a buffer of its own. */
export type Numbers = Int32Array<ArrayBuffer>;

/** Handed between threads as it is. */
export interface GlobTable {
  /** First entry of each chain, by the low bits of the key. Its length is a power of two. */
  readonly heads: Numbers;
  /** KEY, VALUE, NEXT of each entry. */
  readonly entries: Numbers;
  /** The first shape of each space. */
  readonly shapeHeads: Numbers;
  /** KIND, SIZE, NEXT of each shape. */
  readonly shapes: Numbers;
}

const EXACT = 0;
const ANY = 1;
const PREFIX = 2;
const SUFFIX = 3;
const INNER = 4;
const KINDS = 5;
const STRIDE = 3;
/** Of a chain. */
const END = -1;

/** What a glob is filed under. */
export interface Shape {
  readonly kind: number;
  readonly size: number;
  readonly hash: number;
}

/** The shape of a glob without a star. */
export function exactShape(text: string): Shape {
  return { kind: EXACT, size: text.length, hash: hashOf(text) };
}

export function shapeOf(glob: Glob): Shape {
  const { pieces } = glob;
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (pieces.length === 1) return exactShape(first);
  if (isAny(glob)) return shape(ANY, "");
  if (first !== "" && first.length >= last.length) return shape(PREFIX, first);
  if (last !== "") return shape(SUFFIX, last);
  return shape(INNER, pieces.reduce((a, b) => (b.length > a.length ? b : a)));
}

function shape(kind: number, literal: string): Shape {
  return { kind, size: literal.length, hash: hashOf(literal) };
}

/** Collects globs. Spaces are apart from each other: a look-up asks one of them. */
export class GlobTableBuilder {
  readonly #entries = new GrowingList();
  readonly #shapes = new GrowingList();
  readonly #shapeHeads = new GrowingList();

  add(space: number, { kind, size, hash }: Shape, value: number): void {
    this.#entries.pushThree(keyOf(space, kind, hash), value, END);
    if (kind === EXACT) return; // looked for in any case
    while (this.#shapeHeads.length <= space) this.#shapeHeads.push(END);
    const head = this.#shapeHeads.at(space);
    for (let at = head; at !== END; at = this.#shapes.at(at + 2)) if (this.#shapes.at(at) === kind && this.#shapes.at(at + 1) === size) return;
    this.#shapeHeads.set(space, this.#shapes.length);
    this.#shapes.pushThree(kind, size, head);
  }

  finish(): GlobTable {
    const entries = this.#entries.list();
    const heads = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(16, (entries.length / STRIDE) * 1.5)))).fill(END);
    for (let at = 0; at < entries.length; at += STRIDE) {
      const slot = numberAt(entries, at) & (heads.length - 1);
      entries[at + 2] = numberAt(heads, slot);
      heads[slot] = at;
    }
    return { heads, entries, shapeHeads: this.#shapeHeads.list(), shapes: this.#shapes.list() };
  }
}

/** Texts are hashed once for all spaces that are asked about them. Valid until the next one is made. */
export interface HashedText {
  readonly length: number;
  /** At [n]: the hash of the first n characters. */
  readonly upTo: Int32Array;
}

let scratch = new Int32Array(256);
const LONGEST_SCRATCH = 16_384;

export function hashText(text: string): HashedText {
  const { length } = text;
  let upTo = scratch;
  if (upTo.length <= length) {
    upTo = new Int32Array(length * 2 + 1);
    if (length <= LONGEST_SCRATCH) scratch = upTo;
  }
  let hash = 0;
  for (let at = 0; at < length; at++) upTo[at + 1] = hash = (Math.imul(hash, BASE) + text.charCodeAt(at)) | 0;
  return { length, upTo };
}

/** Puts the values of all globs in the space that may match the whole text into `found`. A value may come more than once. */
export function lookUp(table: GlobTable, space: number, { length, upTo }: HashedText, found: number[]): void {
  take(table, keyOf(space, EXACT, numberAt(upTo, length)), found);
  const { shapes, shapeHeads } = table;
  for (let at = space < shapeHeads.length ? numberAt(shapeHeads, space) : END; at !== END; at = numberAt(shapes, at + 2)) {
    const kind = numberAt(shapes, at);
    const size = numberAt(shapes, at + 1);
    if (size > length) continue;
    if (kind === SUFFIX) take(table, keyOf(space, SUFFIX, hashBetween(upTo, length - size, length, powerOf(size))), found);
    else if (kind === INNER) takeInner(table, space, size, length, upTo, found);
    else take(table, keyOf(space, kind, numberAt(upTo, size)), found);
  }
}

function takeInner(table: GlobTable, space: number, size: number, length: number, upTo: Int32Array, found: number[]): void {
  const power = powerOf(size);
  let seen: Set<number> | undefined;
  for (let end = size; end <= length; end++) {
    const key = keyOf(space, INNER, hashBetween(upTo, end - size, end, power));
    if (numberAt(table.heads, key & (table.heads.length - 1)) === END || seen?.has(key) === true) continue;
    (seen ??= new Set()).add(key); // else a text that repeats a piece would find its globs over and over
    take(table, key, found);
  }
}

function take({ heads, entries }: GlobTable, key: number, found: number[]): void {
  for (let at = numberAt(heads, key & (heads.length - 1)); at !== END; at = numberAt(entries, at + 2)) {
    if (numberAt(entries, at) === key) found.push(numberAt(entries, at + 1));
  }
}

const BASE = 0x01000193;
/** BASE to the power of the index, as far as it was needed. */
let powers = new Int32Array([1]);

function powerOf(exponent: number): number {
  if (exponent >= powers.length) {
    const more = new Int32Array(exponent * 2);
    more[0] = 1;
    for (let at = 1; at < more.length; at++) more[at] = Math.imul(numberAt(more, at - 1), BASE);
    powers = more;
  }
  return numberAt(powers, exponent);
}

function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, BASE) + text.charCodeAt(at)) | 0;
  return hash;
}

/** `power` is that of end - begin. */
function hashBetween(upTo: Int32Array, begin: number, end: number, power: number): number {
  return (numberAt(upTo, end) - Math.imul(numberAt(upTo, begin), power)) | 0;
}

/** One number of the three, with every bit depending on each of them. The finish is that of MurmurHash3 (Appleby). */
function keyOf(space: number, kind: number, hash: number): number {
  let key = hash ^ Math.imul(space * KINDS + kind + 1, 0x9e3779b1);
  key = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
  key = Math.imul(key ^ (key >>> 13), 0xc2b2ae35);
  return key ^ (key >>> 16);
}

/** All places asked for are inside their list. */
function numberAt(list: Int32Array, at: number): number {
  return list[at] as number;
}

/** Numbers without a box for each. */
export class GrowingList {
  #list = new Int32Array(1_024);
  length = 0;

  push(number: number): void {
    if (this.length === this.#list.length) {
      const longer = new Int32Array(this.length * 2);
      longer.set(this.#list);
      this.#list = longer;
    }
    this.#list[this.length++] = number;
  }

  pushThree(a: number, b: number, c: number): void {
    this.push(a);
    this.push(b);
    this.push(c);
  }

  at(index: number): number {
    return numberAt(this.#list, index);
  }

  set(index: number, number: number): void {
    this.#list[index] = number;
  }

  list(): Numbers {
    return this.#list.slice(0, this.length);
  }
}
