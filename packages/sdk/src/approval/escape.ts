/**
 * The display encoder: text from an agent, a server or a policy as one line that a person can trust.
 * It is injective and its output is always in NFC, so two different texts never look the same, composed and decomposed
 * forms included. It must never let a control, bidirectional, ignorable or otherwise invisible code point out raw, and
 * never drop or shorten anything. Called by everything that shows such text: call-view.ts, the handlers, the channels.
 */

export interface EscapeOptions {
  /** For text between double quotes: `"` is escaped, edge spaces stay. Default false: edge spaces are escaped instead. */
  readonly quoted?: boolean;
  /** For places that may not show more than ASCII: everything else is escaped. Default false. */
  readonly ascii?: boolean;
}

const SHORT: { readonly [char: string]: string } = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

// Four assigned symbols that draw nothing (U+2800, U+13441, U+13442, U+1D159), three marks that do not either (two number and
// consonant joiners, the filler U+16FE4) and the object placeholder are named one by one; enclosing marks (Me) are out because they paint over what stands before them.
const HIDDEN =
  /^(?:[\p{C}\p{Zl}\p{Zp}\p{Me}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u{2800}\u{2D7F}\u{FFFC}\u{1107F}\u{13441}\u{13442}\u{16FE4}\u{1D159}]|(?! )\p{Zs})$/u;
const MARK = /^\p{M}$/u;
const CARRIES_MARKS = /^[\p{L}\p{N}]$/u;
/** The marks of no script in particular, and the letters and digits that go with these alone: on a Latin letter, a virama of another script is drawn as nothing. */
const COMMON_MARK = /^\p{sc=Inherited}$/u;
const TAKES_COMMON_MARKS = /^[\p{sc=Latin}\p{sc=Common}]$/u;
const PLAIN_ASCII = /^[ -~]*$/;

/** More combining marks than any orthography stacks; taller stacks paint over the lines above. */
const MARKS_PER_LETTER = 3;

/**
 * `text` as one line: what does not print as `\u{202E}`, a backslash as `\\`, line breaks and tabs as `\n` `\r` `\t`.
 * Every input has its own output, and the output can be read back.
 */
export function escapeText(text: string, options: EscapeOptions = {}): string {
  const escaped = PLAIN_ASCII.test(text) ? text.replaceAll("\\", "\\\\") : escapeWide(text, options.ascii === true);
  return options.quoted === true ? escaped.replaceAll('"', '\\"') : escapeEdges(escaped);
}

/** `text` escaped between double quotes, so that white space at its ends can be seen. */
export function quoteText(text: string, options: { readonly ascii?: boolean } = {}): string {
  return `"${escapeText(text, { ...options, quoted: true })}"`;
}

/** Normalising sorts such a run, in quadratic time: a megabyte of them took minutes. UAX #15 calls 30 the most that text needs. */
const LONG_RUN_OF_MARKS = /\p{M}{31}/u;

function escapeWide(text: string, ascii: boolean): string {
  if (LONG_RUN_OF_MARKS.test(text)) return escapeCodePoints(text, true, true);
  const escaped = escapeCodePoints(text, ascii, text === text.normalize("NFC"));
  // Some letters compose with their neighbour without being marks (Hangul jamo, Kirat Rai vowels): then nothing stays raw.
  return escaped === escaped.normalize("NFC") ? escaped : escapeCodePoints(text, true, true);
}

function escapeCodePoints(text: string, ascii: boolean, composed: boolean): string {
  let out = "";
  let marksLeft = 0;
  let base = "";
  for (const char of text) {
    const short = SHORT[char];
    if (short !== undefined) {
      out += short;
      marksLeft = 0;
    } else if (char >= " " && char <= "~") {
      out += char;
      base = char;
      marksLeft = CARRIES_MARKS.test(char) ? MARKS_PER_LETTER : 0;
    } else if (ascii || HIDDEN.test(char) || (!composed && char !== char.normalize("NFC"))) {
      out += escapeCodePoint(char);
      marksLeft = 0;
    } else if (MARK.test(char)) {
      const raw = composed && marksLeft > 0 && (COMMON_MARK.test(char) || !TAKES_COMMON_MARKS.test(base));
      out += raw ? char : escapeCodePoint(char);
      marksLeft = raw ? marksLeft - 1 : 0;
    } else {
      out += char;
      base = char;
      marksLeft = CARRIES_MARKS.test(char) ? MARKS_PER_LETTER : 0;
    }
  }
  return out;
}

function escapeCodePoint(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
}

/** White space at the ends of an unquoted text is what a display trims and an execution does not (CVE-2026-32065). */
function escapeEdges(text: string): string {
  const start = text.length - text.trimStart().length;
  if (start === text.length) return "\\u{20}".repeat(start);
  const end = text.trimEnd().length;
  return "\\u{20}".repeat(start) + text.slice(start, end) + "\\u{20}".repeat(text.length - end);
}
