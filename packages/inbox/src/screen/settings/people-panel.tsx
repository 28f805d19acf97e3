/** Who there is, with which roles, and how they sign in. */
import { escapeText } from "@countersign/sdk/display";
import { useRef, useState } from "react";
import { useQuery } from "../../api/query.ts";
import { useSession } from "../../api/session.ts";
import { changePerson, listPeople, newLink } from "../../api/settings.ts";
import type { Invitation } from "../../api/settings.ts";
import type { Person } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { ConfirmDialog } from "../../part/confirm-dialog.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { Notice } from "../../part/notice.tsx";
import { LinkDialog, PersonDialog } from "./person-dialog.tsx";
import { Section } from "./section.tsx";

type Open = { readonly kind: "invite" } | { readonly kind: "edit" | "disable" | "link"; readonly person: Person } | { readonly kind: "made"; readonly invitation: Invitation };

export interface PeoplePanelProps {
  readonly isOwner: boolean;
  readonly onMeChanged: () => void;
}

export function PeoplePanel({ isOwner, onMeChanged }: PeoplePanelProps) {
  const { value, failure } = useQuery("people", listPeople);
  const [open, setOpen] = useState<Open>();
  const [problem, setProblem] = useState<string>();
  const all = (value?.people ?? []).toSorted((a, b) => Number(a.status === "disabled") - Number(b.status === "disabled") || a.name.localeCompare(b.name));
  const close = (): void => {
    setOpen(undefined);
    onMeChanged();
  };

  async function enable(person: Person): Promise<void> {
    const said = await changePerson(person.id, { status: "active" });
    setProblem(said.ok ? undefined : said.message);
  }

  return (
    <Section id="people" title="People" failure={failure} aside={isOwner ? <Button size="small" onClick={() => setOpen({ kind: "invite" })}>Invite a person</Button> : null}>
      {problem === undefined ? null : (
        <Notice tone="no" live>
          {problem}
        </Notice>
      )}
      <ul className="settings-list">
        {all.map((person) => (
          <PersonLine key={person.id} person={person} isOwner={isOwner} open={setOpen} enable={() => void enable(person)} />
        ))}
      </ul>
      {open?.kind === "invite" || open?.kind === "edit" ? <PersonDialog person={open.kind === "edit" ? open.person : undefined} onInvited={(invitation) => setOpen({ kind: "made", invitation })} onClose={close} /> : null}
      {open?.kind === "made" ? <LinkDialog invitation={open.invitation} onClose={close} /> : null}
      {open?.kind === "link" ? <NewLinkDialog person={open.person} onMade={(invitation) => setOpen({ kind: "made", invitation })} onClose={close} /> : null}
      {open?.kind === "disable" ? (
        <ConfirmDialog title={`Disable ${escapeText(open.person.name)}`} verb="Disable" run={() => changePerson(open.person.id, { status: "disabled" })} onClose={close}>
          <p>
            <EscapedText text={open.person.name} /> is signed out everywhere at once and can no longer decide. Keys bound to them are refused while they are disabled. Their approvals of calls that have not run yet do not count any more. What
            they did stays in the record.
          </p>
        </ConfirmDialog>
      ) : null}
    </Section>
  );
}

/** Making one takes the older ones away, so it takes a second press. */
function NewLinkDialog({ person, onMade, onClose }: { readonly person: Person; readonly onMade: (invitation: Invitation) => void; readonly onClose: () => void }) {
  const made = useRef<Invitation>(undefined);

  async function make() {
    const said = await newLink(person.id);
    if (said.ok) made.current = said.value;
    return said;
  }

  return (
    <ConfirmDialog title={`New link for ${escapeText(person.name)}`} verb="Make the link" run={make} onClose={() => (made.current === undefined ? onClose() : onMade(made.current))}>
      <p>
        Whoever opens it signs in as <EscapedText text={person.name} />, once, within 24 hours. Links made for them before work no more.
      </p>
    </ConfirmDialog>
  );
}

interface PersonLineProps {
  readonly person: Person;
  readonly isOwner: boolean;
  readonly open: (open: Open) => void;
  readonly enable: () => void;
}

function PersonLine({ person, isOwner, open, enable }: PersonLineProps) {
  const { me } = useSession();
  const { id, name, email, roles, status } = person;
  const isDisabled = status === "disabled";
  const said = escapeText(name);
  return (
    <li aria-label={said}>
      <div className="settings-what">
        <span className={isDisabled ? "muted" : "strong"}>
          <EscapedText text={name} />
        </span>{" "}
        {id === me.person.id ? <span className="muted small">you</span> : null}
        <span className="settings-more muted small">
          {email === null ? "no e-mail address" : <EscapedText text={email} />} · {waysWords(person)}
        </span>
      </div>
      <div className="settings-marks">
        {isDisabled ? <span className="mark">Disabled</span> : null}
        {roles.map((role) => (
          <span key={role} className="mark mark-plain">
            {role.replaceAll("_", " ")}
          </span>
        ))}
      </div>
      {isOwner ? (
        <div className="settings-buttons">
          <Button size="small" tone="quiet" aria-label={`Edit ${said}`} onClick={() => open({ kind: "edit", person })}>
            Edit
          </Button>
          {isDisabled ? (
            <Button size="small" tone="quiet" aria-label={`Enable ${said}`} onClick={enable}>
              Enable
            </Button>
          ) : (
            <>
              <Button size="small" tone="quiet" aria-label={`New link for ${said}`} onClick={() => open({ kind: "link", person })}>
                New link
              </Button>
              {id === me.person.id ? null : (
                <Button size="small" tone="quiet" aria-label={`Disable ${said}`} onClick={() => open({ kind: "disable", person })}>
                  Disable
                </Button>
              )}
            </>
          )}
        </div>
      ) : null}
    </li>
  );
}

function waysWords({ hasPassword, passkeys }: Person): string {
  const ways = [...(passkeys.length === 0 ? [] : [passkeys.length === 1 ? "a passkey" : `${passkeys.length} passkeys`]), ...(hasPassword ? ["a password"] : [])];
  return ways.length === 0 ? "no passkey or password" : `has ${ways.join(" and ")}`;
}
