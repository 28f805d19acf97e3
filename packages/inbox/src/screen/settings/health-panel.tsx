/** How the installation stands, and what is unsafe in it. */
import { useQuery } from "../../api/query.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { diagnose, readInstallation, readReadiness } from "../../api/settings.ts";
import type { Diagnosis, Readiness } from "../../api/settings.ts";
import { Fact, Facts } from "../../part/panel.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { useSession } from "../../api/session.ts";
import { Section } from "./section.tsx";

const SEVERITY: { readonly [K in Diagnosis["severity"]]: { readonly word: string; readonly badge: string } } = {
  danger: { word: "Danger", badge: "badge-no" },
  warning: { word: "Warning", badge: "badge-doubt" },
  note: { word: "Note", badge: "badge-still" },
};
const ORDER = ["danger", "warning", "note"] as const;

export function DoctorPanel() {
  const { value, failure, isLoading } = useQuery("installation diagnosis", diagnose);
  const found = (value?.diagnoses ?? []).toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return (
    <Section id="doctor" title="What doctor says" failure={failure}>
      {!isLoading && failure === undefined && found.length === 0 ? <p>Nothing unsafe was found.</p> : null}
      <ul className="settings-list">
        {found.map(({ code, severity, message, mend }, index) => (
          <li key={`${code} ${index}`} className="finding">
            <span className={`badge ${SEVERITY[severity].badge}`}>{SEVERITY[severity].word}</span>
            <div>
              <p>
                <EscapedText text={message} />
              </p>
              <p className="muted">
                <EscapedText text={mend} />
              </p>
              <code className="muted small">{code}</code>
            </div>
          </li>
        ))}
      </ul>
      <p className="muted small">
        The same as <code>countersign doctor</code> says on this machine.
      </p>
    </Section>
  );
}

export function HealthPanel() {
  const { me } = useSession();
  const isOwner = me.person.roles.includes("owner");
  const now = useServerNow();
  const { value: it, failure } = useQuery("installation", readInstallation);
  const { value: ready } = useQuery("installation ready", readReadiness);
  const { value: found } = useQuery(isOwner ? "installation diagnosis" : null, diagnose);
  const last = found?.lastCheckpoint;
  return (
    <Section id="health" title="Health" failure={failure} aside={ready === undefined ? null : <span className={`badge ${ready.ready ? "badge-yes" : "badge-no"}`}>{ready.ready ? "Ready" : "Not ready"}</span>}>
      {it === undefined ? null : (
        <Facts>
          <Fact name="Parts">{ready === undefined ? "unknown" : partsWords(ready)}</Fact>
          <Fact name="Version">{it.version}</Fact>
          <Fact name="Store">{it.storage === "sqlite" ? "SQLite, in the state directory; one instance: this process" : "PostgreSQL; any number of instances share it"}</Fact>
          <Fact name="Installation">
            <code>{it.id}</code>
          </Fact>
          <Fact name="Policy in force">{it.policy === null ? "none: every call of a connected agent is refused" : <>version {it.policy.version} <code className="muted">{it.policy.digest.slice(0, 16)}…</code></>}</Fact>
          <Fact name="Record">
            <span className="numbers">{it.head.seq.toLocaleString("en")}</span> rows, head <code className="muted">{it.head.hash.slice(0, 16)}…</code>
          </Fact>
          {isOwner && found !== undefined ? (
            <Fact name="Checkpoint">
              {last === null || last === undefined ? "none yet" : <>at row <span className="numbers">{last.seq.toLocaleString("en")}</span>, <TimeAgo at={last.at} now={now} /></>}
            </Fact>
          ) : null}
          <Fact name="Open requests">
            <span className="numbers">{it.openRequests.toLocaleString("en")}</span>
          </Fact>
        </Facts>
      )}
    </Section>
  );
}

function partsWords({ parts }: Readiness): string {
  return Object.entries(parts).map(([part, state]) => `${part} ${state === "ok" ? "ok" : state}`).join(" · ");
}
