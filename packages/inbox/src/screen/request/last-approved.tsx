/** What is different from the last call of this tool that was approved: mostly that is what there is to look at. */
import { useMemo, useState } from "react";
import { useQuery } from "../../api/query.ts";
import { readRequest } from "../../api/requests.ts";
import { useServerNow } from "../../api/server-clock.ts";
import type { RequestDetail } from "../../api/words.ts";
import { diffLines } from "../../part/argument-view/line-diff.ts";
import { escapeLine } from "../../part/argument-view/text-lines.ts";
import { Shown } from "../../part/argument-view/text-block.tsx";
import { viewRows } from "../../part/argument-view/view-rows.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { count } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import { compareCalls } from "./compare-calls.ts";
import type { Difference } from "./compare-calls.ts";

const SHOWN = 12;
const FIRST_LINES = 24;
/** Longer texts are compared by eye, in their own places. */
const LONGEST = 100_000;

export function LastApproved({ request, lastId }: { readonly request: RequestDetail; readonly lastId: string }) {
  const now = useServerNow();
  const { value } = useQuery(`request ${lastId}`, () => readRequest(lastId));
  const [before, after] = [value?.argumentsText, request.argumentsText];
  const compared = useMemo(() => (typeof before === "string" && typeof after === "string" ? compareCalls(viewRows(before), viewRows(after)) : undefined), [before, after]);
  if (compared === undefined || value === undefined) return null;
  const { differences, same } = compared;
  return (
    <div className="compared">
      <h3 className="small muted">
        Against the <Link to={pathTo("request", lastId)}>last approved call</Link> (<TimeAgo at={value.createdAt} now={now} />): {differences.length === 0 ? "the arguments are the same" : `${count(differences.length, "argument")} ${differences.length === 1 ? "differs" : "differ"}, ${same} ${same === 1 ? "is" : "are"} the same`}
      </h3>
      {differences.slice(0, SHOWN).map((difference) => (
        <Differing key={difference.pointer} difference={difference} />
      ))}
      {differences.length > SHOWN ? <p className="small muted">And {differences.length - SHOWN} more.</p> : null}
    </div>
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
