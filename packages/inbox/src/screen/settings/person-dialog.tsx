/** Invites a person, or changes one. */
import { escapeText } from "@countersign/sdk/display";
import { useState } from "react";
import type { FormEvent } from "react";
import { changePerson, invite, ROLES } from "../../api/settings.ts";
import type { Invitation, Role } from "../../api/settings.ts";
import type { Person } from "../../api/words.ts";
import { Button } from "../../part/button.tsx";
import { DialogEnd } from "../../part/dialog-end.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { TextField } from "../../part/field.tsx";
import { ShownOnce } from "../../part/shown-once.tsx";
import { absoluteTime } from "../../part/time-words.ts";

const ROLE_WORDS: { readonly [K in Role]: { readonly name: string; readonly may: string } } = {
  approver: { name: "Approver", may: "decides held calls" },
  policy_editor: { name: "Policy editor", may: "saves policies and puts them in force" },
  auditor: { name: "Auditor", may: "reads requests and the record, exports it" },
  owner: { name: "Owner", may: "all of this, and people, groups and keys" },
};

export interface PersonDialogProps {
  /** Undefined: a new one. */
  readonly person: Person | undefined;
  readonly onInvited: (invitation: Invitation) => void;
  readonly onClose: () => void;
}

export function PersonDialog({ person, onInvited, onClose }: PersonDialogProps) {
  const [name, setName] = useState(person?.name ?? "");
  const [email, setEmail] = useState(person?.email ?? "");
  const [roles, setRoles] = useState<readonly Role[]>(person?.roles ?? ["approver"]);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    const fields = { name: name.trim(), email: email.trim() === "" ? null : email.trim(), roles };
    const said = person === undefined ? await invite(fields) : await changePerson(person.id, fields);
    setBusy(false);
    if (!said.ok) return setProblem(said.message);
    if ("url" in said.value) return onInvited(said.value);
    return onClose();
  }

  return (
    <Dialog title={person === undefined ? "Invite a person" : `Edit ${escapeText(person.name)}`} open onClose={onClose}>
      <form className="settings-form" onSubmit={(event) => void save(event)}>
        <TextField label="Name" required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        <TextField label="E-mail address" hint="Policies name approvers by it. It is not checked, and nothing is sent there." type="email" maxLength={254} value={email} onChange={(event) => setEmail(event.target.value)} />
        <RoleBoxes roles={roles} onChange={setRoles} />
        <DialogEnd problem={problem} onClose={onClose}>
          <Button type="submit" tone="main" busy={busy}>
            {person === undefined ? "Make the invitation" : "Save"}
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}

function RoleBoxes({ roles, onChange }: { readonly roles: readonly Role[]; readonly onChange: (roles: readonly Role[]) => void }) {
  const inOrder = (["approver", "policy_editor", "auditor", "owner"] as const satisfies readonly Role[]).filter((role) => ROLES.includes(role));
  return (
    <fieldset className="settings-boxes">
      <legend>Roles</legend>
      {inOrder.map((role) => (
        <label key={role} className="settings-box">
          <input type="checkbox" checked={roles.includes(role)} onChange={(event) => onChange(event.target.checked ? [...roles, role] : roles.filter((one) => one !== role))} />
          <span>
            {ROLE_WORDS[role].name} <span className="muted small">{ROLE_WORDS[role].may}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** Shown once: what is behind the `#` is known to nobody else. */
export function LinkDialog({ invitation, onClose }: { readonly invitation: Invitation; readonly onClose: () => void }) {
  const { person, url, expiresAt } = invitation;
  return (
    <Dialog title={`A link for ${escapeText(person.name)}`} open onClose={onClose}>
      <p>Send it to them by a way that only they read: whoever opens it first is signed in as them.</p>
      <ShownOnce label="One-time link" value={url} hint={`Works once, until ${absoluteTime(expiresAt)}. It is not shown again; a new one can be made.`} />
      <div className="dialog-actions">
        <Button onClick={onClose}>Done</Button>
      </div>
    </Dialog>
  );
}
