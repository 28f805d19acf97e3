/**
 * People, groups, keys and the installation itself. Owners change; everybody else reads what they may. What cannot be undone is asked
 * once more, and what is secret is shown once. Called by page.tsx.
 */
import { hasRole, useSession } from "../../api/session.ts";
import { DelegationsPanel } from "./delegations-panel.tsx";
import { ErasePanel } from "./erase-panel.tsx";
import { GroupsPanel } from "./groups-panel.tsx";
import { DoctorPanel, HealthPanel } from "./health-panel.tsx";
import { KeysPanel } from "./keys-panel.tsx";
import { ModePanel } from "./mode-panel.tsx";
import { PeoplePanel } from "./people-panel.tsx";
import "./settings-screen.css";

export function SettingsScreen({ onMeChanged }: { readonly onMeChanged: () => void }) {
  const { me } = useSession();
  const isOwner = me.person.roles.includes("owner");
  const sections = [
    { id: "people", name: "People", shown: true },
    { id: "groups", name: "Groups", shown: true },
    { id: "keys", name: "Agent keys", shown: hasRole(me, "auditor") },
    { id: "delegations", name: "Delegations", shown: true },
    { id: "one-person-mode", name: "One-person mode", shown: true },
    { id: "doctor", name: "Doctor", shown: isOwner },
    { id: "health", name: "Health", shown: true },
    { id: "erase", name: "Erase arguments", shown: isOwner },
  ].filter(({ shown }) => shown);
  return (
    <div className="screen settings">
      <header className="screen-head">
        <h1>Settings</h1>
        {isOwner ? null : <span className="muted small">Owners change what is here. You see what you may read.</span>}
      </header>
      <nav className="settings-nav" aria-label="Settings">
        <ul>
          {sections.map(({ id, name }) => (
            <li key={id}>
              <a href={`#${id}`}>{name}</a>
            </li>
          ))}
        </ul>
      </nav>
      <div className="settings-panels">
        <PeoplePanel isOwner={isOwner} onMeChanged={onMeChanged} />
        <GroupsPanel isOwner={isOwner} />
        {hasRole(me, "auditor") ? <KeysPanel isOwner={isOwner} /> : null}
        <DelegationsPanel />
        <ModePanel isOwner={isOwner} onMeChanged={onMeChanged} />
        {isOwner ? <DoctorPanel /> : null}
        <HealthPanel />
        {isOwner ? <ErasePanel /> : null}
      </div>
    </div>
  );
}
