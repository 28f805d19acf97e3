/** What stands around every screen: where one is, who one is, whether news arrive. */
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { useLiveState, useSession, useWaiting } from "../api/session.ts";
import { signOut } from "../api/sign-in.ts";
import { Dialog } from "../part/dialog.tsx";
import { EscapedText } from "../part/escaped-text.tsx";
import { useHotkeys } from "../part/hotkeys.ts";
import { Icon } from "../part/icon.tsx";
import type { IconName } from "../part/icon.tsx";
import { useIsNarrow } from "../part/narrow.ts";
import { Link } from "../route/link.tsx";
import { goTo, pathTo, usePlace } from "../route/location.ts";
import { KEY_LIST } from "./key-list.ts";
import { applyTheme, readTheme, THEMES } from "./theme.ts";
import type { Theme } from "./theme.ts";
import "./shell.css";

const PLACES = [
  { page: "waiting", icon: "inbox", label: "Waiting" },
  { page: "history", icon: "history", label: "History" },
  { page: "policies", icon: "policy", label: "Policies" },
  { page: "insights", icon: "chart", label: "Insights" },
  { page: "settings", icon: "settings", label: "Settings" },
  { page: "account", icon: "person", label: "Account" },
] as const satisfies readonly { readonly page: string; readonly icon: IconName; readonly label: string }[];

export function Shell({ onSignedOut, children }: { readonly onSignedOut: () => void; readonly children: ReactNode }) {
  const { page } = usePlace();
  const { requests } = useWaiting();
  const [isHelping, setHelping] = useState(false);
  const isNarrow = useIsNarrow();
  const waiting = requests.length;

  useEffect(() => {
    document.title = waiting === 0 ? "Countersign" : `(${waiting}) Countersign`;
  }, [waiting]);
  const { pathname } = location;
  const shownPath = useRef(pathname);
  useEffect(() => {
    // Whoever hears the page is told that it is another one; whoever sees it loses nothing.
    if (shownPath.current !== pathname) document.getElementById("content")?.focus({ preventScroll: true });
    shownPath.current = pathname;
  }, [pathname]);
  useHotkeys({
    "?": () => setHelping(true),
    w: () => goTo(pathTo("waiting")),
    h: () => goTo(pathTo("history")),
    p: () => goTo(pathTo("policies")),
    i: () => goTo(pathTo("insights")),
    ",": () => goTo(pathTo("settings")),
  });

  return (
    <div className="shell">
      <a className="skip button" href="#content">
        Skip to the content
      </a>
      <nav className="side" aria-label="Main">
        <Link to={pathTo("waiting")} className="brand">
          <img src="/icon.svg" alt="" width="26" height="26" />
          <span>Countersign</span>
        </Link>
        <ul className="places">
          {PLACES.map(({ page: name, icon, label }) => (
            <li key={name}>
              <Link to={pathTo(name)} className="place" current={page === name || (name === "waiting" && page === "request") || (name === "policies" && page.startsWith("policy"))}>
                <Icon name={icon} />
                <span>{label}</span>
                {name === "waiting" && waiting > 0 ? (
                  <span className="place-count numbers">
                    {isNarrow && waiting > 999 ? "999+" : waiting.toLocaleString("en")}
                    <span className="only-read"> waiting</span>
                  </span>
                ) : null}
              </Link>
            </li>
          ))}
        </ul>
        <Foot onSignedOut={onSignedOut} onHelp={() => setHelping(true)} />
      </nav>
      <main id="content" tabIndex={-1} className="content">
        {children}
      </main>
      <Dialog title="Keys" open={isHelping} onClose={() => setHelping(false)}>
        <dl className="keys">
          {KEY_LIST.map(({ keys, does }) => (
            <div key={does}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </Dialog>
    </div>
  );
}

function Foot({ onSignedOut, onHelp }: { readonly onSignedOut: () => void; readonly onHelp: () => void }) {
  const { me } = useSession();
  const live = useLiveState();
  const [theme, setTheme] = useState<Theme>(readTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <div className="foot">
      <span className={`live live-${live}`} role="status">
        {live === "live" ? "Live" : "Connecting…"}
      </span>
      {me.onePersonMode ? (
        <span className="mark" title="Nobody else can approve yet, so you may approve calls of your own agents. Each such approval is recorded as self-approved.">
          One-person mode
        </span>
      ) : null}
      <span className="who">
        <EscapedText text={me.person.name} />
      </span>
      <span className="foot-buttons">
        <button
          type="button"
          className="icon-button"
          aria-label={`Theme: ${theme}. Switch to ${next}`}
          title={`Theme: ${theme}`}
          onClick={() => {
            applyTheme(next);
            setTheme(next);
          }}
        >
          <Icon name={theme === "system" ? "contrast" : theme === "light" ? "sun" : "moon"} />
        </button>
        <button type="button" className="icon-button" aria-label="Keys" title="Keys (?)" onClick={onHelp}>
          <Icon name="keys" />
        </button>
        <button type="button" className="icon-button" aria-label="Sign out" title="Sign out" onClick={() => void signOut().then(onSignedOut)}>
          <Icon name="leave" />
        </button>
      </span>
    </div>
  );
}
