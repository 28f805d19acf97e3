/** How far the requirements are, and who has voted what. */
import { useServerNow } from "../../api/server-clock.ts";
import type { RequestDetail } from "../../api/words.ts";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";

export function VoteList({ request }: { readonly request: RequestDetail }) {
  const now = useServerNow();
  const { progress, votes } = request;
  const isGroup = progress.some(({ need }) => need > 1) || progress.length > 1;
  return (
    <>
      {isGroup ? (
        <ul className="progress">
          {progress.map(({ policy, have, need }) => (
            <li key={policy}>
              <span className="progress-name">
                <EscapedText text={policy} className="mono small" />
              </span>
              <span className="progress-bar" role="img" aria-label={`${have} of ${need} approvals`}>
                {Array.from({ length: Math.min(need, 12) }, (_, index) => (
                  <span key={index} className={index < have ? "progress-step progress-have" : "progress-step"} />
                ))}
              </span>
              <span className="numbers small">
                {have}/{need}
              </span>
            </li>
          ))}
        </ul>
      ) : null}
      {votes.length === 0 ? null : (
        <ul className="votes">
          {votes.map(({ personId, name, choice, at, reason, selfApproved, assurance, onBehalfOf }) => (
            <li key={personId}>
              <span className={choice === "approve" ? "vote-yes" : "vote-no"} aria-hidden="true">
                {choice === "approve" ? "✓" : "✕"}
              </span>
              <span>
                <EscapedText text={name} /> {choice === "approve" ? "approved" : "denied"}
                {onBehalfOf === null ? null : " for somebody else"}
                {" "}
                {selfApproved ? <span className="mark">self-approved</span> : null} {assurance === "passkey" ? <span className="mark mark-plain">passkey</span> : null}{" "}
                <span className="muted small">
                  <TimeAgo at={at} now={now} />
                </span>
                {reason === "" ? null : (
                  <span className="vote-reason">
                    <EscapedText text={reason} quoted />
                  </span>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
