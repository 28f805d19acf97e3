/** Logical lines on a screen: wrapped so that no content can stand where a line of ours begins, and taken page by page. */

/** A part of a logical line that still has to be shown. */
export interface Piece {
  readonly text: string;
  /** True where its beginning was shown already. */
  readonly continued: boolean;
}

export interface Page {
  readonly lines: readonly string[];
  readonly rest: readonly Piece[];
}

/** Stands before what did not fit on the line above. A terminal's own wrap would put content in the first column. */
const CONTINUATION = "> ";

export function toPieces(lines: readonly string[]): readonly Piece[] {
  return lines.map((text) => ({ text, continued: false }));
}

/** As many screen lines as fit. A piece that is cut goes on in `rest`. */
export function takePage(pieces: readonly Piece[], columns: number, height: number): Page {
  const lines: string[] = [];
  let index = 0;
  let open: Piece | undefined = pieces[0];
  while (open !== undefined && lines.length < height) {
    const { line, rest } = takeLine(open, columns);
    lines.push(line);
    if (rest === undefined) index += 1;
    open = rest ?? pieces[index];
  }
  return { lines, rest: open === undefined ? [] : [open, ...pieces.slice(index + 1)] };
}

/** How many screen lines the pieces need. */
export function countLines(pieces: readonly Piece[], columns: number): number {
  let count = 0;
  for (const piece of pieces) {
    let open: Piece | undefined = piece;
    while (open !== undefined) {
      count += 1;
      open = takeLine(open, columns).rest;
    }
  }
  return count;
}

function takeLine(piece: Piece, columns: number): { readonly line: string; readonly rest: Piece | undefined } {
  const prefix = piece.continued ? CONTINUATION : "";
  // The last column stays empty: a character there leaves it to the terminal where the next one goes.
  const end = fit(piece.text, columns - 1 - prefix.length);
  const rest = end < piece.text.length ? { text: piece.text.slice(end), continued: true } : undefined;
  return { line: prefix + piece.text.slice(0, end), rest };
}

/**
 * UTF-16 units that surely fit. Terminals disagree about the width of much beyond ASCII, but none draws more than two
 * columns, so two are counted: a line that is broken early hides nothing, one that runs over moves content to the edge.
 */
function fit(text: string, columns: number): number {
  let used = 0;
  let end = 0;
  while (end < text.length) {
    const code = text.codePointAt(end) ?? 0;
    used += code < 0x7f ? 1 : 2;
    if (used > columns && end > 0) return end;
    end += code > 0xffff ? 2 : 1;
  }
  return end;
}
