/** What one can do about one's own sign-in: passkeys, password, other places where one is signed in. Called by page.tsx. */
import { useState } from "react";
import type { Result } from "../../api/call-route.ts";
import { canUsePasskeys } from "../../api/passkey.ts";
import { refresh, useQuery } from "../../api/query.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { useSession } from "../../api/session.ts";
import { addPasskey, changePassword, endSignIn, listSignIns, removePasskey } from "../../api/sign-in.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TextField } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import { Fact, Facts, Panel } from "../../part/panel.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import "./account-screen.css";

export function AccountScreen({ onMeChanged }: { readonly onMeChanged: () => void }) {
  const { me } = useSession();
  const [told, setTold] = useState<{ readonly tone: "yes" | "no"; readonly text: string }>();

  async function run(work: Promise<Result<unknown>>, done: string): Promise<void> {
    const said = await work;
    setTold(said.ok ? { tone: "yes", text: done } : { tone: "no", text: said.message });
    if (said.ok) onMeChanged();
  }

  const { person } = me;
  return (
    <div className="screen account">
      <header className="screen-head">
        <h1>Account</h1>
      </header>
      {told === undefined ? null : (
        <Notice tone={told.tone} live>
          {told.text}
        </Notice>
      )}
      <Panel title="You">
        <Facts>
          <Fact name="Name">
            <EscapedText text={person.name} />
          </Fact>
          <Fact name="E-mail address">{person.email === null ? <span className="muted">none</span> : <EscapedText text={person.email} />}</Fact>
          <Fact name="Roles">{person.roles.length === 0 ? <span className="muted">none</span> : person.roles.map((role) => role.replaceAll("_", " ")).join(", ")}</Fact>
          {me.onePersonMode ? <Fact name="One-person mode">You may approve calls of your own agents, since nobody else can. Each such approval is recorded as self-approved. It ends when a second person can approve.</Fact> : null}
        </Facts>
      </Panel>
      <Passkeys run={run} />
      <Password run={run} />
      <SignIns />
    </div>
  );
}

interface RunProps {
  readonly run: (work: Promise<Result<unknown>>, done: string) => Promise<void>;
}

function Passkeys({ run }: RunProps) {
  const { me } = useSession();
  const now = useServerNow();
  const [name, setName] = useState("");
  const { passkeys } = me.person;
  return (
    <Panel title="Passkeys">
      <p className="muted">A passkey signs you in without a password, and signs single requests where a policy asks for it.</p>
      {passkeys.length === 0 ? null : (
        <ul className="account-list">
          {passkeys.map((passkey) => (
            <li key={passkey.id}>
              <span>
                <EscapedText text={passkey.name} />{" "}
                <span className="muted small">
                  added <TimeAgo at={passkey.createdAt} now={now} />
                </span>
              </span>
              <Button size="small" tone="quiet" onClick={() => void run(removePasskey(passkey.id), "The passkey was removed.")}>
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
      {canUsePasskeys() ? (
        <form
          className="account-form"
          onSubmit={(event) => {
            event.preventDefault();
            void run(addPasskey(name.trim() === "" ? "Passkey" : name), "The passkey was added.");
          }}
        >
          <TextField label="Name of the passkey" placeholder="My laptop" maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
          <Button type="submit">Add a passkey</Button>
        </form>
      ) : (
        <p className="muted">This browser has no passkeys here.</p>
      )}
    </Panel>
  );
}

function Password({ run }: RunProps) {
  const { me } = useSession();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const { hasPassword } = me.person;
  return (
    <Panel title="Password">
      <p className="muted">{hasPassword ? "A new password ends your sign-ins everywhere else." : "You have none. Set one, or add a passkey, to sign in without a new link."}</p>
      <form
        className="account-form"
        onSubmit={(event) => {
          event.preventDefault();
          void run(changePassword(hasPassword ? current : null, password), "The password is set.").then(() => setPassword(""));
        }}
      >
        <input type="text" name="username" autoComplete="username" value={me.person.email ?? me.person.name} readOnly hidden />
        {hasPassword ? <TextField label="Current password" type="password" autoComplete="current-password" required value={current} onChange={(event) => setCurrent(event.target.value)} /> : null}
        <TextField label="New password" hint="At least 10 characters." type="password" autoComplete="new-password" required minLength={10} value={password} onChange={(event) => setPassword(event.target.value)} />
        <Button type="submit">Set the password</Button>
      </form>
    </Panel>
  );
}

function SignIns() {
  const now = useServerNow();
  const { value } = useQuery("sign-ins", listSignIns);
  return (
    <Panel title="Where you are signed in">
      <ul className="account-list">
        {(value?.signIns ?? []).map(({ id, about, via, lastUsedAt, current }) => (
          <li key={id}>
            <span>
              <EscapedText text={about === "" ? "Unknown browser" : about} /> <span className="muted small">by {via}, used <TimeAgo at={lastUsedAt} now={now} /></span>
            </span>
            {current ? (
              <span className="mark mark-plain">This one</span>
            ) : (
              <Button size="small" tone="quiet" onClick={() => void endSignIn(id).then(() => refresh("sign-ins"))}>
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
