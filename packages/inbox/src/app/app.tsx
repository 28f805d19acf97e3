/**
 * The inbox: whoever is not signed in sees the sign-in, everybody else the shell with the page of the address in it. A sign-in that
 * ends, here or elsewhere, ends everything that was shown under it. Called by main.tsx.
 */
import { useCallback, useEffect, useState } from "react";
import { whenSignedOut } from "../api/call-route.ts";
import type { Failure } from "../api/call-route.ts";
import { readCsrfToken } from "../api/csrf-token.ts";
import { forgetAll } from "../api/query.ts";
import { mayReadRequests, openSession, SessionProvider } from "../api/session.ts";
import type { Session } from "../api/session.ts";
import { readMe } from "../api/sign-in.ts";
import { Button } from "../part/button.tsx";
import { Notice } from "../part/notice.tsx";
import { goTo, pathTo, usePlace } from "../route/location.ts";
import { SignInScreen } from "../screen/sign-in/sign-in-screen.tsx";
import { Page } from "./page.tsx";
import { Shell } from "./shell.tsx";

type Who = { readonly kind: "asking" } | { readonly kind: "nobody" } | { readonly kind: "unreachable"; readonly failure: Failure } | { readonly kind: "person"; readonly session: Session };

const ASKING: Who = { kind: "asking" };

export function App() {
  const [who, setWho] = useState<Who>(ASKING);
  const { page } = usePlace();

  const ask = useCallback(async () => {
    const said = await readMe();
    setWho((before) => {
      if (before.kind === "person") before.session.close();
      if (said.ok && readCsrfToken() !== null) return { kind: "person", session: openSession(said.value) };
      return said.ok || said.code === "unauthenticated" || said.code === "csrf" ? { kind: "nobody" } : { kind: "unreachable", failure: said };
    });
  }, []);

  /** The same sign-in, and what is said of it now. */
  const renew = useCallback(async () => {
    const said = await readMe();
    if (said.ok) setWho((before) => (before.kind === "person" && JSON.stringify(before.session.me) !== JSON.stringify(said.value) ? { kind: "person", session: { ...before.session, me: said.value } } : before));
  }, []);
  const live = who.kind === "person" ? who.session.live : undefined;
  useEffect(() => {
    if (who.kind === "person") who.session.waiting.allow(mayReadRequests(who.session.me));
  }, [who]);
  useEffect(() => live?.listen((event) => event === "directory" && void renew()), [live, renew]);

  useEffect(() => {
    whenSignedOut(() => {
      forgetAll();
      setWho((before) => {
        if (before.kind === "person") before.session.close();
        return { kind: "nobody" };
      });
    });
    void ask();
  }, [ask]);

  // Another tab of this browser signed somebody else in or out.
  useEffect(() => {
    function onStorage(event: StorageEvent): void {
      if (event.key === "countersign.csrf") void ask();
    }
    addEventListener("storage", onStorage);
    return () => removeEventListener("storage", onStorage);
  }, [ask]);

  if (who.kind === "asking") return null;
  if (who.kind === "unreachable") return <Unreachable failure={who.failure} onRetry={() => void ask()} />;
  if (who.kind === "nobody" || page === "signIn") {
    return (
      <SignInScreen
        isSignedIn={who.kind === "person"}
        onSignedIn={() => {
          if (page === "signIn") goTo(pathTo("waiting"), "replace");
          void ask();
        }}
      />
    );
  }
  return (
    <SessionProvider value={who.session}>
      <Shell onSignedOut={() => setWho({ kind: "nobody" })}>
        <Page onMeChanged={() => void renew()} />
      </Shell>
    </SessionProvider>
  );
}

function Unreachable({ failure, onRetry }: { readonly failure: Failure; readonly onRetry: () => void }) {
  return (
    <main className="lone">
      <Notice tone="no" title="The inbox cannot be reached" live>
        <p>{failure.message}</p>
        <p>
          <Button onClick={onRetry}>Try again</Button>
        </p>
      </Notice>
    </main>
  );
}
