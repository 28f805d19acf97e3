/** An approver lets another one answer for them, for a time. */
import { escapeText } from "@countersign/sdk/display";
import { useState } from "react";
import type { FormEvent } from "react";
import { usePeople } from "../../api/directory.ts";
import { useQuery } from "../../api/query.ts";
import { serverNow, useServerNow } from "../../api/server-clock.ts";
import { hasRole, useSession } from "../../api/session.ts";
import { delegate, endDelegation, listDelegations } from "../../api/settings.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { SelectField } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { absoluteTime } from "../../part/time-words.ts";
import { Section } from "./section.tsx";

const DAY_MS = 86_400_000;
const SPANS = [
  { days: 1, name: "One day" },
  { days: 7, name: "A week" },
  { days: 21, name: "Three weeks" },
  { days: 90, name: "90 days" },
] as const;

export function DelegationsPanel() {
  const { me } = useSession();
  const now = useServerNow();
  const people = usePeople();
  const { value, failure } = useQuery("people delegations", listDelegations);
  const [problem, setProblem] = useState<string>();
  const live = (value?.delegations ?? []).filter(({ revokedAt, until }) => revokedAt === null && until > now);
  const name = (id: string) => (id === me.person.id ? "You" : <EscapedText text={people.get(id)?.name ?? id} />);
  const mayEnd = (one: { readonly fromId: string; readonly toId: string }): boolean => hasRole(me, "approver") && (me.person.roles.includes("owner") || [one.fromId, one.toId].includes(me.person.id));

  async function end(id: string): Promise<void> {
    const said = await endDelegation(id);
    setProblem(said.ok ? undefined : said.message);
  }

  return (
    <Section id="delegations" title="Delegations" failure={failure}>
      <p className="muted">For holidays: somebody else answers for you, for a time. It counts as your answer, is recorded with both names, and cannot be handed on.</p>
      {problem === undefined ? null : (
        <Notice tone="no" live>
          {problem}
        </Notice>
      )}
      {live.length === 0 ? null : (
        <ul className="settings-list">
          {live.map((one) => (
            <li key={one.id}>
              <div className="settings-what">
                {name(one.fromId)} → {name(one.toId)}
                <span className="settings-more muted small">until {absoluteTime(one.until)}</span>
              </div>
              {mayEnd(one) ? (
                <div className="settings-buttons">
                  <Button size="small" tone="quiet" onClick={() => void end(one.id)}>
                    End
                  </Button>
                </div>
              ) : null}
            </li>
          ))}
        </ul>
      )}
      {hasRole(me, "approver") ? <DelegateForm onProblem={setProblem} /> : null}
    </Section>
  );
}

function DelegateForm({ onProblem }: { readonly onProblem: (problem: string | undefined) => void }) {
  const { me } = useSession();
  const others = [...usePeople().values()].filter(({ id, status, roles }) => id !== me.person.id && status === "active" && (roles.includes("approver") || roles.includes("owner")));
  const [toId, setToId] = useState("");
  const [days, setDays] = useState<number>(7);
  if (others.length === 0) return <p className="muted small">There is no other approver to answer for you.</p>;

  async function make(event: FormEvent): Promise<void> {
    event.preventDefault();
    const said = await delegate(toId, serverNow() + days * DAY_MS);
    onProblem(said.ok ? undefined : said.message);
    if (said.ok) setToId("");
  }

  return (
    <form className="settings-row-form" onSubmit={(event) => void make(event)}>
      <SelectField label="Who answers for you" required value={toId} onChange={(event) => setToId(event.target.value)}>
        <option value="">Choose…</option>
        {others.map(({ id, name }) => (
          <option key={id} value={id}>
            {escapeText(name)}
          </option>
        ))}
      </SelectField>
      <SelectField label="For" value={String(days)} onChange={(event) => setDays(Number(event.target.value))}>
        {SPANS.map((span) => (
          <option key={span.days} value={span.days}>
            {span.name}
          </option>
        ))}
      </SelectField>
      <Button type="submit">Delegate</Button>
    </form>
  );
}
