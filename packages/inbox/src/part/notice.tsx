/** A few lines that need to be seen: what went wrong, what is unusual here, that nothing is to be done. */
import type { ReactNode } from "react";
import "./notice.css";

export interface NoticeProps {
  readonly tone?: "plain" | "doubt" | "no" | "yes";
  readonly title?: string;
  /** Said aloud when it appears. */
  readonly live?: boolean;
  readonly children?: ReactNode;
}

export function Notice({ tone = "plain", title, live = false, children }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={live ? (tone === "no" ? "alert" : "status") : undefined}>
      {title === undefined ? null : <strong>{title}</strong>}
      {children === undefined ? null : <div>{children}</div>}
    </div>
  );
}

export function EmptyState({ title, children, mark = "✓" }: { readonly title: string; readonly children?: ReactNode; readonly mark?: string }) {
  return (
    <div className="empty">
      <span className="empty-mark" aria-hidden="true">
        {mark}
      </span>
      <h2>{title}</h2>
      <div className="muted">{children}</div>
    </div>
  );
}
