/** Every request there was, newest first, with how it ended; each leads to its permalink. Called by page.tsx. */
import { useEffect, useState } from "react";
import type { Failure } from "../../api/call-route.ts";
import { urlOf } from "../../api/call-route.ts";
import { useQuery } from "../../api/query.ts";
import { listRequests } from "../../api/requests.ts";
import type { RequestFilter } from "../../api/requests.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { hasRole, useSession } from "../../api/session.ts";
import type { RequestSummary } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { StateBadge } from "../../part/state-badge.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { count, elapsedWords } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import "./history-screen.css";

const STATES = [
  { value: "", label: "Every state" },
  { value: "completed,executing,approved,failed", label: "Approved" },
  { value: "denied", label: "Denied" },
  { value: "expired", label: "Expired" },
  { value: "outcome_unknown", label: "Outcome unknown" },
  { value: "cancelled,superseded", label: "Cancelled, superseded" },
  { value: "pending", label: "Waiting" },
] as const;
const PAGE = 50;

interface Filter {
  readonly state: string;
  readonly tool: string;
  readonly server: string;
  readonly agent: string;
}
const ALL: Filter = { state: "", tool: "", server: "", agent: "" };

export function HistoryScreen() {
  const { me } = useSession();
  const [filter, setFilter] = useState(ALL);
  const [wanted, setWanted] = useState(ALL);
  const [active, setActive] = useState(-1);
  // Exact names are looked up; while somebody writes nothing is asked.
  useEffect(() => {
    const timer = setTimeout(() => setWanted(filter), 300);
    return () => clearTimeout(timer);
  }, [filter]);
  const { requests, next, total, failure, isLoading, more } = useHistory(wanted);
  useHotkeys({
    j: () => setActive((before) => Math.min(requests.length - 1, before + 1)),
    k: () => setActive((before) => Math.max(0, before - 1)),
    Enter: () => {
      const one = requests[active];
      if (one !== undefined) goTo(pathTo("request", one.id));
    },
  });
  return (
    <div className="screen">
      <header className="screen-head">
        <h1>History</h1>
        <span className="muted numbers" role="status">
          {total === undefined ? "Loading…" : count(total, "request")}
        </span>
      </header>
      <div className="filters" role="search">
        <select className="input filter-choice" aria-label="State" value={filter.state} onChange={(event) => setFilter({ ...filter, state: event.target.value })}>
          {STATES.map(({ value, label }) => (
            <option key={label} value={value}>
              {label}
            </option>
          ))}
        </select>
        {(["tool", "server", "agent"] as const).map((name) => (
          <input key={name} className="input filter-name" type="search" placeholder={`Exact ${name}`} aria-label={`Exact ${name}`} value={filter[name]} onChange={(event) => setFilter({ ...filter, [name]: event.target.value })} />
        ))}
        {hasRole(me, "auditor") ? (
          <a className="history-export" href={urlOf("exportRecord")} download="countersign-record.jsonl">
            Export the record
          </a>
        ) : null}
      </div>
      {failure === undefined ? null : (
        <Notice tone="no" title="The history cannot be shown" live>
          {failure.message}
        </Notice>
      )}
      {!isLoading && failure === undefined && requests.length === 0 ? (
        <EmptyState title="Nothing here" mark="⌕">
          {wanted === ALL || JSON.stringify(wanted) === JSON.stringify(ALL) ? "Calls that a policy holds appear here, with how they were decided." : "No request matches. Names are matched as a whole."}
        </EmptyState>
      ) : (
        <ul className="history" aria-label="Requests, newest first">
          {requests.map((request, index) => (
            <HistoryRow key={request.id} request={request} isActive={index === active} />
          ))}
        </ul>
      )}
      {next === null ? null : (
        <div className="history-more">
          <Button onClick={more}>Older ones</Button>
        </div>
      )}
    </div>
  );
}

function HistoryRow({ request, isActive }: { readonly request: RequestSummary; readonly isActive: boolean }) {
  const now = useServerNow();
  const { id, state, tool, server, agent, principal, reason, createdAt, endedAt } = request;
  return (
    <li>
      <Link to={pathTo("request", id)} className={`history-row ${isActive ? "history-active" : ""}`}>
        <StateBadge state={state} />
        <span className="history-what">
          <EscapedText text={tool} className="mono history-tool" /> <span className="muted">on {server === null ? "an unknown server" : <EscapedText text={server} />}</span>
          <span className="history-why muted">
            <EscapedText text={reason} />
          </span>
        </span>
        <span className="history-who muted">
          <EscapedText text={agent === "" ? principal : agent} />
        </span>
        <span className="history-when muted numbers">
          <TimeAgo at={createdAt} now={now} />
          {endedAt === null ? null : <span className="small">after {elapsedWords(endedAt - createdAt)}</span>}
        </span>
      </Link>
    </li>
  );
}

interface History {
  readonly requests: readonly RequestSummary[];
  readonly next: string | null;
  readonly total: number | undefined;
  readonly failure: Failure | undefined;
  readonly isLoading: boolean;
  readonly more: () => void;
}

/** The newest page stays current; older ones are added as they are asked for. */
function useHistory(filter: Filter): History {
  const key = JSON.stringify(filter);
  const query: RequestFilter = { ...filter, order: "newest", limit: PAGE };
  const { value, failure, isLoading } = useQuery(`history ${key}`, () => listRequests(query));
  const [older, setOlder] = useState<{ readonly key: string; readonly requests: readonly RequestSummary[]; readonly next: string | null; readonly failure?: Failure }>({ key, requests: [], next: null });
  const own = older.key === key ? older : undefined;
  const hasOlder = own !== undefined && own.requests.length > 0;
  const next = hasOlder ? own.next : (value?.next ?? null);
  const first = value?.requests ?? [];
  const known = new Set(first.map(({ id }) => id));
  return {
    requests: [...first, ...(own?.requests ?? []).filter(({ id }) => !known.has(id))],
    next,
    total: value?.total,
    failure: failure ?? own?.failure,
    isLoading,
    more: () => {
      if (next === null) return;
      void listRequests({ ...query, after: next }).then((said) => {
        const before = own?.requests ?? [];
        setOlder(said.ok ? { key, requests: [...before, ...said.value.requests], next: said.value.next } : { key, requests: before, next, failure: said });
      });
    },
  };
}
