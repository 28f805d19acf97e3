/**
 * A long text as lines to be shown, none dropped and none shortened: each escaped by the SDK's encoder, a very long one in pieces, and
 * a run of empty ones as one line that says how many, so that nothing can be pushed off the screen. Pure.
 */
import { escapeText } from "@countersign/sdk/display";

export interface TextLine {
  /** Of the line in the text, from 1; null where this is a further piece of the line before. */
  readonly number: number | null;
  readonly shown: string;
  /** What ends it: a line break, or nothing at the end of the text and inside a long line. */
  readonly breaks: boolean;
  /** So many empty lines, of which this is the first. 0: this is a line like any other. */
  readonly emptyRun: number;
}

const PIECE_LENGTH = 1200;
const SHORTEST_RUN = 4;

export function textLines(text: string): readonly TextLine[] {
  const raw = text.split("\n");
  const lines: TextLine[] = [];
  for (let index = 0; index < raw.length; index += 1) {
    const line = raw[index] ?? "";
    const run = line === "" ? emptyRunAt(raw, index) : 0;
    const isLast = index === raw.length - 1;
    if (run >= SHORTEST_RUN) {
      lines.push({ number: index + 1, shown: "", breaks: true, emptyRun: run });
      index += run - 1;
    } else {
      // A line break at the very end needs no empty line behind it to be seen: the mark says it.
      if (isLast && line === "" && raw.length > 1) break;
      lines.push(...piecesOf(line, index + 1, !isLast));
    }
  }
  return lines;
}

/** Empty lines from here on that end with a line break. */
function emptyRunAt(raw: readonly string[], from: number): number {
  let end = from;
  while (end < raw.length - 1 && raw[end] === "") end += 1;
  return end - from;
}

function piecesOf(line: string, number: number, breaks: boolean): readonly TextLine[] {
  const pieces = line.length <= PIECE_LENGTH ? [line] : cut(line);
  return pieces.map((piece, index) => ({ number: index === 0 ? number : null, shown: escapeLine(piece), breaks: breaks && index === pieces.length - 1, emptyRun: 0 }));
}

/** Never through the middle of a code point, nor before a mark that belongs to what stands before it. */
function cut(line: string): readonly string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < line.length) {
    let end = Math.min(line.length, start + PIECE_LENGTH);
    while (end < line.length && end > start + PIECE_LENGTH / 2 && /^[\p{M}\uDC00-\uDFFF]/u.test(line.slice(end, end + 2))) end -= 1;
    if (end < line.length && isLowSurrogate(line.charCodeAt(end))) end -= 1;
    pieces.push(line.slice(start, end));
    start = end;
  }
  return pieces;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** White space at the edges stays: in a block it is marked by colour. Quotation marks need no escape where nothing ends with one. */
export function escapeLine(line: string): string {
  return escapeText(line, { quoted: true }).replaceAll('\\"', '"');
}
