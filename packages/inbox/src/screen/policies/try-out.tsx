/** What a document would do: about one recorded call, with the reasons; about all of the last days, as a picture. For whoever may. */
import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";
import { useTriedCall } from "./draft.ts";
import { ExplainPanel } from "./explain-panel.tsx";
import type { ExplainPanelProps } from "./explain-panel.tsx";
import { useMayTry } from "./recorded-calls.ts";
import { ReplayPanel } from "./replay-panel.tsx";

export interface TryOutProps {
  readonly text: string;
  /** Such as "the draft". */
  readonly what: string;
  /** Why it cannot be tried as it stands. */
  readonly whyNot?: string | undefined;
  /** Leads to a place of the text. */
  readonly onGoTo: ExplainPanelProps["onGoTo"];
}

export function TryOut({ text, what, whyNot, onGoTo }: TryOutProps) {
  const mayTry = useMayTry();
  const [tab, setTab] = useState<"call" | "days">("call");
  const [call, setCall] = useTriedCall();
  if (!mayTry) return null;
  return (
    <section className="panel try-out" aria-label={`Try ${what}`}>
      <Tabs.Root value={tab} onValueChange={(next) => setTab(next === "days" ? "days" : "call")}>
        <Tabs.List className="policy-tabs try-tabs" aria-label={`Try ${what}`}>
          <Tabs.Tab value="call" className="policy-tab">
            On one call
          </Tabs.Tab>
          <Tabs.Tab value="days" className="policy-tab">
            On the last days
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="call" className="try-panel">
          <ExplainPanel text={text} what={what} whyNot={whyNot} call={call} onCall={setCall} onGoTo={onGoTo} />
        </Tabs.Panel>
        <Tabs.Panel value="days" className="try-panel" keepMounted>
          <ReplayPanel
            text={text}
            what={what}
            whyNot={whyNot}
            onCall={(callId) => {
              setCall({ callId });
              setTab("call");
            }}
          />
        </Tabs.Panel>
      </Tabs.Root>
    </section>
  );
}
