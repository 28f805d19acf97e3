/** The recorded calls of the last days under a document: before and after as a picture, and every move with the calls behind it. */
import { useEffect, useRef, useState } from "react";
import { trial } from "@countersign/sdk/contract";
import type { Failure } from "../../api/call-route.ts";
import { replayDraft } from "../../api/policies.ts";
import { Button } from "../../part/button.tsx";
import { Notice } from "../../part/notice.tsx";
import { absoluteTime, count, elapsedWords } from "../../part/time-words.ts";
import { ReplayMoves } from "./replay-moves.tsx";
import { ReplayPicture } from "./replay-picture.tsx";
import "./replay.css";

export interface ReplayPanelProps {
  readonly text: string;
  readonly what: string;
  readonly whyNot: string | undefined;
  readonly onCall: (callId: string) => void;
}

type Days = trial.ReplayBody["days"];
type Against = trial.ReplayBody["against"];

interface Replayed {
  readonly text: string;
  readonly report: trial.ReplayReport;
}

export function ReplayPanel({ text, what, whyNot, onCall }: ReplayPanelProps) {
  const [days, setDays] = useState<Days>(7);
  const [against, setAgainst] = useState<Against>("record");
  const [last, setLast] = useState<Replayed>();
  const [failure, setFailure] = useState<Failure>();
  const running = useRef<AbortController>(undefined);
  const [isRunning, setRunning] = useState(false);
  useEffect(() => () => running.current?.abort(), []);

  async function run(wanted: Days, compared: Against): Promise<void> {
    running.current?.abort();
    const own = new AbortController();
    running.current = own;
    setRunning(true);
    setFailure(undefined);
    const said = await replayDraft({ text, days: wanted, against: compared }, own.signal);
    if (running.current !== own) return;
    setRunning(false);
    if (own.signal.aborted) return;
    if (said.ok) setLast({ text, report: said.value });
    else setFailure(said);
  }

  const isOld = last !== undefined && last.text !== text;
  return (
    <div className="replay">
      <div className="replay-form">
        <fieldset className="segments">
          <legend className="only-read">How far back</legend>
          {trial.REPLAY_DAYS.map((one) => (
            <label key={one} className="segment">
              <input type="radio" name="replay-days" checked={days === one} onChange={() => setDays(one)} />
              <span>{one === 1 ? "1 day" : `${one} days`}</span>
            </label>
          ))}
        </fieldset>
        <select className="input replay-against" aria-label="Compare with" value={against} onChange={(event) => setAgainst(event.target.value === "in_force" ? "in_force" : "record")}>
          <option value="record">against what was decided then</option>
          <option value="in_force">against the version in force</option>
        </select>
        {isRunning ? (
          <Button onClick={() => (running.current?.abort(), setRunning(false))}>Cancel</Button>
        ) : (
          <Button tone="main" whyNot={whyNot} onClick={() => void run(days, against)}>
            Replay
          </Button>
        )}
      </div>
      <div role="status" className="replay-state">
        {isRunning ? <progress className="replay-progress" aria-label={`Replaying under ${what}`} /> : null}
        {!isRunning && isOld ? <p className="mark">It was another text: replay it again.</p> : null}
      </div>
      {failure === undefined ? null : (
        <Notice tone="no" title="It cannot be replayed" live>
          {failure.message}
        </Notice>
      )}
      {last === undefined ? <p className="muted">See what {what} would have made of the calls that were recorded: what would run, what would be asked, what would be refused. Nothing is run.</p> : <Report report={last.report} onCall={onCall} />}
    </div>
  );
}

function Report({ report, onCall }: { readonly report: trial.ReplayReport; readonly onCall: (callId: string) => void }) {
  const { calls, judged, unjudged, undecided, from, cut, against, elapsedMs } = report;
  if (calls === 0) return <p>No call was recorded since {absoluteTime(from)}.</p>;
  return (
    <>
      <p>
        <strong className="numbers">{count(calls, "recorded call")}</strong> since {absoluteTime(from)}, <span className="numbers">{judged.toLocaleString("en")}</span> judged <span className="muted">in {elapsedWords(elapsedMs)}</span>
      </p>
      {cut ? <Notice tone="doubt">There are more calls than one replay takes; these are the newest ones.</Notice> : null}
      {unjudged === 0 ? null : (
        <Notice tone="doubt" title={`${count(unjudged, "call")} could not be judged`}>
          {report.arguments === "hidden" ? "A condition asks for their arguments, and your roles do not let you read those of recorded calls: the role auditor does." : "A condition asks for what is not in the record: arguments that were not recorded or were erased, or what the server claimed of its tool."}
        </Notice>
      )}
      {undecided === 0 ? null : <p className="small muted">{count(undecided, "more call")} ended before any policy was asked.</p>}
      <ReplayPicture report={report} label={against.kind === "record" ? "then" : `version ${against.version}`} />
      <ReplayMoves moves={report.moves} onCall={onCall} />
    </>
  );
}
