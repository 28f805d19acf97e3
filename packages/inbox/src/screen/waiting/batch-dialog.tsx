/** One answer to several waiting calls. Each is a vote of its own on its own digest; what was refused is told call by call. */
import { useState } from "react";
import { castVote } from "../../api/requests.ts";
import { useSession } from "../../api/session.ts";
import type { RequestSummary } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TextArea } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { count } from "../../part/time-words.ts";

export interface BatchDialogProps {
  readonly choice: "approve" | "deny";
  readonly requests: readonly RequestSummary[];
  /** By request digest: digest of the view that was shown in full. */
  readonly viewed: ReadonlyMap<string, string>;
  readonly onClose: () => void;
}

interface Refused {
  readonly request: RequestSummary;
  readonly message: string;
}

export function BatchDialog({ choice, requests, viewed, onClose }: BatchDialogProps) {
  const { waiting } = useSession();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<readonly Refused[]>([]);
  const [done, setDone] = useState(0);

  async function decide(): Promise<void> {
    setBusy(true);
    const failed: Refused[] = [];
    for (const request of requests) {
      const { id, requestDigest } = request;
      const said = await castVote(id, { choice, requestDigest, viewedDigest: viewed.get(requestDigest) ?? null, reason, grant: null });
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
    <Dialog title={`${verb} ${count(requests.length, "call")}`} open onClose={onClose}>
      {refused.length === 0 ? (
        <>
          <ul className="dialog-list">
            {requests.map(({ id, tool, server, agent }) => (
              <li key={id}>
                <EscapedText text={tool} className="mono" /> <span className="muted">on {server === null ? "an unknown server" : <EscapedText text={server} />}, asked by <EscapedText text={agent} /></span>
              </li>
            ))}
          </ul>
          <TextArea label={choice === "deny" ? "Reason, which the agents read" : "Reason"} autoFocus maxLength={4000} value={reason} onChange={(event) => setReason(event.target.value)} />
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
      <div className="dialog-actions">
        <Button onClick={onClose}>{refused.length === 0 ? "Cancel" : "Close"}</Button>
        {refused.length > 0 ? null : (
          <Button tone={choice === "approve" ? "yes" : "no"} busy={busy} onClick={() => void decide()}>
            {busy ? `${done} of ${requests.length}…` : `${verb} ${count(requests.length, "call")}`}
          </Button>
        )}
      </div>
    </Dialog>
  );
}
