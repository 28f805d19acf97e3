/**
 * One call, to be understood in seconds and decided: the trusted block, apart from it what others say, and the answer. Also the
 * permalink of a call that was decided, with its story. Called by page.tsx.
 */
import { useEffect, useMemo } from "react";
import { useKeyNames, usePeople } from "../../api/directory.ts";
import { useQuery } from "../../api/query.ts";
import { readRequest } from "../../api/requests.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { hasRole, useSession, useWaiting } from "../../api/session.ts";
import { viewedDigest } from "../../api/viewed-digest.ts";
import type { RequestDetail } from "../../api/words.ts";
import { leftWords } from "../../part/argument-view/view-parts.ts";
import { viewRows } from "../../part/argument-view/view-rows.ts";
import { DeadlineRing } from "../../part/deadline-ring.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { Icon } from "../../part/icon.tsx";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { StateBadge } from "../../part/state-badge.tsx";
import { Link } from "../../route/link.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import { DecidePanel } from "./decide-panel.tsx";
import { NarrationBlock } from "./narration-block.tsx";
import { SimilarCalls } from "./similar-calls.tsx";
import { Story } from "./story.tsx";
import { TrustedBlock } from "./trusted-block.tsx";
import { useDecision } from "./use-decision.ts";
import { useShownParts } from "../../part/argument-view/use-shown-parts.ts";
import "./request-screen.css";

export function RequestScreen({ id }: { readonly id: string }) {
  const { value, failure, isLoading } = useQuery(`request ${id}`, () => readRequest(id));
  const { requests } = useWaiting();
  const { at } = useSession();
  useEffect(() => {
    at.requestId = id;
  }, [at, id]);
  const index = requests.findIndex((one) => one.id === id);
  const next = requests[index + 1] ?? (index === -1 ? requests[0] : undefined);
  const before = index > 0 ? requests[index - 1] : undefined;
  useHotkeys({
    j: () => next !== undefined && goTo(pathTo("request", next.id)),
    k: () => before !== undefined && goTo(pathTo("request", before.id)),
    u: () => goTo(pathTo("waiting")),
    Escape: () => goTo(pathTo("waiting")),
  });
  return (
    <div className="screen">
      <nav className="request-nav" aria-label="Requests">
        <Link to={pathTo("waiting")} className="nav-back">
          <Icon name="back" size={16} /> Waiting
        </Link>
        {value === undefined ? null : <NavState request={value} />}
        {next === undefined ? null : (
          <Link to={pathTo("request", next.id)} className="nav-back">
            Next <Icon name="next" size={16} />
          </Link>
        )}
      </nav>
      {failure === undefined ? null : failure.code === "not_found" ? (
        <EmptyState title="No such request" mark="?">
          It may have been asked of another control plane.
        </EmptyState>
      ) : (
        <Notice tone="no" title={value === undefined ? "The request cannot be shown" : "What is shown may be out of date"} live>
          {failure.message}
        </Notice>
      )}
      {value === undefined && isLoading ? <p className="muted">Loading…</p> : null}
      {value === undefined ? null : <Loaded request={value} next={next?.id} />}
    </div>
  );
}

/** Where the decision is further down, the time that is left, or how it ended, is told at the top as well. */
function NavState({ request: { state, createdAt, expiresAt } }: { readonly request: RequestDetail }) {
  const now = useServerNow();
  const isOpen = state === "pending" && now < expiresAt;
  return <span className={isOpen ? "nav-clock" : "nav-state"}>{isOpen ? <DeadlineRing createdAt={createdAt} expiresAt={expiresAt} now={now} /> : <StateBadge state={state === "pending" ? "expired" : state} />}</span>;
}

function Loaded({ request, next }: { readonly request: RequestDetail; readonly next: string | undefined }) {
  const { me, viewed } = useSession();
  const people = usePeople();
  const keyNames = useKeyNames(hasRole(me, "auditor"));
  const { argumentsText, contextText, requestDigest, id } = request;
  const deciding = useDecision(id, requestDigest);
  const argumentRows = useMemo(() => (argumentsText === null ? undefined : viewRows(argumentsText)), [argumentsText]);
  const contextRows = useMemo(() => (contextText === null ? [] : viewRows(contextText)), [contextText]);
  const shownArguments = useShownParts(argumentRows ?? [], "arguments");
  const shownContext = useShownParts(contextRows.length > 1 ? contextRows : [], "context");
  const left = leftWords([...shownArguments.left, ...(contextRows.length > 1 ? shownContext.left : [])]);
  const isShown = left === undefined && argumentsText !== null && contextText !== null;

  useEffect(() => {
    if (!isShown) return;
    void viewedDigest({ requestDigest, argumentsText, contextText }).then((digest) => digest !== undefined && viewed.set(requestDigest, digest));
  }, [isShown, requestDigest, argumentsText, contextText, viewed]);

  return (
    <div className="request">
      <h1 className="only-read">Request</h1>
      <TrustedBlock request={request} me={me} people={people} keyNames={keyNames} argumentRows={argumentRows} contextRows={contextRows} shownArguments={shownArguments} shownContext={shownContext} />
      <DecidePanel request={request} me={me} rows={argumentRows ?? []} left={argumentsText === null ? "The arguments were erased: nobody can see what would run." : left} onShowNext={shownArguments.left.length > 0 ? shownArguments.showNext : shownContext.showNext} deciding={deciding} next={next} />
      <div className="request-rest">
        <NarrationBlock narration={request.narration} callerReason={request.callerReason} />
        <Story request={request} people={people} mayRead={hasRole(me, "auditor")} />
        <SimilarCalls request={request} />
      </div>
    </div>
  );
}
