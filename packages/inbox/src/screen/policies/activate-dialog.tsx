/**
 * Puts a version in force, after showing what changes. What was compared with is named to the control plane: where another version is in
 * force by then nothing happens, and the comparison is made anew.
 */
import { useEffect, useState } from "react";
import type { Failure } from "../../api/call-route.ts";
import { activateVersion, useVersions, useVersionText } from "../../api/policies.ts";
import type { Activation } from "../../api/policies.ts";
import { refresh } from "../../api/query.ts";
import { Button } from "../../part/button.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { TextField } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { count } from "../../part/time-words.ts";
import { diffSize, TextDiff } from "./text-diff.tsx";
import { Who } from "./who.tsx";

export interface ActivateDialogProps {
  readonly version: number;
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onDone: (activation: Activation) => void;
}

export function ActivateDialog(props: ActivateDialogProps) {
  const { version, open, onClose } = props;
  return (
    <Dialog title={`Put version ${version} in force`} open={open} onClose={onClose}>
      {open ? <Question {...props} /> : null}
    </Dialog>
  );
}

function Question({ version, onClose, onDone }: ActivateDialogProps) {
  const { value: versions, failure: unlisted } = useVersions();
  const inForce = versions?.find((one) => one.active);
  const { value: next, failure: unread } = useVersionText(version);
  const { value: before } = useVersionText(inForce?.version);
  const [comment, setComment] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  useEffect(() => refresh("policies"), []);
  if (unlisted !== undefined || unread !== undefined) return <Notice tone="no" title="It cannot be compared" live>{(unlisted ?? unread)?.message}</Notice>;
  if (versions === undefined || next === undefined || (inForce !== undefined && before === undefined)) return <p className="muted">Comparing…</p>;
  if (inForce?.version === version) return <Notice tone="yes" title="It is in force" live={failure !== undefined} />;

  async function activate(): Promise<void> {
    setBusy(true);
    const said = await activateVersion(version, inForce?.version ?? null, comment);
    setBusy(false);
    refresh("policies");
    if (said.ok) return onDone(said.value);
    setFailure(said);
  }

  const isBack = inForce !== undefined && version < inForce.version;
  const { added, removed } = diffSize(before?.text ?? "", next.text);
  return (
    <>
      {failure === undefined ? null : failure.code === "conflict" ? (
        <Notice tone="doubt" title="Another version was put in force meanwhile" live>
          {inForce === undefined ? "Look again before you go on." : <>Version {inForce.version}, saved by <Who id={inForce.createdBy} />, is in force now. What you see below is what would change from it. Nothing was done yet.</>}
        </Notice>
      ) : (
        <Notice tone="no" title="It was not put in force" live>
          {failure.message}
        </Notice>
      )}
      <p>
        {inForce === undefined ? "No version is in force now." : <>It takes the place of <strong>version {inForce.version}</strong>: {linesWords(added, "added")}, {linesWords(removed, "removed")}.</>}
        {isBack ? " This rolls back to an older version." : ""}
      </p>
      <TextDiff before={before?.text ?? ""} after={next.text} label="What changes" />
      <p className="small muted">New calls are decided by it at once. Waiting requests that would ask another question now are taken back; agents ask anew. Nothing that waits is released.</p>
      <TextField label="Why (optional)" value={comment} maxLength={1000} onChange={(event) => setComment(event.target.value)} hint="Stands in the record." />
      <div className="dialog-actions">
        <Button onClick={onClose}>Not now</Button>
        <Button tone="main" busy={isBusy} onClick={() => void activate()}>
          {isBack ? `Roll back to version ${version}` : `Put version ${version} in force`}
        </Button>
      </div>
    </>
  );
}

function linesWords(lines: number, what: string): string {
  return lines === 0 ? `none ${what}` : `${count(lines, "line")} ${what}`;
}
