/**
 * Approve with other arguments, in two steps: write them, then see the whole changed call and what differs before it is sent. What is
 * sent is what the second step has shown. Called by decide-panel.tsx.
 */
import { useId, useMemo, useState } from "react";
import type { RequestDetail } from "../../../api/words.ts";
import { Button } from "../../../part/button.tsx";
import { Dialog } from "../../../part/dialog.tsx";
import { Notice } from "../../../part/notice.tsx";
import { goTo, pathTo } from "../../../route/location.ts";
import { DraftFields } from "./draft-fields.tsx";
import { draftOf, isChanged, readDraft } from "./draft.ts";
import type { Draft, ReadDraft } from "./draft.ts";
import { EditReview } from "./edit-review.tsx";
import { useEdit } from "./use-edit.ts";
import "./edit-dialog.css";

export interface EditDialogProps {
  readonly request: RequestDetail;
  readonly argumentsText: string;
  /** What was typed as a reason before it came to this. */
  readonly reason: string;
  readonly onClose: () => void;
}

export function EditDialog({ request, argumentsText, reason: typed, onClose }: EditDialogProps) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(argumentsText));
  const [step, setStep] = useState<"write" | "review">("write");
  const [wasTried, setTried] = useState(false);
  const [reason, setReason] = useState(typed);
  const editing = useEdit(request, ({ id }) => {
    onClose();
    goTo(pathTo("request", id));
  });
  const schema = request.narration.definition?.["inputSchema"];
  const read = useMemo(() => readDraft(draft, schema), [draft, schema]);
  const whyNot = !draft.some(isChanged) || (read.ok && read.text === argumentsText) ? "Nothing is changed yet." : undefined;
  const back = (): void => {
    editing.clear();
    setStep("write");
  };

  function review(): void {
    setTried(true);
    if (read.ok) setStep("review");
  }

  return (
    <Dialog wide title={step === "write" ? "Approve with other arguments" : "What will run instead"} open onClose={onClose}>
      {step === "review" && read.ok ? (
        <>
          <EditReview request={request} before={argumentsText} after={read.text} reason={reason} busy={editing.busy} onReason={setReason} onBack={back} onSend={(needsPasskey) => editing.send(read.text, reason, needsPasskey)} />
          {editing.problem === undefined ? null : <Refused problem={editing.problem} hasFaults={editing.faults.length > 0} onBack={() => setStep("write")} />}
        </>
      ) : (
        <WriteStep draft={draft} schema={schema} read={read} faults={editing.faults} wasTried={wasTried} whyNot={whyNot} onChange={setDraft} onClose={onClose} onReview={review} />
      )}
    </Dialog>
  );
}

interface WriteStepProps {
  readonly draft: Draft;
  readonly schema: Parameters<typeof readDraft>[1];
  readonly read: ReadDraft;
  readonly faults: ReturnType<typeof useEdit>["faults"];
  readonly wasTried: boolean;
  readonly whyNot: string | undefined;
  readonly onChange: (draft: Draft) => void;
  readonly onClose: () => void;
  readonly onReview: () => void;
}

function WriteStep({ draft, schema, read, faults, wasTried, whyNot, onChange, onClose, onReview }: WriteStepProps) {
  const id = useId();
  const shown = [...faults, ...(wasTried && !read.ok ? read.faults : [])];
  const elsewhere = shown.filter(({ pointer }) => pointer === "");
  return (
    <form
      className="edit"
      onSubmit={(event) => {
        event.preventDefault();
        if (whyNot === undefined) onReview();
      }}
    >
      <p id={id} className="muted">
        Change what would run. You see the whole call, and what differs, before you send it. The agent gets the result, and is told the names of what you changed.
      </p>
      <DraftFields draft={draft} schema={schema} faults={shown} onChange={onChange} />
      {elsewhere.length === 0 ? null : (
        <Notice tone="no" live>
          {elsewhere.map(({ message }) => message).join("; ")}
        </Notice>
      )}
      <div className="dialog-actions dialog-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" tone="main" hotkey="Ctrl ↵" whyNot={whyNot}>
          Review
        </Button>
      </div>
    </form>
  );
}

function Refused({ problem, hasFaults, onBack }: { readonly problem: string; readonly hasFaults: boolean; readonly onBack: () => void }) {
  return (
    <Notice tone="no" title="Not approved" live>
      {problem}{" "}
      {hasFaults ? (
        <Button size="small" onClick={onBack}>
          Mend it
        </Button>
      ) : null}
    </Notice>
  );
}
