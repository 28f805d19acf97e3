/** What the control plane says of a document while it is being written. */
import { useEffect, useState } from "react";
import type { Failure } from "../../api/call-route.ts";
import { checkDocument } from "../../api/policies.ts";
import type { DocumentProblem, PolicyCheck } from "../../api/policies.ts";

const PAUSE_MS = 350;
const NONE: readonly DocumentProblem[] = [];

export interface Check {
  /** Of the text as it stands; undefined while it is being found out. */
  readonly check: PolicyCheck | undefined;
  /** Of the text that was looked at last. */
  readonly problems: readonly DocumentProblem[];
  readonly failure: Failure | undefined;
}

export function useCheck(text: string): Check {
  const [last, setLast] = useState<{ readonly text: string; readonly check?: PolicyCheck; readonly failure?: Failure }>();
  useEffect(() => {
    const gone = new AbortController();
    const timer = setTimeout(() => {
      void checkDocument(text, gone.signal).then((said) => {
        if (gone.signal.aborted) return;
        setLast((before) => (said.ok ? { text, check: said.value } : { text, failure: said, ...(before?.check === undefined ? {} : { check: before.check }) }));
      });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text]);
  const isCurrent = last?.text === text && last.failure === undefined;
  return { check: isCurrent ? last.check : undefined, problems: last?.check?.problems ?? NONE, failure: last?.text === text ? last.failure : undefined };
}
