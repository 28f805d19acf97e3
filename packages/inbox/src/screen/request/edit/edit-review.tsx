/** The changed call, whole, and what differs from what the agent asked for. Approving waits until all of it was on the screen. */
import { useMemo } from "react";
import type { RequestDetail } from "../../../api/words.ts";
import { ArgumentDiff, useComparison } from "../../../part/argument-diff.tsx";
import { ArgumentView } from "../../../part/argument-view/argument-view.tsx";
import { leftWords } from "../../../part/argument-view/view-parts.ts";
import { viewRows } from "../../../part/argument-view/view-rows.ts";
import { Button } from "../../../part/button.tsx";
import { EscapedText } from "../../../part/escaped-text.tsx";
import { TextArea } from "../../../part/field.tsx";
import { count } from "../../../part/time-words.ts";
import { useShownParts } from "../../../part/argument-view/use-shown-parts.ts";

export interface EditReviewProps {
  readonly request: RequestDetail;
  /** RFC 8785 texts. */
  readonly before: string;
  readonly after: string;
  readonly reason: string;
  readonly busy: boolean;
  readonly onReason: (reason: string) => void;
  readonly onBack: () => void;
  readonly onSend: (needsPasskey: boolean) => void;
}

export function EditReview({ request, before, after, reason, busy, onReason, onBack, onSend }: EditReviewProps) {
  const comparison = useComparison(before, after);
  const rows = useMemo(() => viewRows(after), [after]);
  const shown = useShownParts(rows, "edited");
  const needsReason = request.requirements.some(({ requireReason }) => requireReason);
  const needsPasskey = request.requirements.some(({ assurance }) => assurance === "passkey");
  const needed = request.requirements.reduce((sum, { quorum }) => sum + quorum, 0);
  const left = leftWords(shown.left);
  const whyNot = left ?? (needsReason && reason.trim() === "" ? "A reason is asked for." : undefined);
  const { tab, onTab, opened, onSeen } = shown;
  return (
    <div className="edit">
      <p>
        <EscapedText text={request.tool} className="mono" /> <span className="muted">on</span> {request.server === null ? "an unknown server" : <EscapedText text={request.server} className="mono" />}
        <span className="muted">. {needed > 1 ? "The others are asked about the changed call; a yes to the call as it was counts for nothing." : "Exactly this runs, once."}</span>
      </p>
      <section aria-label="What differs" className="compared">
        <h3 className="small muted">{comparison === undefined ? "" : `${count(comparison.differences.length, "argument")} changed`}</h3>
        <ArgumentDiff differences={comparison?.differences ?? []} />
      </section>
      <section aria-label="The whole changed call">
        <h3 className="small muted">The whole call</h3>
        <ArgumentView place="edited" rows={rows} rawText={after} tab={tab} onTab={onTab} opened={opened} onSeen={onSeen} />
      </section>
      <TextArea label={needsReason ? "Reason (asked for)" : "Reason"} hint="It stays in the record." maxLength={4000} value={reason} onChange={(event) => onReason(event.target.value)} />
      <div className="dialog-actions dialog-foot">
        {left === undefined ? null : (
          <div className="left-note">
            <p role="status">{left}</p>
            <Button size="small" onClick={shown.showNext}>
              Show
            </Button>
          </div>
        )}
        <Button onClick={onBack}>Back</Button>
        <Button tone="yes" whyNot={whyNot} busy={busy} onClick={() => onSend(needsPasskey)}>
          {needsPasskey ? "Approve this with passkey" : "Approve this instead"}
        </Button>
      </div>
    </div>
  );
}
