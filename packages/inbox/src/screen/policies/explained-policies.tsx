/** The policies that have a part in a verdict, and those that nearly had. */
import type { trial } from "@countersign/sdk/contract";
import { EscapedText } from "../../part/escaped-text.tsx";
import { count } from "../../part/time-words.ts";

const PARTS = {
  decides: { word: "decides", tone: "main" },
  matched: { word: "matches", tone: "plain" },
  observed: { word: "only observes", tone: "plain" },
  near: { word: "does not match", tone: "near" },
} as const;

export interface ExplainedPoliciesProps {
  readonly explanation: trial.Explanation;
  /** Leads to where a policy stands in the text. */
  readonly onGoTo: (place: Place) => void;
}
type Place = NonNullable<trial.ExplainedPolicy["place"]>;

export function ExplainedPolicies({ explanation: { policies, others, verdict }, onGoTo }: ExplainedPoliciesProps) {
  // Those whose condition was asked are about this call; the rest only look like it.
  const about = policies.filter(({ part, condition }) => part !== "near" || condition !== null);
  const nearby = policies.filter((policy) => !about.includes(policy));
  return (
    <div className="explained-policies">
      <h2>Policies</h2>
      {policies.some(({ part }) => part !== "near") || verdict === null ? null : <p className="muted">None takes part; the default decides.</p>}
      {about.length === 0 ? null : (
        <ul>
          {about.map((policy) => (
            <ExplainedPolicy key={policy.name} policy={policy} onGoTo={onGoTo} />
          ))}
        </ul>
      )}
      {nearby.length === 0 ? null : (
        <details className="nearby">
          <summary>Why {policiesWords(nearby.length)} nearby {nearby.length === 1 ? "does" : "do"} not match</summary>
          <ul>
            {nearby.map((policy) => (
              <ExplainedPolicy key={policy.name} policy={policy} onGoTo={onGoTo} />
            ))}
          </ul>
        </details>
      )}
      {others === 0 ? null : <p className="small muted">{policiesWords(others, "other ")}: about something else.</p>}
    </div>
  );
}

function policiesWords(number: number, which = ""): string {
  return count(number, `${which}policy`).replace(/policys$/, "policies");
}

function ExplainedPolicy({ policy: { name, action, part, patterns, why, condition, place }, onGoTo }: { readonly policy: trial.ExplainedPolicy; readonly onGoTo: (place: Place) => void }) {
  const { word, tone } = PARTS[part];
  return (
    <li className={`explained-policy explained-${tone}`}>
      <p>
        <EscapedText text={name} className="mono explained-name" /> <span className="muted">{action}</span> <span className={`mark ${tone === "main" ? "mark-main" : "mark-plain"}`}>{word}</span>
        {place === null ? null : (
          <button type="button" className="link-button explained-place numbers" onClick={() => onGoTo(place)}>
            line {place.line}
            <span className="only-read"> of the text, where this policy stands</span>
          </button>
        )}
      </p>
      {patterns.length === 0 ? null : (
        <p className="small muted">
          by{" "}
          {patterns.map((pattern, index) => (
            <span key={pattern}>
              {index === 0 ? "" : " and "}
              <EscapedText text={pattern} className="mono" />
            </span>
          ))}
        </p>
      )}
      {why === null ? null : (
        <p className="small muted">
          <EscapedText text={why} />
        </p>
      )}
      {condition === null ? null : (
        <div className="condition">
          <p>
            <EscapedText text={condition.source} className="mono condition-source" /> <span className={`condition-result condition-${condition.result.replace(" ", "-")}`}>{condition.result === "unknown" ? "not known" : condition.result}</span>
          </p>
          {condition.why === null ? null : (
            <p className="small">
              <EscapedText text={condition.why} />
            </p>
          )}
          {condition.reads.length === 0 ? null : (
            <dl className="condition-reads">
              {condition.reads.map(({ path, value }) => (
                <div key={path}>
                  <dt>
                    <EscapedText text={path} className="mono" />
                  </dt>
                  <dd>{value === null ? <span className="muted">not there</span> : <EscapedText text={value} className="mono" />}</dd>
                </div>
              ))}
            </dl>
          )}
        </div>
      )}
    </li>
  );
}
