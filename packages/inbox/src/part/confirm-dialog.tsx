/** Asks once more before something that cannot be taken back, and says what it does. */
import { useState } from "react";
import type { ReactNode } from "react";
import type { Result } from "../api/call-route.ts";
import { Button } from "./button.tsx";
import { DialogEnd } from "./dialog-end.tsx";
import { Dialog } from "./dialog.tsx";
import { TextField } from "./field.tsx";

export interface ConfirmDialogProps {
  readonly title: string;
  readonly verb: string;
  /** What has to be typed first. */
  readonly typed?: string;
  readonly run: () => Promise<Result<unknown>>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function ConfirmDialog({ title, verb, typed, run, onClose, children }: ConfirmDialogProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [text, setText] = useState("");
  const whyNot = typed !== undefined && text !== typed ? `Type ${typed} first.` : undefined;

  async function go(): Promise<void> {
    if (busy || whyNot !== undefined) return;
    setBusy(true);
    const said = await run();
    setBusy(false);
    if (said.ok) onClose();
    else setProblem(said.message);
  }

  return (
    <Dialog title={title} open onClose={onClose}>
      <div className="dialog-text">{children}</div>
      {typed === undefined ? null : <TextField label={`Type ${typed} to go on`} autoComplete="off" value={text} onChange={(event) => setText(event.target.value)} onKeyDown={(event) => event.key === "Enter" && void go()} />}
      <DialogEnd problem={problem} onClose={onClose}>
        <Button tone="no" busy={busy} whyNot={whyNot} onClick={() => void go()}>
          {verb}
        </Button>
      </DialogEnd>
    </Dialog>
  );
}
