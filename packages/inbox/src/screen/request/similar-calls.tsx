/** Past calls like this one and how they were decided: the very same call first, then others of the same tool. */
import { useQuery } from "../../api/query.ts";
import { listRequests } from "../../api/requests.ts";
import { useServerNow } from "../../api/server-clock.ts";
import type { RequestDetail, RequestSummary } from "../../api/words.ts";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Panel } from "../../part/panel.tsx";
import { StateBadge } from "../../part/state-badge.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import { LastApproved } from "./last-approved.tsx";
import "./similar-calls.css";

const SHOWN = 6;

export function SimilarCalls({ request }: { readonly request: RequestDetail }) {
  const { callDigest, tool, server } = request;
  const same = useQuery(`history same ${callDigest}`, () => listRequests({ callDigest, order: "newest", limit: 20 }));
  const alike = useQuery(`history tool ${server ?? ""} ${tool}`, () => listRequests({ tool, ...(server === null ? {} : { server }), order: "newest", limit: 20 }));
  const sames = others(same.value?.requests, request);
  const alikes = others(alike.value?.requests, request).filter((one) => one.callDigest !== callDigest);
  // What came later is nothing that this call could be measured by.
  const approved = sames.some(isApproved) ? [] : alikes.filter((one) => isApproved(one) && one.createdAt <= request.createdAt);
  return (
    <Panel title="Calls like this one" part="similar">
      {same.isLoading || alike.isLoading ? <p className="muted">Looking…</p> : null}
      {!same.isLoading && !alike.isLoading && sames.length + alikes.length === 0 ? <p className="muted">This tool was not asked about before.</p> : null}
      {approved.length === 0 ? null : <LastApproved request={request} approved={approved} />}
      <Calls title="The very same call" requests={sames} />
      <Calls title="Other calls of this tool" requests={alikes} />
    </Panel>
  );
}

function isApproved({ state }: RequestSummary): boolean {
  return ["approved", "executing", "completed", "failed", "outcome_unknown"].includes(state);
}

function others(requests: readonly RequestSummary[] | undefined, { id }: RequestDetail): readonly RequestSummary[] {
  return (requests ?? []).filter((one) => one.id !== id);
}

function Calls({ title, requests }: { readonly title: string; readonly requests: readonly RequestSummary[] }) {
  const now = useServerNow();
  if (requests.length === 0) return null;
  const yes = requests.filter(isApproved).length;
  const no = requests.filter(({ state }) => state === "denied").length;
  return (
    <div className="similar">
      <h3 className="small muted numbers">
        {title}: {yes} approved, {no} denied
      </h3>
      <ul>
        {requests.slice(0, SHOWN).map((one) => (
          <li key={one.id}>
            <Link to={pathTo("request", one.id)} className="similar-row">
              <StateBadge state={one.state} />
              <span className="similar-who">
                <EscapedText text={one.agent === "" ? one.principal : one.agent} />
              </span>
              <span className="muted small">
                <TimeAgo at={one.createdAt} now={now} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
