/** Functions on texts, and `size`. */
import { RE2JS, RE2JSSyntaxException } from "re2js";
import { Fault } from "./fault.ts";
import { holdsText, searchVisits } from "./find-text.ts";
import { plainForm, TEXT, textForm, textOf, type Apply, type Form } from "./form.ts";
import { OVER } from "./run.ts";
import { isList, type Kind, type Value } from "./value.ts";

const SIZED: readonly Kind[] = ["string", "list", "map"];

const size: Apply = (run, value = null) => {
  if (typeof value === "string") return run.spendText(value.length << 2) ? countCodePoints(value) : OVER;
  if (isList(value)) return value.length;
  const count = Object.keys(value ?? {}).length;
  return run.spend(count) ? count : OVER;
};

function countCodePoints(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) count -= 1;
  }
  return count;
}

/** Instructions of the compiled pattern. */
const MAX_PROGRAM = 200;
const MAX_PATTERN = 500;

/** Anywhere in the text, like RE2's partial match. No back-tracking: the time is linear in the text. */
const matches: Form = {
  name: "matches",
  method: true,
  params: [TEXT, TEXT],
  returns: "bool",
  literals: [1],
  bind([, written = ""]) {
    const pattern = compilePattern(written);
    if (pattern instanceof Fault) return pattern;
    const weight = weightOf(written, pattern);
    return (run, text) => (run.spendPattern(textOf(text).length, weight) ? pattern.test(textOf(text)) : OVER);
  },
};

/**
 * re2js builds an automaton whose states can double with each character: `[ab]*a[ab]{60}` took 300 ms for 16 KiB of random text.
 * Patterns of up to 16 instructions stay below 100 ms for 64 KiB; those without repeats and classes have no more states than characters.
 */
function weightOf(written: string, pattern: RE2JS): number {
  const instructions = pattern.programSize();
  const isLiteral = !/[.*+?{[\\]/u.test(written.replaceAll(/\\[^A-Za-z0-9]/gu, ""));
  return isLiteral || instructions <= 16 ? 1 : Math.min(16, 2 * Math.ceil(instructions / 16));
}

function compilePattern(written: string): RE2JS | Fault {
  if (written.length > MAX_PATTERN) return new Fault(`matches: a pattern has at most ${MAX_PATTERN} characters`);
  try {
    const pattern = RE2JS.compile(written);
    return pattern.programSize() <= MAX_PROGRAM ? pattern : new Fault("matches: the pattern is too large; use smaller repeat counts, or several patterns");
  } catch (error) {
    const why = error instanceof RE2JSSyntaxException ? error.message : "it cannot be compiled";
    return new Fault(`matches: not a pattern that RE2 knows (no look-around, no back-references): ${why}`);
  }
}

export const TEXT_FORMS: readonly Form[] = [
  plainForm("size", false, [SIZED], "number", size),
  plainForm("size", true, [SIZED], "number", size),
  textForm("startsWith", true, 2, "bool", (run, text, part) => (run.spendText(part.length) ? text.startsWith(part) : OVER)),
  textForm("endsWith", true, 2, "bool", (run, text, part) => (run.spendText(part.length) ? text.endsWith(part) : OVER)),
  textForm("contains", true, 2, "bool", (run, text, part) => (run.spend(searchVisits(text, part)) ? holdsText(text, part) : OVER)),
  // JavaScript's own functions fold more than ASCII: the Kelvin sign becomes "k".
  textForm("lowerAscii", true, 1, "string", (run, text) => (run.spendText(text.length << 4) ? mapAscii(text, /[A-Z]+/gu, (part) => part.toLowerCase()) : OVER)),
  textForm("upperAscii", true, 1, "string", (run, text) => (run.spendText(text.length << 4) ? mapAscii(text, /[a-z]+/gu, (part) => part.toUpperCase()) : OVER)),
  textForm("trim", true, 1, "string", (run, text) => (run.spendText(text.length << 2) ? text.trim() : OVER)),
  matches,
];

function mapAscii(text: string, letters: RegExp, map: (part: string) => string): Value {
  return /[^\0-\x7f]/u.test(text) ? text.replace(letters, map) : map(text);
}
