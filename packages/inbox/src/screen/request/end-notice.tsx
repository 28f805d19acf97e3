/** What became of a request that is not open any more. */
import { useState } from "react";
import type { RequestDetail } from "../../api/words.ts";
import { annotateOutcome } from "../../api/requests.ts";
import { refresh } from "../../api/query.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TextArea } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { StateBadge } from "../../part/state-badge.tsx";
import { elapsedWords } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { pathTo } from "../../route/location.ts";

export function EndNotice({ request, now }: { readonly request: RequestDetail; readonly now: number }) {
  const { outcome, endReason, supersededBy, annotation, votes } = request;
  // Time runs out here before anybody writes it down.
  const state = request.state === "pending" && now >= request.expiresAt ? "expired" : request.state;
  // In our own words above, or as the reason of a vote.
  const isSaid = state === "completed" || state === "outcome_unknown" || votes.some(({ reason }) => reason === endReason);
  return (
    <div className="end" role="status">
      <StateBadge state={state} />
      <p>{SAID[state]}</p>
      {outcome === null || state === "outcome_unknown" ? null : (
        <p className="muted small numbers">
          It took {elapsedWords(outcome.elapsedMs)}
          {outcome.isError ? "; the tool reported an error" : null}
          {outcome.outcome === "withheld" ? "; its result was withheld from the agent" : null}.
        </p>
      )}
      {endReason === null || endReason === "" || isSaid ? null : (
        <p className="muted small">
          <EscapedText text={endReason} />
        </p>
      )}
      {supersededBy === null ? null : <Link to={pathTo("request", supersededBy)}>The changed call</Link>}
      {state === "outcome_unknown" && annotation === null ? <WhatHappened id={request.id} /> : null}
      {annotation === null ? null : (
        <p className="small">
          Somebody looked: it {annotation.happened ? "did happen" : "did not happen"}. <EscapedText text={annotation.note} quoted />
        </p>
      )}
    </div>
  );
}

const SAID: { readonly [K in RequestDetail["state"]]: string } = {
  pending: "",
  approved: "The agent may run exactly this call, once. It has not begun yet.",
  executing: "The call is running now.",
  completed: "The call ran.",
  failed: "The call ran, and the server answered with an error.",
  outcome_unknown: "It was sent and no answer came: it may or may not have happened. It is never sent again by itself.",
  denied: "It did not run.",
  expired: "Its time is over. It did not run.",
  cancelled: "The agent's side took it back. It did not run.",
  superseded: "The question changed meanwhile. It did not run under this one.",
};

function WhatHappened({ id }: { readonly id: string }) {
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState<string>();
  async function say(happened: boolean): Promise<void> {
    const said = await annotateOutcome(id, happened, note);
    if (said.ok) refresh(`request ${id}`);
    else setProblem(said.message);
  }
  return (
    <div className="deny">
      <TextArea label="What really happened" hint="Look at the system the call was for, then say it for everybody else." maxLength={4000} value={note} onChange={(event) => setNote(event.target.value)} />
      {problem === undefined ? null : <Notice tone="no" live>{problem}</Notice>}
      <div className="dialog-actions">
        <Button size="small" onClick={() => void say(false)}>
          It did not happen
        </Button>
        <Button size="small" onClick={() => void say(true)}>
          It happened
        </Button>
      </div>
    </div>
  );
}
