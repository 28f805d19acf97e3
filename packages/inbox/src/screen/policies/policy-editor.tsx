/** The editor in the page. It is loaded when it is first shown; until then the text stands there as it is. */
import { useEffect, useRef, useState } from "react";
import type { Editor, Problem } from "./editor/open-editor.ts";
import type { Known } from "./editor/suggest.ts";

export interface PolicyEditorProps {
  readonly text: string;
  readonly label: string;
  readonly readOnly?: boolean;
  readonly problems?: readonly Problem[];
  readonly known?: Known;
  readonly onChange?: (text: string) => void;
  readonly onSave?: () => void;
  /** Called once it is there, with what moves it. */
  readonly onReady?: (editor: Pick<Editor, "goTo">) => void;
}

const NOTHING: Known = { approvers: [], calls: [] };
const NO_PROBLEMS: readonly Problem[] = [];

export function PolicyEditor({ text, label, readOnly = false, problems = NO_PROBLEMS, known = NOTHING, onChange, onSave, onReady }: PolicyEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor>();
  const [failed, setFailed] = useState(false);
  const latest = useRef({ text, known, onChange, onSave, onReady });
  useEffect(() => {
    latest.current = { text, known, onChange, onSave, onReady };
  });
  useEffect(() => {
    let opened: Editor | undefined;
    let isGone = false;
    async function open(): Promise<void> {
      const { openEditor } = await import("./editor/open-editor.ts");
      if (isGone || place.current === null) return;
      opened = openEditor({
        parent: place.current,
        text: latest.current.text,
        label,
        readOnly,
        known: () => latest.current.known,
        onChange: (next) => latest.current.onChange?.(next),
        onSave: () => latest.current.onSave?.(),
      });
      setEditor(opened);
      latest.current.onReady?.(opened);
    }
    open().catch(() => setFailed(true));
    return () => {
      isGone = true;
      opened?.close();
      setEditor(undefined);
    };
  }, [label, readOnly]);
  useEffect(() => editor?.setText(text), [editor, text]);
  useEffect(() => editor?.showProblems(problems), [editor, problems]);
  return (
    <div className="editor-frame">
      {editor === undefined ? (
        // Without the editor there is still the document.
        failed && !readOnly ? <textarea className="editor-plain" aria-label={label} value={text} spellCheck={false} onChange={(event) => onChange?.(event.target.value)} /> : <pre className="editor-plain" tabIndex={0} aria-label={label} role="group">{text}</pre>
      ) : null}
      <div ref={place} className="editor" data-ready={editor !== undefined} />
    </div>
  );
}
