/** The arguments as fields: a text area for each, what is wrong said at it, and ways to leave one out or to add what the tool knows. */
import type { ArgumentFault } from "@countersign/sdk/display";
import type { Json } from "../../../part/argument-view/view-rows.ts";
import { Button } from "../../../part/button.tsx";
import { EscapedText, ScriptNote } from "../../../part/escaped-text.tsx";
import { TextArea } from "../../../part/field.tsx";
import { faultsAt, isChanged, newField, offeredBy, pointerOf } from "./draft.ts";
import type { Draft, Field } from "./draft.ts";

const OFFERED = 8;
const ROWS = 14;

export interface DraftFieldsProps {
  readonly draft: Draft;
  readonly schema: Json | undefined;
  readonly faults: readonly ArgumentFault[];
  readonly onChange: (draft: Draft) => void;
}

export function DraftFields({ draft, schema, faults, onChange }: DraftFieldsProps) {
  const change = (name: string, to: Partial<Field>): void => onChange(draft.map((field) => (field.name === name ? { ...field, ...to } : field)));
  const offered = offeredBy(schema, draft);
  const missing = faults.filter(({ pointer }) => offered.some(({ name }) => pointer === pointerOf(name)));
  return (
    <div className="edit-fields">
      {draft.map((field) => (
        <FieldEditor
          key={field.name}
          field={field}
          faults={faultsAt(faults, field.name)}
          onWrite={(written) => change(field.name, { written })}
          onRemove={(isRemoved) => (field.original === undefined ? onChange(draft.filter(({ name }) => name !== field.name)) : change(field.name, { isRemoved }))}
        />
      ))}
      {offered.length === 0 ? null : (
        <div className="edit-offered">
          <span className="muted small">The tool also takes</span>
          {offered.slice(0, OFFERED).map(({ name, isText }) => (
            <Button key={name} size="small" tone="quiet" onClick={() => onChange([...draft, newField(name, isText)])}>
              + <EscapedText text={name.slice(0, 60)} className="mono" />
            </Button>
          ))}
        </div>
      )}
      {missing.map(({ pointer, message }) => (
        <p key={pointer} className="field-problem small" role="alert">
          <EscapedText text={pointer.slice(1)} className="mono" /> {message}
        </p>
      ))}
    </div>
  );
}

interface FieldEditorProps {
  readonly field: Field;
  readonly faults: readonly string[];
  readonly onWrite: (written: string) => void;
  readonly onRemove: (isRemoved: boolean) => void;
}

function FieldEditor({ field, faults, onWrite, onRemove }: FieldEditorProps) {
  const { name, kind, written, isRemoved } = field;
  const lines = written.split("\n").length;
  return (
    <div className={isRemoved ? "edit-field edit-removed" : "edit-field"}>
      <TextArea
        label={
          <span className="edit-name">
            <EscapedText text={name} className="mono" />
            <ScriptNote text={name} />
            {isRemoved ? <span className="mark">left out</span> : isChanged(field) ? <span className="mark">changed</span> : null}
          </span>
        }
        {...(kind === "json" && !isRemoved ? { hint: typeof field.original === "string" ? "A text with characters that do not show: written as JSON." : "As JSON." } : {})}
        problem={faults.length === 0 ? undefined : faults.join("; ")}
        className="edit-input"
        rows={Math.min(ROWS, Math.max(1, lines, Math.ceil(written.length / 90)))}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        dir="ltr"
        readOnly={isRemoved}
        value={isRemoved ? "" : written}
        onChange={(event) => onWrite(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
        }}
      />
      <Button size="small" tone="quiet" onClick={() => onRemove(!isRemoved)}>
        {isRemoved ? "Keep it" : "Leave out"}
        <span className="only-read">
          {" "}
          <EscapedText text={name} />
        </span>
      </Button>
    </div>
  );
}
