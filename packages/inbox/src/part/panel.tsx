/** A titled part of a screen. */
import { useId } from "react";
import type { ReactNode } from "react";
import "./panel.css";

export interface PanelProps {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly tone?: "plain" | "claim";
  readonly part?: string;
  readonly children: ReactNode;
}

export function Panel({ title, aside, tone = "plain", part, children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel panel-${tone}`} aria-labelledby={id} data-part={part}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** Names and what they stand for, one under the other. */
export function Facts({ children }: { readonly children: ReactNode }) {
  return <dl className="facts">{children}</dl>;
}

export function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
