/** One waiting call in the list: how urgent, what, who, why, how far, and whether one may decide. */
import { memo } from "react";
import { useServerNow } from "../../api/server-clock.ts";
import { DeadlineRing } from "../../part/deadline-ring.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Icon } from "../../part/icon.tsx";
import { count } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import type { WaitingGroup } from "./merge-identical.ts";
import { RowPreview } from "./row-preview.tsx";

export interface WaitingRowProps {
  readonly group: WaitingGroup;
  readonly isActive: boolean;
  readonly isSelected: boolean;
  readonly wasViewed: boolean;
  readonly onSelect: (group: WaitingGroup, isSelected: boolean) => void;
}

export const WaitingRow = memo(function WaitingRow({ group, isActive, isSelected, wasViewed, onSelect }: WaitingRowProps) {
  const { first, requests } = group;
  const now = useServerNow();
  const agents = [...new Set(requests.map(({ agent }) => agent))];
  return (
    <article className={`row ${isActive ? "row-active" : ""} ${isSelected ? "row-selected" : ""}`} data-request={first.id}>
      <label className="row-check">
        <input type="checkbox" checked={isSelected} onChange={(event) => onSelect(group, event.target.checked)} />
        <span className="only-read">
          Select <EscapedText text={first.tool} />
        </span>
      </label>
      <DeadlineRing createdAt={first.createdAt} expiresAt={first.expiresAt} now={now} />
      <Link to={pathTo("request", first.id)} className="row-what">
        <span className="row-title">
          <EscapedText text={first.tool} className="row-tool mono" />
          <span className="muted">
            on {first.server === null ? "an unknown server" : <EscapedText text={first.server} />}
          </span>
        </span>
        <RowPreview id={first.id} callDigest={first.callDigest} />
        <span className="row-why muted">
          <EscapedText text={first.reason === "" ? first.policies.join(", ") : first.reason} />
        </span>
      </Link>
      <span className="row-who">
        <Icon name="agent" size={15} />
        <span className="row-agent">
          <EscapedText text={agents[0] === undefined || agents[0] === "" ? first.principal : agents[0]} />
          {agents.length > 1 ? <span className="muted"> +{agents.length - 1}</span> : null}
        </span>
      </span>
      <span className="row-marks">
        {requests.length > 1 ? <span className="mark mark-plain" title="The very same call, asked by several">×{requests.length} identical</span> : null}
        {first.edited ? <span className="mark mark-plain" title="An approver changed the arguments">Edited</span> : null}
        {first.findings.slice(0, 2).map((finding) => (
          <span key={finding} className="mark">
            <EscapedText text={finding} />
          </span>
        ))}
        {first.findings.length > 2 ? <span className="mark">+{first.findings.length - 2}</span> : null}
        {first.progress.some(({ need }) => need > 1) ? <Quorum progress={first.progress} /> : null}
        {first.mayVote.allowed ? null : (
          <span className="mark mark-plain row-why-not" title={first.mayVote.why}>
            {whyNotShort(first.mayVote.why)}
          </span>
        )}
        {wasViewed ? <span className="only-read">Shown in full</span> : null}
      </span>
    </article>
  );
});

function Quorum({ progress }: { readonly progress: WaitingGroup["first"]["progress"] }) {
  const have = progress.reduce((sum, one) => sum + Math.min(one.have, one.need), 0);
  const need = progress.reduce((sum, one) => sum + one.need, 0);
  return (
    <span className="quorum" role="img" aria-label={`${have} of ${count(need, "approval")}`}>
      {need <= 5 ? Array.from({ length: need }, (_, index) => <span key={index} className={index < have ? "quorum-dot quorum-have" : "quorum-dot"} />) : null}
      <span className="numbers">
        {have}/{need}
      </span>
    </span>
  );
}

function whyNotShort(why: string): string {
  if (why.includes("passkey")) return "Passkey";
  if (why.includes("voted")) return "You voted";
  return why.includes("acts for you") ? "Your agent" : "Not yours";
}
