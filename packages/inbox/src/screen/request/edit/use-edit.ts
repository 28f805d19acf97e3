/** Sending an edit: with the digest of the changed call as it was shown, a passkey over that very call first where one is asked for. */
import { useState } from "react";
import type { ArgumentFault } from "@countersign/sdk/display";
import { refresh } from "../../../api/query.ts";
import { editRequest } from "../../../api/requests.ts";
import { signInByPasskey } from "../../../api/sign-in.ts";
import { useSession } from "../../../api/session.ts";
import { viewedDigest } from "../../../api/viewed-digest.ts";
import type { RequestDetail, RequestSummary } from "../../../api/words.ts";

export interface Editing {
  readonly busy: boolean;
  readonly problem: string | undefined;
  /** What the control plane found wrong, by argument. */
  readonly faults: readonly ArgumentFault[];
  readonly clear: () => void;
  send(argumentsText: string, reason: string, needsPasskey: boolean): void;
}

export function useEdit({ id, requestDigest, contextText }: RequestDetail, onDone: (successor: RequestSummary) => void): Editing {
  const { waiting } = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [faults, setFaults] = useState<readonly ArgumentFault[]>([]);

  async function run(argumentsText: string, reason: string, needsPasskey: boolean): Promise<void> {
    const viewed = await viewedDigest({ requestDigest, argumentsText, contextText: contextText ?? "" });
    if (viewed === undefined) return setProblem("This page is not on https or this machine, so the browser does not say what it has shown.");
    if (needsPasskey) {
      const confirmed = await signInByPasskey(viewed);
      if (!confirmed.ok) return setProblem(confirmed.message);
    }
    const said = await editRequest(id, { requestDigest, argumentsText, viewedDigest: viewed, reason });
    refresh(`request ${id}`);
    if (!said.ok) {
      setFaults(said.fields ?? []);
      return setProblem(said.message);
    }
    waiting.take(said.value);
    onDone(said.value);
  }

  return {
    busy,
    problem,
    faults,
    clear() {
      setProblem(undefined);
      setFaults([]);
    },
    send(argumentsText, reason, needsPasskey) {
      setBusy(true);
      setProblem(undefined);
      setFaults([]);
      void run(argumentsText, reason, needsPasskey).finally(() => setBusy(false));
    },
  };
}
