/** Groups, by which policies name several people at once. A group may hold groups. */
import { useState } from "react";
import type { FormEvent } from "react";
import { usePeople } from "../../api/directory.ts";
import { useQuery } from "../../api/query.ts";
import { listGroups, removeGroup, saveGroup } from "../../api/settings.ts";
import type { Group } from "../../api/settings.ts";
import { Button } from "../../part/button.tsx";
import { ConfirmDialog } from "../../part/confirm-dialog.tsx";
import { DialogEnd } from "../../part/dialog-end.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TextField } from "../../part/field.tsx";
import { Section } from "./section.tsx";

type Open = { readonly kind: "add" } | { readonly kind: "edit" | "remove"; readonly group: Group };

export function GroupsPanel({ isOwner }: { readonly isOwner: boolean }) {
  const { value, failure } = useQuery("people groups", listGroups);
  const people = usePeople();
  const [open, setOpen] = useState<Open>();
  const groups = (value?.groups ?? []).toSorted((a, b) => a.name.localeCompare(b.name));
  const nameOf = (id: string): string => people.get(id)?.name ?? groupName(groups, id) ?? "somebody who is gone";
  const close = (): void => setOpen(undefined);
  return (
    <Section id="groups" title="Groups" failure={failure} aside={isOwner ? <Button size="small" onClick={() => setOpen({ kind: "add" })}>Add a group</Button> : null}>
      {groups.length === 0 ? (
        <p className="muted">
          None yet. A policy names a group as <code>group:name</code> among its approvers; whoever is in it may decide.
        </p>
      ) : (
        <ul className="settings-list">
          {groups.map((group) => (
            <li key={group.id} aria-label={group.name}>
              <div className="settings-what">
                <code>group:{group.name}</code>
                <span className="settings-more muted small">{group.members.length === 0 ? "nobody" : <EscapedText text={group.members.map(nameOf).join(", ")} />}</span>
              </div>
              {isOwner ? (
                <div className="settings-buttons">
                  <Button size="small" tone="quiet" aria-label={`Edit ${group.name}`} onClick={() => setOpen({ kind: "edit", group })}>
                    Edit
                  </Button>
                  <Button size="small" tone="quiet" aria-label={`Remove ${group.name}`} onClick={() => setOpen({ kind: "remove", group })}>
                    Remove
                  </Button>
                </div>
              ) : null}
            </li>
          ))}
        </ul>
      )}
      {open?.kind === "add" || open?.kind === "edit" ? <GroupDialog group={open.kind === "edit" ? open.group : undefined} groups={groups} onClose={close} /> : null}
      {open?.kind === "remove" ? (
        <ConfirmDialog title={`Remove ${open.group.name}`} verb="Remove" run={() => removeGroup(open.group.id)} onClose={close}>
          <p>
            A policy that names <code>group:{open.group.name}</code> reaches nobody by it from now on, also in requests that wait. A group made anew under this name starts empty.
          </p>
        </ConfirmDialog>
      ) : null}
    </Section>
  );
}

function groupName(groups: readonly Group[], id: string): string | undefined {
  const found = groups.find((group) => group.id === id);
  return found === undefined ? undefined : `group:${found.name}`;
}

function GroupDialog({ group, groups, onClose }: { readonly group: Group | undefined; readonly groups: readonly Group[]; readonly onClose: () => void }) {
  const people = usePeople();
  const [name, setName] = useState(group?.name ?? "");
  const [members, setMembers] = useState<readonly string[]>(group?.members ?? []);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const choices = [
    ...[...people.values()].filter((person) => person.status === "active" || members.includes(person.id)).map((person) => ({ id: person.id, name: person.name, more: person.email ?? "" })),
    ...groups.filter(({ id }) => id !== group?.id).map((one) => ({ id: one.id, name: `group:${one.name}`, more: "" })),
  ].toSorted((a, b) => a.name.localeCompare(b.name));

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    const said = await saveGroup(group?.id, { name: name.trim(), members });
    setBusy(false);
    if (said.ok) onClose();
    else setProblem(said.message);
  }

  return (
    <Dialog title={group === undefined ? "Add a group" : `Edit ${group.name}`} open onClose={onClose}>
      <form className="settings-form" onSubmit={(event) => void save(event)}>
        <TextField label="Name" hint="Letters, digits, dot, dash and underscore. Policies name it as group:name." required maxLength={200} pattern="[a-zA-Z0-9][a-zA-Z0-9_.\-]*" value={name} onChange={(event) => setName(event.target.value)} />
        <fieldset className="settings-boxes settings-boxes-long">
          <legend>Members</legend>
          {choices.map(({ id, name: shown, more }) => (
            <label key={id} className="settings-box">
              <input type="checkbox" checked={members.includes(id)} onChange={(event) => setMembers(event.target.checked ? [...members, id] : members.filter((one) => one !== id))} />
              <span>
                <EscapedText text={shown} /> <span className="muted small"><EscapedText text={more} /></span>
              </span>
            </label>
          ))}
        </fieldset>
        <DialogEnd problem={problem} onClose={onClose}>
          <Button type="submit" tone="main" busy={busy}>
            Save
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}
