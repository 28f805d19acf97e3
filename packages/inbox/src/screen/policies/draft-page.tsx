/** A draft: written, checked while it is written, tried on recorded calls, and saved as a new version, which is not in force yet. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { Failure } from "../../api/call-route.ts";
import { usePeople } from "../../api/directory.ts";
import { saveVersion, useGroupNames, useVersions } from "../../api/policies.ts";
import type { PolicyVersion } from "../../api/policies.ts";
import { refresh } from "../../api/query.ts";
import { Button } from "../../part/button.tsx";
import { Dialog } from "../../part/dialog.tsx";
import { TextField } from "../../part/field.tsx";
import { useHotkeys } from "../../part/hotkeys.ts";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { Link } from "../../route/link.tsx";
import { goTo, pathTo } from "../../route/location.ts";
import { isChanged, useDraft, useTriedCall } from "./draft.ts";
import type { Draft } from "./draft.ts";
import type { Editor } from "./editor/open-editor.ts";
import { PolicyEditor } from "./policy-editor.tsx";
import { ProblemList } from "./problem-list.tsx";
import { useKnownCalls } from "./recorded-calls.ts";
import { NOT_KNOWN_YET, useStartDraft } from "./start-draft.tsx";
import { TextDiff } from "./text-diff.tsx";
import { TryOut } from "./try-out.tsx";
import { useCheck } from "./use-check.ts";
import { sizeWords } from "./version-list.tsx";
import { Who } from "./who.tsx";

export function DraftPage() {
  const { draft } = useDraft();
  useTriedCall(); // what the address names is not forgotten while one begins
  const { value: versions } = useVersions();
  const { start, dialog } = useStartDraft();
  if (draft !== undefined) return <Editing draft={draft} />;
  // Reloaded, or opened by its address: there is nothing to go on with.
  const inForce = versions?.find((one) => one.active) ?? versions?.[0];
  return (
    <EmptyState title="No draft" mark="+">
      <p>A draft lives in one tab and is gone with it until it is saved.</p>
      <p>
        <Button tone="main" whyNot={versions === undefined ? NOT_KNOWN_YET : undefined} onClick={() => start(inForce?.version ?? null)}>
          {inForce === undefined ? "Begin from an example" : `Begin from version ${inForce.version}`}
        </Button>
      </p>
      {dialog}
    </EmptyState>
  );
}

function Editing({ draft }: { readonly draft: Draft }) {
  const { set } = useDraft();
  const { value: versions } = useVersions();
  const check = useCheck(draft.text);
  const editor = useRef<Pick<Editor, "goTo">>(undefined);
  const [isSaving, setSaving] = useState(false);
  const [isDropping, setDropping] = useState(false);
  const [showsDiff, setShowsDiff] = useState(false);
  const known = useKnown();
  const size = check.check === undefined ? "" : sizeWords(check.check.size);
  const whyNot = !isChanged(draft) ? "Nothing was changed" : check.check === undefined ? "It is being checked" : check.check.ok ? undefined : "It has problems";
  const goToPlace = ({ line, column }: { readonly line: number; readonly column: number }): void => editor.current?.goTo(line, column);
  const save = (): void => {
    if (whyNot === undefined) setSaving(true);
  };
  useHotkeys({ u: () => goTo(pathTo("policies")) });
  useSaveKey(save);
  useStayWarning(isChanged(draft));
  const newer = versions?.filter(({ version }) => draft.base !== null && version > draft.base) ?? [];
  return (
    <div className="screen screen-wide">
      <header className="screen-head">
        <div className="policy-title">
          <Link to={pathTo("policies")} className="muted small">
            Policies
          </Link>
          <h1>Draft{draft.base === null ? "" : <span className="muted draft-base numbers"> from version {draft.base}</span>}</h1>
        </div>
        <div className="policy-actions">
          <Button tone="quiet" onClick={() => (isChanged(draft) ? setDropping(true) : drop())}>
            Discard
          </Button>
          <Button onClick={() => setShowsDiff(true)} whyNot={isChanged(draft) ? undefined : "Nothing was changed"}>
            Changes
          </Button>
          <Button tone="main" whyNot={whyNot} onClick={save}>
            Save as a new version…
          </Button>
        </div>
      </header>
      <NewerNotice newer={newer} base={draft.base} />
      <div className="draft">
        <div className="draft-text">
          <div className={`editor-box ${check.check?.ok === false ? "editor-box-no" : ""}`}>
            <PolicyEditor text={draft.text} label="Policy document" problems={check.problems} known={known} onChange={(text) => set({ ...draft, text })} onSave={save} onReady={(ready) => (editor.current = ready)} />
          </div>
          <ProblemList check={check} size={size} onGoTo={goToPlace} />
        </div>
        <TryOut text={draft.text} what="the draft" whyNot={check.check?.ok === false ? "The draft has problems: mend them first." : undefined} onGoTo={goToPlace} />
      </div>
      <SaveDialog draft={draft} open={isSaving} onClose={() => setSaving(false)} />
      <Dialog title="What the draft changes" open={showsDiff} onClose={() => setShowsDiff(false)}>
        <TextDiff before={draft.baseText} after={draft.text} label={draft.base === null ? "All of it is new" : `What differs from version ${draft.base}`} />
      </Dialog>
      <Dialog title="Discard the draft?" open={isDropping} onClose={() => setDropping(false)}>
        <p>What you wrote is gone then. Nothing else changes.</p>
        <div className="dialog-actions">
          <Button onClick={() => setDropping(false)}>Keep it</Button>
          <Button tone="no" onClick={drop}>
            Discard
          </Button>
        </div>
      </Dialog>
    </div>
  );

  function drop(): void {
    goTo(pathTo("policies"));
    set(undefined);
  }
}

/** Somebody else has saved meanwhile. Nothing is lost by saving beside them, but one should know. */
function NewerNotice({ newer, base }: { readonly newer: readonly PolicyVersion[]; readonly base: number | null }) {
  const last = newer[0];
  const active = newer.find((one) => one.active);
  if (last === undefined) return null;
  return (
    <Notice tone="doubt" title={active === undefined ? `Version ${last.version} was saved since` : `Version ${active.version} came into force since`} live>
      Your draft began from version {base}; <Who id={(active ?? last).createdBy} /> has saved <Link to={pathTo("policyVersion", String((active ?? last).version))}>version {(active ?? last).version}</Link> since. Saving loses neither; putting yours in force would undo what that one changed, unless you take it over.
    </Notice>
  );
}

function SaveDialog({ draft, open, onClose }: { readonly draft: Draft; readonly open: boolean; readonly onClose: () => void }) {
  const { set } = useDraft();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();

  async function save(): Promise<void> {
    setBusy(true);
    const said = await saveVersion(draft.text, draft.comment);
    setBusy(false);
    if (!said.ok) return setFailure(said);
    onClose();
    refresh("policies");
    goTo(pathTo("policyVersion", String(said.value.version)));
    set(undefined);
  }

  return (
    <Dialog title="Save as a new version" open={open} onClose={onClose}>
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {failure === undefined ? null : (
          <Notice tone="no" title="It was not saved" live>
            {failure.message}
          </Notice>
        )}
        <TextDiff before={draft.baseText} after={draft.text} label={draft.base === null ? "All of it is new" : `What differs from version ${draft.base}`} />
        <TextField label="Comment (optional)" value={draft.comment} maxLength={1000} onChange={(event) => set({ ...draft, comment: event.target.value })} hint="What changes and why, for whoever reads the list later." />
        <p className="small muted">A version never changes again. It is not in force until somebody puts it in force.</p>
        <div className="dialog-actions">
          <Button onClick={onClose}>Not now</Button>
          <Button tone="main" type="submit" busy={isBusy}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function useKnown() {
  const people = usePeople();
  const groups = useGroupNames(true);
  const calls = useKnownCalls();
  const emails = [...people.values()].flatMap(({ email, status }) => (email === null || status !== "active" ? [] : [email]));
  const key = JSON.stringify([emails, groups, calls]);
  return useMemo(() => {
    const [mine, named, recorded] = JSON.parse(key) as [string[], string[], string[]]; // written above
    return { approvers: [...mine, ...named], calls: recorded };
  }, [key]);
}

/** Also where the editor has not the focus. */
function useSaveKey(save: () => void): void {
  const latest = useRef(save);
  useEffect(() => {
    latest.current = save;
  });
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.key !== "s" || !(event.ctrlKey || event.metaKey) || document.querySelector('[role="dialog"]') !== null) return;
      event.preventDefault();
      latest.current();
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** The browser asks before the tab is closed with a draft in it. */
function useStayWarning(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return undefined;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isOn]);
}
