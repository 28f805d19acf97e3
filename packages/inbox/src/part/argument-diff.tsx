/** What differs between the arguments of two calls, place by place and line by line, through the SDK's encoder. */
import { useMemo, useState } from "react";
import { diffLines } from "./argument-view/line-diff.ts";
import { escapeLine } from "./argument-view/text-lines.ts";
import { Shown } from "./argument-view/text-block.tsx";
import { Button } from "./button.tsx";
import { compareCalls } from "./argument-view/compare-calls.ts";
import type { Comparison, Difference } from "./argument-view/compare-calls.ts";
import { viewRows } from "./argument-view/view-rows.ts";
import { EscapedText } from "./escaped-text.tsx";
import { count } from "./time-words.ts";
import "./argument-diff.css";

const SHOWN = 12;
const FIRST_LINES = 24;
/** Longer texts are compared by eye, in their own places. */
const LONGEST = 100_000;

/** Undefined while one of the two is not known. Both are RFC 8785 texts. */
export function useComparison(before: string | null | undefined, after: string | null | undefined): Comparison | undefined {
  return useMemo(() => (typeof before === "string" && typeof after === "string" ? compareCalls(viewRows(before), viewRows(after)) : undefined), [before, after]);
}

export function ArgumentDiff({ differences }: { readonly differences: readonly Difference[] }) {
  return (
    <>
      {differences.slice(0, SHOWN).map((difference) => (
        <Differing key={difference.pointer} difference={difference} />
      ))}
      {differences.length > SHOWN ? <p className="small muted">And {differences.length - SHOWN} more.</p> : null}
    </>
  );
}

function Differing({ difference: { pointer, before, after } }: { readonly difference: Difference }) {
  const isLong = Math.max(before?.length ?? 0, after?.length ?? 0) > LONGEST;
  return (
    <div className="differing">
      <code>
        <EscapedText text={pointer === "" ? "all of it" : pointer.slice(1)} />
      </code>
      {isLong ? <p className="small muted">Too long to be compared here.</p> : <Lines before={before} after={after} />}
    </div>
  );
}

function Lines({ before, after }: Pick<Difference, "before" | "after">) {
  const lines = useMemo(() => {
    if (before !== undefined && after !== undefined) return diffLines(before, after);
    const kind = before === undefined ? "new" : "old";
    return (before ?? after ?? "").split("\n").map((text) => ({ kind, text, count: 1 }) as const);
  }, [before, after]);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? lines : lines.slice(0, FIRST_LINES);
  return (
    <pre className="diff">
      {shown.map(({ kind, text, count: skipped }, index) => (
        <span key={index} className={`diff-line diff-${kind}`}>
          <span className="diff-sign">{kind === "old" ? "−" : kind === "new" ? "+" : " "}</span>
          {kind === "skipped" ? (
            <span className="muted">{count(skipped, "line")} the same</span>
          ) : (
            <bdi dir="ltr" className="text-content">
              <span className="only-read">{kind === "old" ? "was: " : kind === "new" ? "is: " : ""}</span>
              <Shown shown={escapeLine(text)} reading="text" />
            </bdi>
          )}
        </span>
      ))}
      {shown.length < lines.length ? (
        <Button size="small" tone="quiet" onClick={() => setWhole(true)}>
          Show {lines.length - shown.length} more
        </Button>
      ) : null}
    </pre>
  );
}
