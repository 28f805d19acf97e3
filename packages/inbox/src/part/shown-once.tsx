/** A secret that is shown this once: to be copied, or selected by hand where the browser gives no clipboard. */
import { useId, useRef, useState } from "react";
import { Button } from "./button.tsx";
import "./shown-once.css";

export interface ShownOnceProps {
  readonly label: string;
  readonly value: string;
  readonly hint: string;
}

export function ShownOnce({ label, value, hint }: ShownOnceProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<"yes" | "by hand">();

  async function copy(): Promise<void> {
    input.current?.select();
    try {
      await navigator.clipboard.writeText(value);
      setCopied("yes");
    } catch {
      setCopied("by hand");
    }
  }

  return (
    <div className="field shown-once">
      <label htmlFor={id}>{label}</label>
      <div className="shown-once-row">
        <input ref={input} id={id} className="input mono" readOnly value={value} aria-describedby={`${id}-hint`} onFocus={(event) => event.target.select()} />
        <Button tone="main" onClick={() => void copy()}>
          Copy
        </Button>
      </div>
      <span id={`${id}-hint`} className="muted small">
        {hint}
      </span>
      <span className="small" role="status">
        {copied === "yes" ? "Copied." : copied === "by hand" ? "This browser does not copy here: it is selected, press Ctrl+C." : ""}
      </span>
    </div>
  );
}
