/** One call of a batch, shown in full: what was not on the screen to its end is not approved with the others. */
import { useEffect, useMemo } from "react";
import { useQuery } from "../../api/query.ts";
import { readRequest } from "../../api/requests.ts";
import { viewedDigest } from "../../api/viewed-digest.ts";
import type { RequestSummary } from "../../api/words.ts";
import { ArgumentView } from "../../part/argument-view/argument-view.tsx";
import { leftWords } from "../../part/argument-view/view-parts.ts";
import { viewRows } from "../../part/argument-view/view-rows.ts";
import { Button } from "../../part/button.tsx";
import { useShownParts } from "../../part/argument-view/use-shown-parts.ts";

export interface BatchCallProps {
  readonly request: RequestSummary;
  /** It was shown to its end: by request digest the digest of what was. */
  readonly onShown: (requestDigest: string, viewedDigest: string) => void;
}

export function BatchCall({ request: { id, requestDigest }, onShown }: BatchCallProps) {
  const { value, failure } = useQuery(`request ${id}`, () => readRequest(id));
  const [argumentsText, contextText] = [value?.argumentsText ?? null, value?.contextText ?? null];
  const rows = useMemo(() => (argumentsText === null ? [] : viewRows(argumentsText)), [argumentsText]);
  const contextRows = useMemo(() => (contextText === null || contextText === "{}" ? [] : viewRows(contextText)), [contextText]);
  const shown = useShownParts(rows, `batch-${id}`);
  const shownContext = useShownParts(contextRows, `batch-context-${id}`);
  const left = leftWords([...shown.left, ...(contextRows.length > 0 ? shownContext.left : [])]);
  const isShown = left === undefined && argumentsText !== null && contextText !== null && value?.requestDigest === requestDigest;

  useEffect(() => {
    if (!isShown) return;
    void viewedDigest({ requestDigest, argumentsText, contextText }).then((digest) => digest !== undefined && onShown(requestDigest, digest));
  }, [isShown, requestDigest, argumentsText, contextText, onShown]);

  if (failure !== undefined) return <p className="field-problem small">{failure.message}</p>;
  if (argumentsText === null) return <p className="muted small">{value === undefined ? "Loading…" : "The arguments were erased: nobody can see what would run."}</p>;
  return (
    <>
      <ArgumentView place={`batch-${id}`} rows={rows} rawText={argumentsText} {...viewOf(shown)} />
      {contextRows.length === 0 || contextText === null ? null : (
        <details className="bound" open>
          <summary>Context (_meta), bound as well</summary>
          <ArgumentView place={`batch-context-${id}`} rows={contextRows} rawText={contextText} {...viewOf(shownContext)} />
        </details>
      )}
      {left === undefined ? null : (
        <div className="left-note">
          <p>{left}</p>
          <Button size="small" onClick={shown.left.length > 0 ? shown.showNext : shownContext.showNext}>
            Show
          </Button>
        </div>
      )}
    </>
  );
}

function viewOf({ tab, onTab, opened, onSeen }: ReturnType<typeof useShownParts>) {
  return { tab, onTab, opened, onSeen };
}
