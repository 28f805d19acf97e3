/** What differs between two texts, line by line (longest common subsequence). Pure. */
export interface DiffLine {
  readonly kind: "same" | "old" | "new" | "skipped";
  readonly text: string;
  /** With `skipped`: how many lines are the same there. */
  readonly count: number;
}

/** Beyond so many pairs of lines the middle is told as replaced, which is true as well. */
const MOST_PAIRS = 4_000_000;
const CONTEXT = 2;

export function diffLines(before: string, after: string): readonly DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const middle = diffMiddle(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return shortened([...a.slice(0, start).map((text) => line("same", text)), ...middle, ...a.slice(a.length - end).map((text) => line("same", text))]);
}

function line(kind: DiffLine["kind"], text: string, count = 1): DiffLine {
  return { kind, text, count };
}

function diffMiddle(a: readonly string[], b: readonly string[]): readonly DiffLine[] {
  if (a.length * b.length > MOST_PAIRS) return [...a.map((text) => line("old", text)), ...b.map((text) => line("new", text))];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (row: number, column: number): number => longest[row * width + column] ?? 0;
  for (let row = a.length - 1; row >= 0; row -= 1) {
    for (let column = b.length - 1; column >= 0; column -= 1) {
      longest[row * width + column] = a[row] === b[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < a.length || column < b.length) {
    if (row < a.length && column < b.length && a[row] === b[column]) {
      lines.push(line("same", a[row] ?? ""));
      row += 1;
      column += 1;
    } else if (column >= b.length || (row < a.length && at(row + 1, column) >= at(row, column + 1))) {
      lines.push(line("old", a[row] ?? ""));
      row += 1;
    } else {
      lines.push(line("new", b[column] ?? ""));
      column += 1;
    }
  }
  return lines;
}

/** Long runs of what is the same are told by their number. */
function shortened(lines: readonly DiffLine[]): readonly DiffLine[] {
  const isNear = lines.map((_, index) => lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ kind }) => kind !== "same"));
  const short: DiffLine[] = [];
  for (const [index, one] of lines.entries()) {
    const last = short.at(-1);
    if (isNear[index] === true) short.push(one);
    else if (last?.kind === "skipped") short[short.length - 1] = line("skipped", "", last.count + 1);
    else short.push(line("skipped", ""));
  }
  return short;
}
