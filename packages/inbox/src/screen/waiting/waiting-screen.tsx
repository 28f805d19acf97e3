/**
 * What waits for an answer, most urgent first, live. Approving several from here shows each of them in full first; denying is always open. Called by page.tsx.
 */
import { useCallback, useMemo, useState } from "react";
import { mayReadRequests, useSession, useWaiting } from "../../api/session.ts";
import type { RequestSummary } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { useIsNarrow } from "../../part/narrow.ts";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { count } from "../../part/time-words.ts";
import { VirtualList } from "../../part/virtual-list.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import { BatchDialog } from "./batch-dialog.tsx";
import { isShown, mergeIdentical, NO_FILTER } from "./merge-identical.ts";
import type { WaitingGroup } from "./merge-identical.ts";
import { WaitingFilters } from "./waiting-filters.tsx";
import { WaitingRow } from "./waiting-row.tsx";
import "./waiting-screen.css";

const NONE: ReadonlySet<string> = new Set();

export function WaitingScreen() {
  const { viewed, at, me } = useSession();
  const { requests, isLoaded, isFilling, failure } = useWaiting();
  const [filter, setFilter] = useState(NO_FILTER);
  const [active, setActiveId] = useState(at.requestId);
  const [selected, setSelected] = useState(NONE);
  // With the calls that were chosen when it was opened: what is decided meanwhile leaves the list, and no later choice comes into it.
  const [batch, setBatch] = useState<{ readonly choice: "approve" | "deny"; readonly requests: readonly RequestSummary[] }>();
  const isNarrow = useIsNarrow();

  const groups = useMemo(() => mergeIdentical(requests.filter((request) => isShown(request, filter))), [requests, filter]);
  const chosen = useMemo(() => requests.filter(({ id }) => selected.has(id)), [requests, selected]);
  const activeIndex = groups.findIndex(({ first }) => first.id === active);

  const select = useCallback((group: WaitingGroup, isSelected: boolean) => {
    setSelected((before) => {
      const after = new Set(before);
      for (const { id } of group.requests) if (isSelected) after.add(id); else after.delete(id);
      return after;
    });
  }, []);
  const setActive = (id: string): void => {
    at.requestId = id;
    setActiveId(id);
  };
  const move = (by: number): void => setActive(groups[Math.min(groups.length - 1, Math.max(0, activeIndex + by))]?.first.id ?? "");
  const current = groups[activeIndex];
  useHotkeys({
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    Enter: () => current !== undefined && goTo(pathTo("request", current.first.id)),
    x: () => current !== undefined && select(current, !selected.has(current.first.id)),
    d: () => {
      const meant = chosen.length > 0 ? chosen : (current?.requests ?? []);
      if (meant.length > 0) setBatch({ choice: "deny", requests: meant });
    },
    a: () => chosen.length > 0 && whyNotApprove(chosen) === undefined && setBatch({ choice: "approve", requests: chosen }),
    Escape: () => setSelected(NONE),
  });

  return (
    <div className="screen">
      <header className="screen-head">
        <h1>Waiting</h1>
        <p className="muted numbers" role="status">
          {isLoaded ? `${count(requests.length, "call")} waiting${isFilling ? ", more are coming…" : ""}` : "Loading…"}
        </p>
      </header>
      {failure === undefined ? null : (
        <Notice tone="no" title="The list may be out of date" live>
          {failure.message}
        </Notice>
      )}
      {requests.length > 0 ? <WaitingFilters requests={requests} filter={filter} onChange={setFilter} /> : null}
      {chosen.length > 0 ? <BatchBar chosen={chosen} onClear={() => setSelected(NONE)} onChoose={(choice) => setBatch({ choice, requests: chosen })} /> : null}
      {isLoaded && groups.length === 0 ? (
        <Nothing isFiltered={requests.length > 0} mayRead={mayReadRequests(me)} />
      ) : (
        <VirtualList
          items={groups}
          rowHeight={isNarrow ? 124 : 78}
          keyOf={({ first }) => first.id}
          label="Waiting calls, most urgent first"
          activeIndex={activeIndex}
          render={(group) => (
            <WaitingRow group={group} isActive={group.first.id === active} isSelected={group.requests.every(({ id }) => selected.has(id))} wasViewed={viewed.has(group.first.requestDigest)} onSelect={select} />
          )}
        />
      )}
      {batch === undefined ? null : (
        <BatchDialog
          {...batch}
          onClose={() => {
            setBatch(undefined);
            setSelected(NONE);
          }}
        />
      )}
    </div>
  );
}

function BatchBar({ chosen, onClear, onChoose }: { readonly chosen: readonly RequestSummary[]; readonly onClear: () => void; readonly onChoose: (choice: "approve" | "deny") => void }) {
  const whyNot = whyNotApprove(chosen);
  return (
    <div className="batch" role="region" aria-label="Selected calls">
      <strong className="numbers">{count(chosen.length, "call")} selected</strong>
      {whyNot === undefined ? null : <span className="muted small">{whyNot}</span>}
      <span className="batch-buttons">
        <Button size="small" tone="quiet" onClick={onClear}>
          Clear
        </Button>
        <Button size="small" tone="no" hotkey="d" onClick={() => onChoose("deny")}>
          Deny…
        </Button>
        <Button size="small" tone="yes" hotkey="a" whyNot={whyNot} onClick={() => onChoose("approve")}>
          Approve…
        </Button>
      </span>
    </div>
  );
}

/** More than this at once is nothing that somebody looks at. */
const MOST_AT_ONCE = 10;

/** A yes in a batch is for calls that are all shown in it, one below the other. */
function whyNotApprove(chosen: readonly RequestSummary[]): string | undefined {
  const barred = chosen.find(({ mayVote }) => !mayVote.allowed);
  if (barred !== undefined) return barred.mayVote.why;
  return chosen.length > MOST_AT_ONCE ? `At most ${MOST_AT_ONCE} calls are approved at once: every one of them has to be seen.` : undefined;
}

function Nothing({ isFiltered, mayRead }: { readonly isFiltered: boolean; readonly mayRead: boolean }) {
  if (!mayRead) {
    return (
      <EmptyState title="Not for your roles" mark="·">
        Waiting calls are shown to approvers and auditors.
      </EmptyState>
    );
  }
  return isFiltered ? (
    <EmptyState title="Nothing matches the filter" mark="⌕">
      Other calls are waiting; clear the filter to see them.
    </EmptyState>
  ) : (
    <EmptyState title="Nothing is waiting">When a policy holds a call of an agent, it appears here at once. This page stays live: there is no need to reload it.</EmptyState>
  );
}
