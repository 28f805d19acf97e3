/** Keys by which agents ask. They never decide. */
import { escapeText } from "@countersign/sdk/display";
import { useState } from "react";
import { usePeople } from "../../api/directory.ts";
import { useQuery } from "../../api/query.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { listKeys, revokeKey } from "../../api/settings.ts";
import type { AgentKey } from "../../api/settings.ts";
import type { Person } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { ConfirmDialog } from "../../part/confirm-dialog.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { absoluteTime } from "../../part/time-words.ts";
import { KeyDialog } from "./key-dialog.tsx";
import { Section } from "./section.tsx";

type Open = { readonly kind: "make" } | { readonly kind: "revoke"; readonly key: AgentKey };

export function KeysPanel({ isOwner }: { readonly isOwner: boolean }) {
  const { value, failure } = useQuery("people keys", listKeys);
  const people = usePeople();
  const now = useServerNow();
  const [open, setOpen] = useState<Open>();
  const keys = (value?.keys ?? []).toSorted((a, b) => b.createdAt - a.createdAt);
  const live = keys.filter((key) => whyDead(key, people, now) === undefined);
  const dead = keys.filter((key) => !live.includes(key));
  const line = (key: AgentKey) => <KeyLine key={key.id} agentKey={key} people={people} now={now} onRevoke={isOwner && key.revokedAt === null ? () => setOpen({ kind: "revoke", key }) : undefined} />;
  return (
    <Section id="keys" title="Agent keys" failure={failure} aside={isOwner ? <Button size="small" onClick={() => setOpen({ kind: "make" })}>Make a key</Button> : null}>
      <p className="muted">An agent asks with its key, and never decides by it. Bind it to the person who runs the agent: they then may not approve its calls themselves.</p>
      {live.length === 0 ? <p className="muted">No key works now.</p> : <ul className="settings-list">{live.map(line)}</ul>}
      {dead.length === 0 ? null : (
        <details>
          <summary>{dead.length === 1 ? "One key that works no more" : `${dead.length} keys that work no more`}</summary>
          <ul className="settings-list">{dead.map(line)}</ul>
        </details>
      )}
      {open?.kind === "make" ? <KeyDialog onClose={() => setOpen(undefined)} /> : null}
      {open?.kind === "revoke" ? (
        <ConfirmDialog title={`Revoke ${escapeText(open.key.name)}`} verb="Revoke" run={() => revokeKey(open.key.id)} onClose={() => setOpen(undefined)}>
          <p>
            Agents that use <EscapedText text={open.key.name} /> are refused from their next request on, and what they wait for does not run. This cannot be undone; a new key can be made.
          </p>
        </ConfirmDialog>
      ) : null}
    </Section>
  );
}

function whyDead({ revokedAt, expiresAt, ownerId }: AgentKey, people: ReadonlyMap<string, Person>, now: number): string | undefined {
  if (revokedAt !== null) return "Revoked";
  if (expiresAt !== null && now >= expiresAt) return "Expired";
  return ownerId !== null && people.get(ownerId)?.status === "disabled" ? "Owner disabled" : undefined;
}

interface KeyLineProps {
  readonly agentKey: AgentKey;
  readonly people: ReadonlyMap<string, Person>;
  readonly now: number;
  readonly onRevoke: (() => void) | undefined;
}

function KeyLine({ agentKey, people, now, onRevoke }: KeyLineProps) {
  const { id, name, ownerId, createdAt, expiresAt } = agentKey;
  const dead = whyDead(agentKey, people, now);
  return (
    <li aria-label={escapeText(name)}>
      <div className="settings-what">
        <span className={dead === undefined ? "strong" : "muted"}>
          <EscapedText text={name} />
        </span>{" "}
        <code className="muted" title={id}>
          csk_{id.slice(0, 8)}…
        </code>
        <span className="settings-more muted small">
          {ownerId === null ? "bound to nobody" : <>of <EscapedText text={people.get(ownerId)?.name ?? ownerId} /></>} · made <TimeAgo at={createdAt} now={now} /> · {expiresAt === null ? "never ends" : <time title={absoluteTime(expiresAt)}>ends {absoluteTime(expiresAt)}</time>}
        </span>
      </div>
      <div className="settings-marks">
        {dead === undefined ? null : <span className="mark mark-plain">{dead}</span>}
        {dead === undefined && ownerId === null ? <span className="mark">No owner</span> : null}
      </div>
      {onRevoke === undefined ? null : (
        <div className="settings-buttons">
          <Button size="small" tone="quiet" aria-label={`Revoke ${escapeText(name)}`} onClick={onRevoke}>
            Revoke
          </Button>
        </div>
      )}
    </li>
  );
}
