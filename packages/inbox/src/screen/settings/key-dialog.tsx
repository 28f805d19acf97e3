/** Makes an agent key; its secret is shown once. */
import { escapeText } from "@countersign/sdk/display";
import { useState } from "react";
import type { FormEvent } from "react";
import { usePeople } from "../../api/directory.ts";
import { serverNow } from "../../api/server-clock.ts";
import { useSession } from "../../api/session.ts";
import { makeKey } from "../../api/settings.ts";
import type { KeyMade } from "../../api/settings.ts";
import { Button } from "../../part/button.tsx";
import { DialogEnd } from "../../part/dialog-end.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { SelectField, TextField } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { ShownOnce } from "../../part/shown-once.tsx";

const DAY_MS = 86_400_000;
const ENDS = [
  { value: "90", name: "In 90 days" },
  { value: "30", name: "In 30 days" },
  { value: "365", name: "In a year" },
  { value: "", name: "Never" },
] as const;

export function KeyDialog({ onClose }: { readonly onClose: () => void }) {
  const { me } = useSession();
  const people = [...usePeople().values()].filter(({ status }) => status === "active").toSorted((a, b) => a.name.localeCompare(b.name));
  const [name, setName] = useState("");
  const [owner, setOwner] = useState(me.person.id);
  const [days, setDays] = useState<string>(ENDS[0].value);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [made, setMade] = useState<KeyMade>();

  async function make(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    const said = await makeKey({ name: name.trim(), ownerId: owner === "" ? null : owner, expiresAt: days === "" ? null : serverNow() + Number(days) * DAY_MS });
    setBusy(false);
    if (said.ok) setMade(said.value);
    else setProblem(said.message);
  }

  if (made !== undefined) return <MadeDialog made={made} onClose={onClose} />;
  return (
    <Dialog title="Make a key" open onClose={onClose}>
      <form className="settings-form" onSubmit={(event) => void make(event)}>
        <TextField label="Name" hint="What runs with it, so that you know it again." required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        <SelectField label="Bound to" hint="Whoever runs the agent. They may not approve its calls themselves, except in one-person mode." value={owner} onChange={(event) => setOwner(event.target.value)}>
          {people.map((person) => (
            <option key={person.id} value={person.id}>
              {person.id === me.person.id ? `${escapeText(person.name)} (you)` : escapeText(person.name)}
            </option>
          ))}
          <option value="">Nobody</option>
        </SelectField>
        {owner === "" ? <Notice tone="doubt">Nobody is kept from approving the calls of their own agent then.</Notice> : null}
        <SelectField label="Ends" value={days} onChange={(event) => setDays(event.target.value)}>
          {ENDS.map((end) => (
            <option key={end.name} value={end.value}>
              {end.name}
            </option>
          ))}
        </SelectField>
        <DialogEnd problem={problem} onClose={onClose}>
          <Button type="submit" tone="main" busy={busy}>
            Make the key
          </Button>
        </DialogEnd>
      </form>
    </Dialog>
  );
}

function MadeDialog({ made: { key, secret }, onClose }: { readonly made: KeyMade; readonly onClose: () => void }) {
  return (
    <Dialog title={`The key ${escapeText(key.name)}`} open onClose={onClose}>
      <ShownOnce label="Secret" value={secret} hint="It is shown this once; only its hash is kept. Lost means revoked: make another." />
      <p>Where the agent runs:</p>
      <pre className="settings-code">{`COUNTERSIGN_URL=${location.origin}\nCOUNTERSIGN_API_KEY=…`}</pre>
      <div className="dialog-actions">
        <Button onClick={onClose}>Done</Button>
      </div>
    </Dialog>
  );
}
