/**
 * Where the answer is given. Approve waits until everything was shown, and says what is left; deny is always open. What happens while one
 * looks (time, others, another tab) is told here. Called by request-screen.tsx.
 */
import { useRef, useState } from "react";
import type { GrantScope } from "../../api/requests.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { hasRole } from "../../api/session.ts";
import type { Me, RequestDetail } from "../../api/words.ts";
import type { ViewRow } from "../../part/argument-view/view-rows.ts";
import { Button } from "../../part/button.tsx";
import { DeadlineRing } from "../../part/deadline-ring.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { TextArea } from "../../part/field.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { Notice } from "../../part/notice.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";
import { EditDialog } from "./edit/edit-dialog.tsx";
import { EndNotice } from "./end-notice.tsx";
import { GrantChoice } from "./grant-choice.tsx";
import type { Deciding } from "./use-decision.ts";
import { VoteList } from "./vote-list.tsx";
import { allowsEdits, grantsOffered, grantWords } from "./what-yes-means.ts";
import "./decide-panel.css";

export interface DecidePanelProps {
  readonly request: RequestDetail;
  readonly me: Me;
  readonly rows: readonly ViewRow[];
  /** What was not shown yet, in words. */
  readonly left: string | undefined;
  readonly onShowNext: () => void;
  readonly deciding: Deciding;
  /** Id of the call that waits next. */
  readonly next: string | undefined;
}

export function DecidePanel({ request, me, rows, left, onShowNext, deciding, next }: DecidePanelProps) {
  const now = useServerNow();
  const isOpen = request.state === "pending" && now < request.expiresAt;
  const own = request.votes.find(({ personId }) => personId === me.person.id);
  return (
    <aside className="decide" aria-label="Decision">
      <div className="decide-head">
        {request.state === "pending" ? <DeadlineRing size="large" createdAt={request.createdAt} expiresAt={request.expiresAt} now={now} /> : null}
        <div>
          <h2>{isOpen ? (own === undefined ? "Your decision" : "You have voted") : "Decided"}</h2>
          <p className="muted small">
            Asked <TimeAgo at={request.createdAt} now={now} />.{isOpen ? " Silence is a no." : null}
          </p>
        </div>
      </div>
      <VoteList request={request} />
      {isOpen && own === undefined ? <Choices request={request} me={me} rows={rows} left={left} onShowNext={onShowNext} deciding={deciding} /> : null}
      {isOpen && own !== undefined ? <Notice tone={own.choice === "approve" ? "yes" : "plain"} title={own.choice === "approve" ? "You approved" : "You denied"}>It waits for others.</Notice> : null}
      {isOpen ? null : <EndNotice request={request} now={now} />}
      {(isOpen && own === undefined) || next === undefined ? null : (
        <Link to={pathTo("request", next)} className="button button-plain button-normal">
          Next waiting call <kbd aria-hidden="true">j</kbd>
        </Link>
      )}
      {deciding.problem === undefined ? null : (
        <Notice tone="no" live title="Not decided">
          {deciding.problem}
        </Notice>
      )}
    </aside>
  );
}

function Choices({ request, me, rows, left, onShowNext, deciding }: Omit<DecidePanelProps, "next">) {
  const [reason, setReason] = useState("");
  const [grant, setGrant] = useState<GrantScope | null>(null);
  const [isDenying, setDenying] = useState(false);
  const [isEditing, setEditing] = useState(false);
  const reasonField = useRef<HTMLTextAreaElement>(null);
  const { mayVote, requirements } = request;
  const needsPasskey = mayVote.code === "assurance";
  const needsReason = requirements.some(({ requireReason }) => requireReason);
  const offered = grantsOffered(request);
  const mayDecide = hasRole(me, "approver");
  const barred = mayVote.allowed || needsPasskey ? undefined : mayVote.why;
  const whyNot = barred ?? left ?? (needsReason && reason.trim() === "" ? "A reason is asked for." : undefined);
  const mayEdit = barred === undefined && allowsEdits(request);
  const approve = (): void => deciding.approve({ reason, grant, needsPasskey });
  useHotkeys({
    a: () => {
      if (whyNot === undefined && !deciding.busy) approve();
    },
    d: () => mayDecide && setDenying(true),
    e: () => mayEdit && setEditing(true),
    s: onShowNext,
  });
  return (
    <>
      {barred === undefined ? null : <Notice title="You cannot approve this">{barred}</Notice>}
      {barred === undefined && needsReason ? <TextArea label="Reason (asked for)" inputRef={reasonField} maxLength={4000} value={reason} onChange={(event) => setReason(event.target.value)} /> : null}
      {barred === undefined && offered.length > 0 ? <GrantChoice request={request} offered={offered} rows={rows} grant={grant} onChange={setGrant} /> : null}
      <div className="decide-bar">
        {barred === undefined && left !== undefined ? (
          <div className="left-note">
            <p role="status">{left}</p>
            <Button size="small" hotkey="s" onClick={onShowNext}>
              Show
            </Button>
          </div>
        ) : null}
        {barred === undefined && left === undefined && whyNot !== undefined ? (
          <div className="left-note left-reason">
            <p>{whyNot}</p>
            <Button size="small" onClick={() => reasonField.current?.focus()}>
              Write it
            </Button>
          </div>
        ) : null}
        <div className="decide-buttons">
          {mayEdit ? (
            <Button size="large" hotkey="e" className="decide-edit" onClick={() => setEditing(true)}>
              Edit…
            </Button>
          ) : null}
          {mayDecide ? (
            <Button tone="no" size="large" hotkey="d" onClick={() => setDenying(true)}>
              Deny…
            </Button>
          ) : null}
          {barred === undefined ? (
            <Button tone="yes" size="large" hotkey="a" whyNot={whyNot} busy={deciding.busy} onClick={approve}>
              {needsPasskey ? "Approve with passkey" : grant === null ? "Approve" : `Approve, and ${grantWords(grant.for)}`}
            </Button>
          ) : null}
        </div>
      </div>
      {isEditing && request.argumentsText !== null ? <EditDialog request={request} reason={reason} argumentsText={request.argumentsText} onClose={() => setEditing(false)} /> : null}
      {isDenying ? <DenyDialog busy={deciding.busy} onClose={() => setDenying(false)} onDeny={(text) => { setDenying(false); deciding.deny(text); }} /> : null}
    </>
  );
}

interface DenyDialogProps {
  readonly busy: boolean;
  readonly onClose: () => void;
  readonly onDeny: (reason: string) => void;
}

function DenyDialog({ busy, onClose, onDeny }: DenyDialogProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog title="Deny this call" open onClose={onClose}>
      <form
        className="deny"
        onSubmit={(event) => {
          event.preventDefault();
          onDeny(reason);
        }}
      >
        <TextArea
          label="Reason"
          hint="The agent reads it, so say what would help it: what to do instead, or whom to ask. It stays in the record."
          autoFocus
          maxLength={4000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onDeny(reason);
          }}
        />
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="no" busy={busy} hotkey="Ctrl ↵">
            Deny
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
