/** Chooses a recorded call: one of the last ones, or one that is known by its id or permalink. */
import { useEffect, useState } from "react";
import { listRecordedCalls } from "../../api/policies.ts";
import type { RecordedCall, TriedCall } from "../../api/policies.ts";
import { refresh } from "../../api/query.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { KindMark } from "./kind-mark.tsx";
import { readCallName } from "./read-call-name.ts";
import { useRecordedCalls } from "./recorded-calls.ts";

export function CallPicker({ chosen, onChoose }: { readonly chosen: TriedCall | undefined; readonly onChoose: (call: TriedCall) => void }) {
  const now = useServerNow();
  useEffect(() => refresh("recorded-calls"), []);
  const [wanted, setWanted] = useState("");
  const { value, failure } = useRecordedCalls();
  const [older, setOlder] = useState<{ readonly calls: readonly RecordedCall[]; readonly next: number | null }>();
  const calls = [...(value?.calls ?? []), ...(older?.calls ?? [])];
  const next = older === undefined ? (value?.next ?? null) : older.next;
  const words = wanted.trim().toLowerCase();
  const shown = calls.filter(({ policyId, agent }) => words === "" || policyId.toLowerCase().includes(words) || agent.toLowerCase().includes(words));
  const named = readCallName(wanted);

  async function more(): Promise<void> {
    if (next === null) return;
    const said = await listRecordedCalls({ before: next, limit: 100 });
    if (said.ok) setOlder({ calls: [...(older?.calls ?? []), ...said.value.calls], next: said.value.next });
  }

  return (
    <div className="call-picker">
      <input className="input" type="search" aria-label="Find a recorded call" placeholder="Tool, agent, call id or permalink" value={wanted} onChange={(event) => setWanted(event.target.value)} />
      {failure === undefined ? null : <p className="small">{failure.message}</p>}
      <ul className="call-list" aria-label="Recorded calls, newest first">
        {shown.map((call) => (
          <li key={call.seq}>
            <button type="button" className="call-choice" aria-pressed={chosen !== undefined && "callId" in chosen && chosen.callId === call.callId} onClick={() => onChoose({ callId: call.callId })}>
              <span className="call-what">
                <EscapedText text={call.tool} className="mono call-tool" /> <span className="muted">on {call.server === null ? "an unknown server" : <EscapedText text={call.server} />}</span>
              </span>
              <KindMark kind={call.kind} />
              <span className="call-who muted small">
                <EscapedText text={call.agent === "" ? "an agent without a name" : call.agent} /> · <TimeAgo at={call.at} now={now} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      {value !== undefined && shown.length === 0 ? <p className="muted small">{calls.length === 0 ? "No call was recorded yet. Agents that take their policy from here ship what they did." : "None of the calls that were loaded matches."}</p> : null}
      <div className="call-more">
        {named === undefined ? null : (
          <Button size="small" onClick={() => onChoose(named)}>
            {"requestId" in named ? "Take the call of this request" : "Take the call with this id"}
          </Button>
        )}
        {next === null ? null : (
          <Button size="small" tone="quiet" onClick={() => void more()}>
            Load older ones
          </Button>
        )}
      </div>
    </div>
  );
}
