/** What differs between two documents, line by line, with the numbers that the lines have in each. */
import { useMemo } from "react";
import { diffLines } from "../../part/argument-view/line-diff.ts";
import type { DiffLine } from "../../part/argument-view/line-diff.ts";
import { escapeLine } from "../../part/argument-view/text-lines.ts";
import { MarkedText } from "../../part/escaped-text.tsx";
import { count } from "../../part/time-words.ts";

interface NumberedLine extends DiffLine {
  readonly before: number;
  readonly after: number;
}

const SIGNS = { same: " ", skipped: " ", old: "−", new: "+" } as const;
const SAID = { same: "", skipped: "", old: "only before: ", new: "only now: " } as const;

export function TextDiff({ before, after, label }: { readonly before: string; readonly after: string; readonly label: string }) {
  const lines = useMemo(() => numbered(diffLines(withoutEnd(before), withoutEnd(after))), [before, after]);
  if (before === after) return <p className="muted">The two are the same, character by character.</p>;
  if (withoutEnd(before) === withoutEnd(after)) return <p className="muted">They differ in nothing but the line break at the end.</p>;
  return (
    <div className="text-diff mono" role="group" aria-label={label} tabIndex={0}>
      {lines.map((line, index) =>
        line.kind === "skipped" ? (
          <div key={index} className="text-diff-skipped muted">
            {count(line.count, "line")} the same
          </div>
        ) : (
          <div key={index} className={`text-diff-line text-diff-${line.kind}`}>
            <span className="text-diff-number numbers" aria-hidden="true">
              {line.kind === "new" ? "" : line.before}
            </span>
            <span className="text-diff-number numbers" aria-hidden="true">
              {line.kind === "old" ? "" : line.after}
            </span>
            <span aria-hidden="true">{SIGNS[line.kind]}</span>
            <span className="text-diff-text">
              <span className="only-read">{SAID[line.kind]}</span>
              <bdi dir="ltr" className="escaped">
                <MarkedText shown={escapeLine(line.text)} />
              </bdi>
            </span>
          </div>
        ),
      )}
    </div>
  );
}

/** How many lines one has and the other has not. */
export function diffSize(before: string, after: string): { readonly added: number; readonly removed: number } {
  const lines = diffLines(withoutEnd(before), withoutEnd(after));
  return { added: lines.filter(({ kind }) => kind === "new").length, removed: lines.filter(({ kind }) => kind === "old").length };
}

/** A line break at the end begins no line. */
function withoutEnd(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function numbered(lines: readonly DiffLine[]): readonly NumberedLine[] {
  let [before, after] = [0, 0];
  return lines.map((line) => {
    if (line.kind !== "new") before += line.count;
    if (line.kind !== "old") after += line.count;
    return { ...line, before, after };
  });
}
