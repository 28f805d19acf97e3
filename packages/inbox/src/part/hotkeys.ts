/** Keys that do something on a screen, unless somebody is writing or a dialog is open. */
import { useEffect, useLayoutEffect, useRef } from "react";

export type Hotkeys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

export function useHotkeys(keys: Hotkeys): void {
  const latest = useRef(keys);
  // With the screen itself, not a moment later: a key acts on what is seen.
  useLayoutEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || event.isComposing || isWriting(event.composedPath()[0])) return;
      if (document.querySelector('[role="dialog"], [role="alertdialog"]') !== null) return;
      // Enter and space belong to whatever has the focus.
      if ((event.key === "Enter" || event.key === " ") && event.target instanceof Element && event.target.closest("a, button, summary, [role=checkbox]") !== null) return;
      const act = latest.current[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act(event);
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** The innermost target: an editor is in a shadow tree of its own. */
function isWriting(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select"));
}
