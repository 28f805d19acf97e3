/** A labelled input. */
import { useId } from "react";
import type { InputHTMLAttributes, ReactNode, Ref, SelectHTMLAttributes, TextareaHTMLAttributes } from "react";
import "./field.css";

interface Labelled {
  readonly label: ReactNode;
  readonly hint?: string;
}

interface Judged {
  /** What is wrong with what is written. */
  readonly problem?: string | undefined;
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

export function TextArea({ label, hint, problem, className = "", inputRef, ...rest }: Labelled & Judged & { readonly inputRef?: Ref<HTMLTextAreaElement> } & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  const about = [hint === undefined ? "" : `${id}-hint`, problem === undefined ? "" : `${id}-problem`].filter((part) => part !== "").join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea {...rest} ref={inputRef} id={id} className={`input ${className}`} aria-invalid={problem !== undefined} aria-describedby={about === "" ? undefined : about} />
      {hint === undefined ? null : <span id={`${id}-hint`} className="muted small">{hint}</span>}
      {problem === undefined ? null : <span id={`${id}-problem`} className="field-problem small" role="alert">{problem}</span>}
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
