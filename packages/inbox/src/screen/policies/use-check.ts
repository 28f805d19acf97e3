/** What the control plane says of a document while it is being written. */
import { useEffect, useState } from "react";
import type { Failure, FailureCode } from "../../api/call-route.ts";
import { checkDocument } from "../../api/policies.ts";
import type { DocumentProblem, PolicyCheck } from "../../api/policies.ts";

const PAUSE_MS = 350;
const BUSY_MS = 1000;
const AGAIN_MS = 3000;
const PASSING: readonly FailureCode[] = ["too_many", "offline", "store_unavailable", "internal"];
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
    let timer = setTimeout(check, PAUSE_MS);
    function check(): void {
      void checkDocument(text, gone.signal).then((said) => {
        if (gone.signal.aborted) return;
        // Others write too; a place is free in a moment. What may pass by itself is asked again too, and stands there meanwhile.
        if (!said.ok && isPassing(said.code)) timer = setTimeout(check, said.code === "too_many" ? BUSY_MS : AGAIN_MS);
        if (said.ok || said.code !== "too_many") setLast((before) => (said.ok ? { text, check: said.value } : { text, failure: said, ...(before?.check === undefined ? {} : { check: before.check }) }));
      });
    }
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text]);
  const isCurrent = last?.text === text && last.failure === undefined;
  return { check: isCurrent ? last.check : undefined, problems: last?.check?.problems ?? NONE, failure: last?.text === text ? last.failure : undefined };
}

function isPassing(code: FailureCode): boolean {
  return PASSING.includes(code);
}
