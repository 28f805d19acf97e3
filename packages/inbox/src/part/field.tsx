/** A labelled input. */
import { useId } from "react";
import type { InputHTMLAttributes, SelectHTMLAttributes, TextareaHTMLAttributes } from "react";
import "./field.css";

interface Labelled {
  readonly label: string;
  readonly hint?: string;
}

export function TextField({ label, hint, ...rest }: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input {...rest} id={id} className="input" aria-describedby={hint === undefined ? undefined : `${id}-hint`} />
      {hint === undefined ? null : <span id={`${id}-hint`} className="muted small">{hint}</span>}
    </div>
  );
}

export function TextArea({ label, hint, ...rest }: Labelled & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea {...rest} id={id} className="input" aria-describedby={hint === undefined ? undefined : `${id}-hint`} />
      {hint === undefined ? null : <span id={`${id}-hint`} className="muted small">{hint}</span>}
    </div>
  );
}

export function SelectField({ label, hint, children, ...rest }: Labelled & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select {...rest} id={id} className="input" aria-describedby={hint === undefined ? undefined : `${id}-hint`}>
        {children}
      </select>
      {hint === undefined ? null : <span id={`${id}-hint`} className="muted small">{hint}</span>}
    </div>
  );
}
