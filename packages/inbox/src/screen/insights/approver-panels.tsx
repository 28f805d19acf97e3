/** Who decides, how soon, and whether that can have been enough. What cannot be known is said. */
import { usePeople } from "../../api/directory.ts";
import type { Insights } from "../../api/insights.ts";
import { DataTable } from "../../part/data-table.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Notice } from "../../part/notice.tsx";
import { Panel } from "../../part/panel.tsx";
import { numberWords, paceOrNone } from "./figure-words.ts";

type Approvers = NonNullable<Insights["approvers"]>;
type Weights = NonNullable<Insights["weights"]>;

const WEIGHT_NAMES: { readonly [K in Weights[number]["weight"]]: string } = {
  plain: "Short, one yes is enough",
  guarded: "Guarded by their policy",
  long: "Longer than a screen",
};

function PersonName({ id }: { readonly id: string }) {
  return <EscapedText text={usePeople().get(id)?.name ?? id} />;
}

export function RubberStampWarning({ approvers }: { readonly approvers: Approvers }) {
  const warned = approvers.filter(({ rubberStamp }) => rubberStamp);
  if (warned.length === 0) return null;
  return (
    <Notice tone="doubt" title="Approved sooner than it can be read">
      <ul className="warned">
        {warned.map(({ personId, heavy }) => (
          <li key={personId}>
            <PersonName id={personId} /> approved {numberWords(heavy.quick)} of {numberWords(heavy.approvals)} weighty calls in less time than reading them takes; the median was {paceOrNone(heavy.medianMs)}.
          </li>
        ))}
      </ul>
    </Notice>
  );
}

export function ApproverPanels({ approvers, weights }: { readonly approvers: Approvers; readonly weights: Weights }) {
  if (approvers.length === 0) return null;
  return (
    <>
      <div className="insight-pair">
        <Panel title="Busiest approvers">
          <DataTable
            name="Busiest approvers"
            heads={["Person", "Approved", "Denied", "Median", "Too quick"]}
            rows={approvers.map(({ personId, approved, denied, medianMs, heavy, rubberStamp }) => ({
              key: personId,
              cells: [
                <span key="name">
                  <PersonName id={personId} /> {rubberStamp ? <span className="mark">Look here</span> : null}
                </span>,
                numberWords(approved),
                numberWords(denied),
                paceOrNone(medianMs),
                heavy.approvals === 0 ? "–" : `${numberWords(heavy.quick)} of ${numberWords(heavy.approvals)}`,
              ],
            }))}
          />
        </Panel>
        <Panel title="Time to approve, by what a call asks of its reader">
          <DataTable
            name="Time to approve, by what a call asks of its reader"
            heads={["Calls", "Approvals", "Median", "95 of 100 within", "Too quick"]}
            rows={weights.map(({ weight, approvals, medianMs, p95Ms, quick }) => ({ key: weight, cells: [WEIGHT_NAMES[weight], numberWords(approvals), paceOrNone(medianMs), paceOrNone(p95Ms), approvals === 0 ? "–" : numberWords(quick)] }))}
          />
        </Panel>
      </div>
      <details className="muted small explained">
        <summary>What “too quick” means, and what it cannot tell</summary>
        <p>
          Time runs from the moment a call was asked about to the yes: nobody can have had longer. A yes is too quick where it came within 2 seconds and one more for every 200 characters of arguments and context, several times faster than
          anybody reads. Weighty calls are those that are guarded, for which a policy asks for two people, a passkey, a reason or somebody else than the owner of the agent, and those longer than a screen (4,096 characters). The same call approved again by the same person was read
          before, and is left out. The warning needs at least five, of which more than half were too quick.
        </p>
        <p>When somebody began to read is not recorded. So a slow yes may be as blind as a quick one, and no warning proves nothing.</p>
      </details>
    </>
  );
}
