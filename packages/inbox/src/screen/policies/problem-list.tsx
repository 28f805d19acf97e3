/** What is wrong with a draft, each with its place, and what to write instead. */
import type { DocumentProblem } from "../../api/policies.ts";
import { EscapedText } from "../../part/escaped-text.tsx";
import { count } from "../../part/time-words.ts";
import type { Check } from "./use-check.ts";

export interface ProblemListProps {
  readonly check: Check;
  readonly size: string;
  readonly onGoTo: (problem: DocumentProblem) => void;
}

export function ProblemList({ check: { check, problems, failure }, size, onGoTo }: ProblemListProps) {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  return (
    <div className="problems">
      <p role="status" className={`problems-state ${errors > 0 ? "problems-no" : ""}`}>
        {failure !== undefined ? `Not checked: ${failure.message}` : check === undefined ? "Checking…" : stateWords(errors, problems.length - errors, size)}
      </p>
      {problems.length === 0 ? null : (
        <ul className="problem-list" aria-label="Problems">
          {problems.map((problem) => (
            <li key={`${problem.line} ${problem.column} ${problem.message}`}>
              <button type="button" className={`problem problem-${problem.severity}`} onClick={() => onGoTo(problem)}>
                <span className="problem-place mono numbers">
                  {problem.line}:{problem.column}
                </span>
                <span>
                  <span className="only-read">{problem.severity === "error" ? "Error: " : "Warning: "}</span>
                  <EscapedText text={problem.message} />
                  {problem.mend === undefined ? null : (
                    <span className="muted problem-mend">
                      <EscapedText text={problem.mend} />
                    </span>
                  )}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function stateWords(errors: number, warnings: number, size: string): string {
  if (errors > 0) return `${count(errors, "problem")}: it cannot be saved like this.`;
  return warnings === 0 ? `${size}, no problems.` : `${size}; ${count(warnings, "place")} to look at.`;
}
