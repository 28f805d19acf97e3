/** A part of the settings that a link leads to, with what can be added to it. */
import type { ReactNode } from "react";
import type { Query } from "../../api/query.ts";
import { Notice } from "../../part/notice.tsx";
import { Panel } from "../../part/panel.tsx";

export interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly aside?: ReactNode;
  /** Why what is here may be missing or old. */
  readonly failure?: Query<unknown>["failure"];
  readonly children: ReactNode;
}

export function Section({ id, title, aside, failure, children }: SectionProps) {
  return (
    <div id={id} className="settings-section">
      <Panel title={title} aside={aside}>
        {failure === undefined ? null : (
          <Notice tone="no" live>
            {failure.message}
          </Notice>
        )}
        {children}
      </Panel>
    </div>
  );
}
