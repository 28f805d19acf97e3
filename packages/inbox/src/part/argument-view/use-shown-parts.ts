/** Which parts of a view were on the screen to their ends, and the way to the first that was not. Once seen stays seen: it is the same call. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ArgumentTab } from "./argument-view.tsx";
import { partsLeft, partsOf } from "./view-parts.ts";
import type { ViewRow } from "./view-rows.ts";

export interface ShownParts {
  readonly tab: ArgumentTab;
  readonly onTab: (tab: ArgumentTab) => void;
  /** Long texts that were asked to be open. */
  readonly opened: ReadonlySet<string>;
  readonly onSeen: (part: string) => void;
  readonly left: readonly string[];
  /** Opens the first part that is left and brings its end onto the screen. */
  readonly showNext: () => void;
}

const NOTHING: ReadonlySet<string> = new Set();

export function useShownParts(rows: readonly ViewRow[], place: string): ShownParts {
  const [seen, setSeen] = useState(NOTHING);
  const [opened, setOpened] = useState(NOTHING);
  const [tab, setTab] = useState<ArgumentTab>("tree");
  const [wanted, setWanted] = useState<{ readonly part: string }>();
  const onSeen = useCallback((part: string) => setSeen((before) => including(before, part)), []);
  const left = useMemo(() => partsLeft(partsOf(rows), seen), [rows, seen]);
  const done = useRef<object>(undefined);

  useEffect(() => {
    if (wanted === undefined || done.current === wanted) return;
    done.current = wanted;
    const root = document.querySelector(`[data-place="${place}"]`);
    const ends = [...(root?.querySelectorAll("[data-end]") ?? [])];
    ends.find((end) => end.getAttribute("data-end") === wanted.part)?.scrollIntoView({ block: "center" });
  }, [wanted, place]);

  function showNext(): void {
    const [part] = left;
    if (part === undefined) return;
    setTab("tree");
    setOpened((before) => including(before, part));
    setWanted({ part });
  }
  return { tab, onTab: setTab, opened, onSeen, left, showNext };
}

function including(set: ReadonlySet<string>, part: string): ReadonlySet<string> {
  return set.has(part) ? set : new Set([...set, part]);
}
