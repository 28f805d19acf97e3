/**
 * One answer to several waiting calls. Each is a vote of its own on its own digest; what was refused is told call by call. A yes waits until
 * every one of them was shown in full, here, and each vote carries the digest of what was shown of its own call.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { castVote } from "../../api/requests.ts";
import { useSession } from "../../api/session.ts";
import type { RequestSummary } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TextArea } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { count } from "../../part/time-words.ts";
import { BatchCall } from "./batch-call.tsx";

export interface BatchDialogProps {
  readonly choice: "approve" | "deny";
  readonly requests: readonly RequestSummary[];
  readonly onClose: () => void;
}

const NOTHING: ReadonlyMap<string, string> = new Map();

interface Refused {
  readonly request: RequestSummary;
  readonly message: string;
}

export function BatchDialog({ choice, requests, onClose }: BatchDialogProps) {
  const { waiting } = useSession();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<readonly Refused[]>([]);
  const [done, setDone] = useState(0);
  const [shown, setShown] = useState<ReadonlyMap<string, string>>(NOTHING);
  const onShown = useCallback((requestDigest: string, viewedDigest: string) => setShown((before) => new Map(before).set(requestDigest, viewedDigest)), []);
  // Whoever leaves it leaves the calls undecided that were not decided yet.
  const isLeft = useRef(false);
  useEffect(() => {
    isLeft.current = false;
    return () => void (isLeft.current = true);
  }, []);
  const unseen = choice === "approve" ? requests.filter(({ requestDigest }) => !shown.has(requestDigest)).length : 0;
  const whyNot = unseen === 0 ? undefined : `${count(unseen, "call")} not shown to the end yet.`;

  async function decide(): Promise<void> {
    setBusy(true);
    const failed: Refused[] = [];
    for (const request of requests) {
      if (isLeft.current) return;
      const { id, requestDigest } = request;
      const said = await castVote(id, { choice, requestDigest, viewedDigest: choice === "approve" ? (shown.get(requestDigest) ?? null) : null, reason, grant: null });
      if (said.ok) waiting.take(said.value);
      else failed.push({ request, message: said.message });
      setDone((before) => before + 1);
    }
    setBusy(false);
    setRefused(failed);
    if (failed.length === 0) onClose();
  }

  const verb = choice === "approve" ? "Approve" : "Deny";
  return (
    <Dialog wide={choice === "approve"} title={`${verb} ${count(requests.length, "call")}`} open onClose={onClose}>
      {refused.length === 0 ? (
        <>
          <ul className={choice === "approve" ? "batch-calls" : "dialog-list"}>
            {requests.map((request) => (
              <li key={request.id}>
                <p className="batch-head">
                  <EscapedText text={request.tool} className="mono" /> <span className="muted">on {request.server === null ? "an unknown server" : <EscapedText text={request.server} />}, asked by <code>{request.principal}</code></span>
                  {request.agent === "" ? null : (
                    <>
                      {" "}
                      <EscapedText text={request.agent} quoted /> <span className="claim">claim</span>
                    </>
                  )}
                </p>
                {choice === "approve" ? <BatchCall request={request} onShown={onShown} /> : null}
              </li>
            ))}
          </ul>
          <TextArea label={choice === "deny" ? "Reason, which the agents read" : "Reason"} autoFocus={choice === "deny"} maxLength={4000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </>
      ) : (
        <Notice tone="doubt" title={`${count(refused.length, "call")} of ${requests.length} could not be decided`} live>
          <ul className="dialog-list">
            {refused.map(({ request, message }) => (
              <li key={request.id}>
                <EscapedText text={request.tool} className="mono" />: {message}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <div className={choice === "approve" ? "dialog-actions dialog-foot" : "dialog-actions"}>
        {whyNot === undefined || refused.length > 0 ? null : (
          <p className="muted small" role="status">
            {whyNot}
          </p>
        )}
        <Button onClick={onClose}>{refused.length === 0 ? "Cancel" : "Close"}</Button>
        {refused.length > 0 ? null : (
          <Button tone={choice === "approve" ? "yes" : "no"} busy={busy} whyNot={whyNot} onClick={() => void decide()}>
            {busy ? `${done} of ${requests.length}…` : `${verb} ${count(requests.length, "call")}`}
          </Button>
        )}
      </div>
    </Dialog>
  );
}
