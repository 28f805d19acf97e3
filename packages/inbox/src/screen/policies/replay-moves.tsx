/** Which calls would have gone another way, those that would run more freely first. */
import type { trial } from "@countersign/sdk/contract";
import { useServerNow } from "../../api/server-clock.ts";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { count } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import { KindMark } from "./kind-mark.tsx";
import { freedomChange, sortMoves } from "./sort-moves.ts";

export function ReplayMoves({ moves, onCall }: { readonly moves: readonly trial.ReplayMove[]; readonly onCall: (callId: string) => void }) {
  if (moves.length === 0) return <p className="moves-none">Nothing would have changed for any of them.</p>;
  return (
    <div className="moves">
      <h2>What would have changed</h2>
      {sortMoves(moves).map((move) => (
        <Move key={`${move.before} ${move.after}`} move={move} onCall={onCall} />
      ))}
    </div>
  );
}

function Move({ move, onCall }: { readonly move: trial.ReplayMove; readonly onCall: (callId: string) => void }) {
  const { before, after, calls, denied, groups, moreGroups } = move;
  const change = freedomChange(before, after);
  return (
    <details className={`move move-${change}`}>
      <summary>
        <span className="move-kinds">
          <KindMark kind={before} />
          <span aria-hidden="true">→</span>
          <span className="only-read">becomes</span>
          <KindMark kind={after} />
        </span>
        <strong className="numbers">{count(calls, "call")}</strong>
        {denied === 0 || change !== "freer" ? null : <span className="mark move-denied">people had denied {denied.toLocaleString("en")}</span>}
      </summary>
      <ul className="move-groups">
        {groups.map((group) => (
          <Group key={`${group.policyId} ${group.because}`} group={group} onCall={onCall} />
        ))}
      </ul>
      {moreGroups === 0 ? null : <p className="small muted">And {count(moreGroups, "more kind")} of call.</p>}
    </details>
  );
}

function Group({ group, onCall }: { readonly group: trial.ReplayGroup; readonly onCall: (callId: string) => void }) {
  const now = useServerNow();
  const { policyId, because, calls, approved, denied, unanswered, examples } = group;
  const answers = [approved === 0 ? "" : `${approved} approved`, denied === 0 ? "" : `${denied} denied`, unanswered === 0 ? "" : `${unanswered} unanswered`].filter((words) => words !== "").join(", ");
  return (
    <li className="move-group">
      <p>
        {policyId === "" ? <span className="muted">others</span> : <EscapedText text={policyId} className="mono" />} <strong className="numbers">{calls.toLocaleString("en")}×</strong>
      </p>
      <p className="small muted">
        {because === "" ? "for several reasons" : <EscapedText text={because} />}
        {answers === "" ? "" : ` · people then: ${answers}`}
      </p>
      <ul className="move-examples" aria-label="The last of them">
        {examples.toReversed().map(({ callId, at, agent, requestId }) => (
          <li key={callId}>
            <button type="button" className="link-button" onClick={() => onCall(callId)}>
              Explain
            </button>{" "}
            <span className="muted">
              <TimeAgo at={at} now={now} />, <EscapedText text={agent === "" ? "an agent without a name" : agent} />
            </span>
            {requestId === null ? null : (
              <>
                {" "}
                · <Link to={pathTo("request", requestId)}>its request</Link>
              </>
            )}
          </li>
        ))}
      </ul>
    </li>
  );
}
