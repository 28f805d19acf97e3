/** One version: what it says, what it changes, what it would do, and putting it in force. */
import { Tabs } from "@base-ui/react/tabs";
import { useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useVersions, useVersionText } from "../../api/policies.ts";
import type { Activation } from "../../api/policies.ts";
import { useServerNow } from "../../api/server-clock.ts";
import { hasRole, useSession } from "../../api/session.ts";
import { Button } from "../../part/button.tsx";
import { EscapedText } from "../../part/escaped-text.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { Fact, Facts, Panel } from "../../part/panel.tsx";
import { TimeAgo } from "../../part/time-ago.tsx";
import { count } from "../../part/time-words.ts";
import { Link } from "../../route/link.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import { ActivateDialog } from "./activate-dialog.tsx";
import type { Editor } from "./editor/open-editor.ts";
import { PolicyEditor } from "./policy-editor.tsx";
import { useStartDraft } from "./start-draft.tsx";
import { TextDiff } from "./text-diff.tsx";
import { TryOut } from "./try-out.tsx";
import { sizeWords, StateMark } from "./version-list.tsx";
import { Who } from "./who.tsx";

export function VersionPage({ version }: { readonly version: number }) {
  const { me } = useSession();
  const now = useServerNow();
  const { value: versions } = useVersions();
  const { value, failure } = useVersionText(version);
  const [isAsking, setAsking] = useState(false);
  const [done, setDone] = useState<Activation>();
  const { start, dialog } = useStartDraft();
  const [tab, setTab] = useState<Tab>("text");
  const editor = useRef<Pick<Editor, "goTo">>(undefined);
  const goToPlace = ({ line, column }: { readonly line: number; readonly column: number }): void => {
    flushSync(() => setTab("text")); // what is not shown cannot be scrolled
    editor.current?.goTo(line, column);
  };
  useHotkeys({ u: () => goTo(pathTo("policies")) });
  const inForce = versions?.find((one) => one.active)?.version;
  const isActive = inForce === version;
  const mayEdit = hasRole(me, "policy_editor");
  if (failure !== undefined) {
    return (
      <EmptyState title={failure.code === "not_found" ? "No such version" : "It cannot be shown"} mark="?">
        {failure.message} <Link to={pathTo("policies")}>All versions</Link>
      </EmptyState>
    );
  }
  return (
    <div className="screen">
      <header className="screen-head">
        <div className="policy-title">
          <Link to={pathTo("policies")} className="muted small">
            Policies
          </Link>
          <h1 className="numbers">
            Version {version} {versions === undefined ? null : <StateMark version={version} active={isActive} inForce={inForce} />}
          </h1>
        </div>
        {mayEdit && value !== undefined ? (
          <div className="policy-actions">
            <Button onClick={() => start(version)}>Edit from here</Button>
            {isActive || versions === undefined ? null : (
              <Button tone="main" onClick={() => setAsking(true)}>
                {inForce !== undefined && version < inForce ? "Roll back to it…" : "Put in force…"}
              </Button>
            )}
          </div>
        ) : null}
      </header>
      {dialog}
      {done === undefined || !isActive ? null : (
        <Notice tone="yes" title={`Version ${version} is in force`} live>
          {done.superseded === 0 ? "No waiting request had to be taken back." : `${count(done.superseded, "waiting request")} ${done.superseded === 1 ? "was" : "were"} taken back: the question is another now.`}
        </Notice>
      )}
      {value === undefined ? null : (
        <>
          <Facts>
            <Fact name="Saved">
              <TimeAgo at={value.createdAt} now={now} /> by <Who id={value.createdBy} />
            </Fact>
            <Fact name="Comment">{value.comment === "" ? <span className="muted">none</span> : <EscapedText text={value.comment} />}</Fact>
            <Fact name="Holds">
              {sizeWords(value.size)} <code className="muted version-digest">{value.digest.slice(0, 16)}</code>
            </Fact>
          </Facts>
          <Panel title="Document">
            <Document version={version} text={value.text} inForce={inForce} tab={tab} onTab={setTab} onReady={(ready) => (editor.current = ready)} />
          </Panel>
          <TryOut text={value.text} what={`version ${version}`} onGoTo={goToPlace} />
        </>
      )}
      <ActivateDialog
        version={version}
        open={isAsking}
        onClose={() => setAsking(false)}
        onDone={(activation) => {
          setAsking(false);
          setDone(activation);
        }}
      />
    </div>
  );
}

interface DocumentProps {
  readonly version: number;
  readonly text: string;
  readonly inForce: number | undefined;
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly onReady: (editor: Pick<Editor, "goTo">) => void;
}
type Tab = "text" | "changes";

function Document({ version, text, inForce, tab, onTab, onReady }: DocumentProps) {
  const isActive = inForce === version;
  const other = isActive ? (version > 1 ? version - 1 : undefined) : inForce;
  const { value: compared } = useVersionText(tab === "changes" ? other : undefined);
  return (
    <Tabs.Root value={tab} onValueChange={(next) => onTab(next === "changes" ? "changes" : "text")}>
      <Tabs.List className="policy-tabs" aria-label="What is shown of the document">
        <Tabs.Tab value="text" className="policy-tab">
          Text
        </Tabs.Tab>
        {other === undefined ? null : (
          <Tabs.Tab value="changes" className="policy-tab">
            {isActive ? `Against version ${other}` : `Against version ${other}, in force`}
          </Tabs.Tab>
        )}
      </Tabs.List>
      <Tabs.Panel value="text" className="policy-panel" keepMounted>
        <div className="editor-box editor-box-read">
          <PolicyEditor text={text} label={`Text of version ${version}`} readOnly onReady={onReady} />
        </div>
      </Tabs.Panel>
      {other === undefined ? null : (
        <Tabs.Panel value="changes" className="policy-panel">
          {compared === undefined ? <p className="muted">Comparing…</p> : <TextDiff before={compared.text} after={text} label={`What differs from version ${other}`} />}
        </Tabs.Panel>
      )}
    </Tabs.Root>
  );
}
