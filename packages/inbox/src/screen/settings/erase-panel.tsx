/** Erases arguments for good. The record stays, and still verifies. */
import { useState } from "react";
import { eraseArguments } from "../../api/settings.ts";
import { Button } from "../../part/button.tsx";
import { ConfirmDialog } from "../../part/confirm-dialog.tsx";
import { TextField } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { Section } from "./section.tsx";

type What = "request" | "days";

export function ErasePanel() {
  const [what, setWhat] = useState<What>("request");
  const [id, setId] = useState("");
  const [day, setDay] = useState("");
  const [reason, setReason] = useState("");
  const [isAsking, setAsking] = useState(false);
  const [erased, setErased] = useState<number>();
  const before = day === "" ? undefined : Date.parse(`${day}T00:00:00Z`);
  const missing = what === "request" ? id.trim() === "" : before === undefined || Number.isNaN(before);
  const whyNot = missing ? (what === "request" ? "Which request?" : "Before which day?") : reason.trim() === "" ? "The record keeps a reason." : undefined;

  async function run() {
    const said = await eraseArguments(what === "request" ? { requestId: id.trim() } : { before: before ?? 0 }, reason.trim());
    if (said.ok) setErased(said.value.erased);
    return said;
  }

  return (
    <Section id="erase" title="Erase arguments">
      <p className="muted">What calls were about can be erased; that they were, who decided and how they ended stays in the record, which still verifies. The record says who erased, and why.</p>
      <fieldset className="settings-boxes settings-choice">
        <legend className="only-read">What to erase</legend>
        <label className="settings-box">
          <input type="radio" name="erase" checked={what === "request"} onChange={() => setWhat("request")} />
          <span>Of one request</span>
        </label>
        <label className="settings-box">
          <input type="radio" name="erase" checked={what === "days"} onChange={() => setWhat("days")} />
          <span>Of whole days</span>
        </label>
      </fieldset>
      <div className="settings-row-form">
        {what === "request" ? (
          <TextField label="Id of the request" hint="From its address. It must have ended. What its agent's process recorded of the call goes with its day." className="mono" autoComplete="off" maxLength={100} value={id} onChange={(event) => setId(event.target.value)} />
        ) : (
          <TextField label="All days before (UTC)" hint="Days with open requests are refused." type="date" value={day} onChange={(event) => setDay(event.target.value)} />
        )}
        <TextField label="Reason" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
        <Button tone="no" whyNot={whyNot} onClick={() => setAsking(true)}>
          Erase…
        </Button>
      </div>
      {erased === undefined ? null : (
        <Notice tone={erased === 0 ? "plain" : "yes"} live>
          {erased === 0 ? "There was nothing left to erase." : what === "request" ? "The arguments of the request are erased." : `The arguments of ${erased === 1 ? "one day" : `${erased} days`} are erased.`}
        </Notice>
      )}
      {isAsking ? (
        <ConfirmDialog title="Erase for good" verb="Erase" typed="erase" run={run} onClose={() => setAsking(false)}>
          <p>{what === "request" ? "The arguments of this request can never be shown again, to anybody." : `The arguments of every call of the days before ${day} can never be shown or replayed again.`} Backups made before still have them.</p>
        </ConfirmDialog>
      ) : null}
    </Section>
  );
}
