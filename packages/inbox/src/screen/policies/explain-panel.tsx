/** One recorded call under a document, live: what it decides, what the version in force decides, and why. */
import { useEffect, useRef, useState } from "react";
import type { trial } from "@countersign/sdk/contract";
import type { Failure } from "../../api/call-route.ts";
import { explainDraft } from "../../api/policies.ts";
import type { TriedCall } from "../../api/policies.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Notice } from "../../part/notice.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { CallPicker } from "./call-picker.tsx";
import { ExplainedPolicies } from "./explained-policies.tsx";
import { KIND_WORDS, KindMark } from "./kind-mark.tsx";
import "./explain.css";

export interface ExplainPanelProps {
  readonly text: string;
  readonly what: string;
  readonly whyNot: string | undefined;
  readonly call: TriedCall | undefined;
  readonly onCall: (call: TriedCall | undefined) => void;
  readonly onGoTo: (place: { readonly line: number; readonly column: number }) => void;
}

export function ExplainPanel({ text, what, whyNot, call, onCall, onGoTo }: ExplainPanelProps) {
  const { answer, failure, isOld } = useExplanation(text, call, whyNot !== undefined);
  if (call === undefined) {
    return (
      <>
        <p className="muted">Choose a recorded call to see how {what} decides it, and why.</p>
        <CallPicker chosen={call} onChoose={onCall} />
      </>
    );
  }
  return (
    <div className={`explained ${whyNot === undefined ? "" : "explained-old"}`} aria-busy={isOld}>
      {answer === undefined ? null : <CallHead call={answer.call} onOther={() => onCall(undefined)} />}
      {whyNot === undefined ? null : <p className="muted">{whyNot}</p>}
      {failure === undefined ? null : (
        <Notice tone="no" title="It cannot be explained" live>
          {failure.message}
          <p>
            <Button size="small" onClick={() => onCall(undefined)}>
              Choose another call
            </Button>
          </p>
        </Notice>
      )}
      {answer === undefined ? failure === undefined && whyNot === undefined ? <p className="muted">Asking…</p> : null : <Explained answer={answer} what={what} onGoTo={onGoTo} />}
    </div>
  );
}

function CallHead({ call, onOther }: { readonly call: trial.RecordedCall; readonly onOther: () => void }) {
  const now = useServerNow();
  return (
    <header className="explained-call">
      <div>
        <EscapedText text={call.tool} className="mono call-tool" /> <span className="muted">on {call.server === null ? "an unknown server" : <EscapedText text={call.server} />}</span>
        <span className="muted small explained-who">
          <EscapedText text={call.agent === "" ? "an agent without a name" : call.agent} /> · <TimeAgo at={call.at} now={now} />
        </span>
      </div>
      <Button size="small" onClick={onOther}>
        Another call
      </Button>
    </header>
  );
}

function Explained({ answer, what, onGoTo }: { readonly answer: trial.ExplainAnswer } & Pick<ExplainPanelProps, "what" | "onGoTo">) {
  const { call, draft, inForce } = answer;
  const { verdict } = draft;
  return (
    <>
      <dl className="verdicts">
        <div>
          <dt>Then</dt>
          <dd>
            <KindMark kind={call.kind} />
          </dd>
        </div>
        <div>
          <dt>{inForce === null ? "In force" : `Version ${inForce.version}, in force`}</dt>
          <dd>{inForce === null ? <span className="muted">nothing</span> : inForce.verdict === null ? <span className="muted">not known</span> : <KindMark kind={inForce.verdict.kind} />}</dd>
        </div>
        <div className="verdict-now">
          <dt>{what === "the draft" ? "The draft" : `This ${what.replace(/ \d+$/, "")}`}</dt>
          <dd>
            <span role="status">{verdict === null ? <span className="muted">not known</span> : <KindMark kind={verdict.kind} />}</span>
          </dd>
        </div>
      </dl>
      {verdict === null ? <p className="muted">{answer.arguments === "hidden" ? "A condition asks for arguments, and your roles do not let you read those of recorded calls: the role auditor does." : "A condition asks for arguments that the record does not have: they were not recorded, or were erased."}</p> : <VerdictWords verdict={verdict} />}
      <ExplainedPolicies explanation={draft} onGoTo={onGoTo} />
    </>
  );
}

function VerdictWords({ verdict }: { readonly verdict: NonNullable<trial.Explanation["verdict"]> }) {
  return (
    <div className="verdict-words">
      <p>
        <strong>{sentence(KIND_WORDS[verdict.kind].means)}.</strong> {verdict.reason === "" ? null : <EscapedText text={verdict.reason} />}
      </p>
      {verdict.needs.length === 0 ? null : (
        <ul className="needs" aria-label="What it needs">
          {verdict.needs.map(({ policy, words }) => (
            <li key={policy}>
              <EscapedText text={policy} className="mono" />: <EscapedText text={words} />
            </li>
          ))}
        </ul>
      )}
      {verdict.wouldAction === null ? null : <p className="small muted">With the observed policies enforced it would be: {verdict.wouldAction}.</p>}
    </div>
  );
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const PAUSE_MS = 450;

interface Said {
  readonly key: string;
  readonly answer?: trial.ExplainAnswer;
  readonly failure?: Failure;
}

/** Asked again a moment after the text has changed; until then the last answer stands. */
function useExplanation(text: string, call: TriedCall | undefined, isOff: boolean): { readonly answer: trial.ExplainAnswer | undefined; readonly failure: Failure | undefined; readonly isOld: boolean } {
  const [said, setSaid] = useState<Said>();
  const askedFor = useRef("");
  const key = call === undefined ? "" : JSON.stringify(call);
  useEffect(() => {
    if (key === "" || isOff) return undefined;
    const gone = new AbortController();
    const one = JSON.parse(key) as TriedCall; // written above
    const timer = setTimeout(() => void ask(), askedFor.current === key ? PAUSE_MS : 0);
    async function ask(): Promise<void> {
      askedFor.current = key;
      for (let tries = 0; ; tries += 1) {
        const heard = await explainDraft(text, one, gone.signal);
        if (gone.signal.aborted) return;
        // Others try documents too; a place is free in a moment.
        if (!heard.ok && heard.code === "too_many" && tries < 5) {
          await new Promise((resolve) => setTimeout(resolve, 1000));
          continue;
        }
        setSaid((before) => (heard.ok ? { key, answer: heard.value } : { key, failure: heard, ...(before?.key === key && before.answer !== undefined && heard.code === "invalid_document" ? { answer: before.answer } : {}) }));
        return;
      }
    }
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text, key, isOff]);
  const own = said?.key === key ? said : undefined;
  return { answer: own?.answer, failure: own?.failure?.code === "invalid_document" ? undefined : own?.failure, isOld: own === undefined };
}
