/**
 * Signing in: by a one-time link in the fragment of the address, a passkey, a password, or the OpenID provider. A link is spent by a
 * press of a button, never by opening it. Called by app.tsx.
 */
import { useEffect, useState } from "react";
import type { Result } from "../../api/call-route.ts";
import { canUsePasskeys } from "../../api/passkey.ts";
import { readMethods, signInByLink, signInByPasskey, signInByPassword, startOidc } from "../../api/sign-in.ts";
import type { SignInMethods } from "../../api/sign-in.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TextField } from "../../part/field.tsx";
import { Notice } from "../../part/notice.tsx";
import "./sign-in-screen.css";

export interface SignInScreenProps {
  /** Somebody is: a link replaces them. */
  readonly isSignedIn: boolean;
  readonly onSignedIn: () => void;
}

const LINK = /^#link=([\w-]{1,200})$/;
const REFUSED = /^#refused=(\w{1,40})$/;

export function SignInScreen({ isSignedIn, onSignedIn }: SignInScreenProps) {
  const [link, setLink] = useState(() => LINK.exec(location.hash)?.[1]);
  const [methods, setMethods] = useState<SignInMethods>();
  const [problem, setProblem] = useState(() => refusedWords(REFUSED.exec(location.hash)?.[1]));
  const [busy, setBusy] = useState<string>();

  useEffect(() => {
    void readMethods().then((said) => (said.ok ? setMethods(said.value) : setProblem(said.message)));
    if (REFUSED.test(location.hash)) history.replaceState(null, "", location.pathname);
    // A second link, pasted into the same tab, changes nothing but the fragment.
    const onHash = (): void => setLink(LINK.exec(location.hash)?.[1]);
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);

  async function attempt(name: string, way: () => Promise<Result<unknown>>): Promise<void> {
    setBusy(name);
    setProblem(undefined);
    const said = await way();
    setBusy(undefined);
    if (said.ok) return onSignedIn();
    setProblem(said.code === "unauthenticated" ? WRONG[name] : said.message);
  }

  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <h1>{link === undefined ? "Sign in to Countersign" : "Open the inbox"}</h1>
        <p className="muted">Agents ask here before they do something that a policy holds. People decide.</p>
        {problem === undefined ? null : (
          <Notice tone="no" live>
            {problem}
          </Notice>
        )}
        {link === undefined ? null : (
          <>
            {isSignedIn ? <Notice tone="doubt">You are signed in. The link signs its person in instead.</Notice> : null}
            <Button
              tone="main"
              size="large"
              autoFocus
              busy={busy === "link"}
              onClick={() =>
                void attempt("link", async () => {
                  const said = await signInByLink(link);
                  // Used up, or no good: either way it has no place in the address any more.
                  history.replaceState(null, "", location.pathname);
                  setLink(undefined);
                  return said;
                })
              }
            >
              Sign in with this link
            </Button>
            <p className="muted small">The link works once. If somebody else sent it to you, it signs you in as the person it was made for.</p>
          </>
        )}
        {link === undefined && methods !== undefined ? <Ways methods={methods} busy={busy} attempt={attempt} /> : null}
      </div>
    </main>
  );
}

/** What the way back from the OpenID provider says. It never says more: nobody learns here who may come in. */
function refusedWords(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  if (code === "internal") return "The provider does not answer. Try again in a moment.";
  return "You were not let in: this account may not sign in here, or the attempt took too long. Try again, or ask whoever runs this control plane.";
}

const WRONG: Readonly<Record<string, string>> = {
  link: "This link does not work any more: it was used, a newer one was made, or its time is over. Ask whoever invited you for a new one, or run “countersign open” on the machine of the control plane.",
  password: "E-mail address or password is wrong.",
  passkey: "This passkey is not known here.",
};

interface WaysProps {
  readonly methods: SignInMethods;
  readonly busy: string | undefined;
  readonly attempt: (name: string, way: () => Promise<Result<unknown>>) => Promise<void>;
}

function Ways({ methods, busy, attempt }: WaysProps) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  return (
    <>
      {methods.oidc === null ? null : (
        <Button
          tone="main"
          size="large"
          busy={busy === "oidc"}
          onClick={() =>
            void attempt("oidc", async () => {
              const said = await startOidc();
              if (!said.ok) return said;
              location.assign(said.value.url);
              // The page is left now; nothing is to be done here any more.
              return new Promise<never>(() => undefined);
            })
          }
        >
          Continue with <EscapedText text={methods.oidc.name} />
        </Button>
      )}
      {methods.passkey && canUsePasskeys() ? (
        <Button size="large" tone={methods.oidc === null ? "main" : "plain"} busy={busy === "passkey"} onClick={() => void attempt("passkey", () => signInByPasskey(null))}>
          Use a passkey
        </Button>
      ) : null}
      {methods.password ? (
        <form
          className="sign-in-form"
          onSubmit={(event) => {
            event.preventDefault();
            void attempt("password", () => signInByPassword(email, password));
          }}
        >
          <TextField label="E-mail address" type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} />
          <TextField label="Password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
          <Button type="submit" busy={busy === "password"}>
            Sign in
          </Button>
        </form>
      ) : null}
      <p className="muted small">
        First time on this machine? Run <code>countersign open</code> in a terminal: it prints a link that works once.
      </p>
    </>
  );
}
