/** Every version there was, newest first, and which is in force. */
import { useState } from "react";
import { useVersions } from "../../api/policies.ts";
import type { PolicyVersion } from "../../api/policies.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { hasRole, useSession } from "../../api/session.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { count } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import { isChanged, useDraft } from "./draft.ts";
import { NOT_KNOWN_YET, useStartDraft } from "./start-draft.tsx";
import { Who } from "./who.tsx";

export function VersionList() {
  const { me } = useSession();
  const { value: versions, failure } = useVersions();
  const { draft } = useDraft();
  const [active, setActive] = useState(-1);
  const inForce = versions?.find((one) => one.active);
  const mayEdit = hasRole(me, "policy_editor");
  const { start, dialog } = useStartDraft();
  useHotkeys({
    j: () => setActive((before) => Math.min((versions?.length ?? 0) - 1, before + 1)),
    k: () => setActive((before) => Math.max(0, before - 1)),
    Enter: () => {
      const one = versions?.[active];
      if (one !== undefined) goTo(pathTo("policyVersion", String(one.version)));
    },
  });
  return (
    <div className="screen">
      <header className="screen-head">
        <h1>Policies</h1>
        {mayEdit ? (
          <Button tone="main" whyNot={versions === undefined ? NOT_KNOWN_YET : undefined} onClick={() => start(inForce?.version ?? versions?.[0]?.version ?? null)}>
            {draft === undefined ? "New draft" : "Your draft"}
          </Button>
        ) : (
          <span className="muted">Read only: your roles do not include policy editor.</span>
        )}
      </header>
      {failure === undefined ? null : (
        <Notice tone="no" title="The policies cannot be shown" live>
          {failure.message}
        </Notice>
      )}
      {versions !== undefined && inForce === undefined ? (
        <Notice tone="doubt" title="No version is in force">
          Calls of agents that take their policy from here are refused until one is.
        </Notice>
      ) : null}
      {draft !== undefined && isChanged(draft) ? (
        <Notice tone="plain">
          You have a draft{draft.base === null ? "" : ` that began from version ${draft.base}`}, not saved yet. <Link to={pathTo("policyDraft")}>Go on with it</Link>
        </Notice>
      ) : null}
      {versions?.length === 0 ? (
        <EmptyState title="No policies yet" mark="+">
          {mayEdit ? "Begin a draft, try it on recorded calls, save it and put it in force." : "A policy editor saves the first version and puts it in force."}
        </EmptyState>
      ) : (
        <ul className="versions" aria-label="Versions, newest first">
          {versions?.map((one, index) => (
            <VersionRow key={one.version} version={one} isActive={index === active} inForce={inForce?.version} />
          ))}
        </ul>
      )}
      {dialog}
    </div>
  );
}

function VersionRow({ version, isActive, inForce }: { readonly version: PolicyVersion; readonly isActive: boolean; readonly inForce: number | undefined }) {
  const now = useServerNow();
  return (
    <li>
      <Link to={pathTo("policyVersion", String(version.version))} className={`version-row ${isActive ? "version-active" : ""}`}>
        <span className="version-name">
          <strong className="numbers">Version {version.version}</strong>
          <StateMark version={version.version} active={version.active} inForce={inForce} />
        </span>
        <span className="version-comment">{version.comment === "" ? <span className="muted">No comment</span> : <EscapedText text={version.comment} />}</span>
        <span className="version-size muted numbers">{sizeWords(version.size)}</span>
        <span className="version-when muted">
          <span>
            <Who id={version.createdBy} />
          </span>
          <span className="small numbers">
            <TimeAgo at={version.createdAt} now={now} />
          </span>
        </span>
      </Link>
    </li>
  );
}

export function sizeWords(size: number): string {
  return count(size, "policy").replace(/policys$/, "policies");
}

export function StateMark({ version, active, inForce }: { readonly version: number; readonly active: boolean; readonly inForce: number | undefined }) {
  if (active) return <span className="badge badge-yes">In force</span>;
  if (inForce === undefined || version > inForce) return <span className="badge badge-wait">Not in force yet</span>;
  return null;
}
