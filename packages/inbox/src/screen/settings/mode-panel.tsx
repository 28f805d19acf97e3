/** One-person mode: whether somebody may approve the calls of their own agents. */
import { useState } from "react";
import { useSession } from "../../api/session.ts";
import { setOnePersonMode } from "../../api/settings.ts";
import { Button } from "../../part/button.tsx";
import { ConfirmDialog } from "../../part/confirm-dialog.tsx";
import { Section } from "./section.tsx";

export interface ModePanelProps {
  readonly isOwner: boolean;
  readonly onMeChanged: () => void;
}

export function ModePanel({ isOwner, onMeChanged }: ModePanelProps) {
  const { me } = useSession();
  const [isAsking, setAsking] = useState(false);
  const { onePersonMode: isOn } = me;
  return (
    <Section id="one-person-mode" title="One-person mode" aside={<span className={isOn ? "mark" : "mark mark-plain"}>{isOn ? "On" : "Off"}</span>}>
      <p>
        {isOn
          ? "People may approve the calls of keys bound to themselves, since nobody else can decide. Each such approval is recorded as self-approved."
          : "Nobody approves the calls of keys bound to themselves, unless a policy allows it."}
      </p>
      <p className="muted">A policy with <code>selfApproval: false</code> asks for somebody else in either case. The mode ends by itself when a second person can approve.</p>
      {isOwner ? (
        <p>
          <Button onClick={() => setAsking(true)}>{isOn ? "End one-person mode" : "Allow it again"}</Button>
        </p>
      ) : null}
      {isAsking ? (
        <ConfirmDialog
          title={isOn ? "End one-person mode" : "Allow one-person mode"}
          verb={isOn ? "End it" : "Allow it"}
          run={() => setOnePersonMode(!isOn)}
          onClose={() => {
            setAsking(false);
            onMeChanged();
          }}
        >
          <p>{isOn ? "From now on a second person has to approve the calls of your agents. Where there is none, they expire." : "From now on the one who runs an agent may approve its calls alone, also where others could. The record says who switched it on."}</p>
        </ConfirmDialog>
      ) : null}
    </Section>
  );
}
