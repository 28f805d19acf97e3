/** A list of rows of one height, of which only those near the screen exist: ten thousand cost what twenty do. Scrolls with the page. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import "./virtual-list.css";

export interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly rowHeight: number;
  readonly keyOf: (item: T) => string;
  readonly label: string;
  /** Kept on the screen when it changes. */
  readonly activeIndex: number;
  readonly render: (item: T, index: number) => ReactNode;
}

const OVERSCAN = 6;

export function VirtualList<T>({ items, rowHeight, keyOf, label, activeIndex, render }: VirtualListProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const [range, setRange] = useState({ from: 0, to: 24 });

  useLayoutEffect(() => {
    let frame = 0;
    function measure(): void {
      frame = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const from = Math.max(0, Math.floor(-top / rowHeight) - OVERSCAN);
      const to = Math.ceil((innerHeight - top) / rowHeight) + OVERSCAN;
      setRange((before) => (before.from === from && before.to === to ? before : { from, to }));
    }
    function later(): void {
      if (frame === 0) frame = requestAnimationFrame(measure);
    }
    measure();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [rowHeight]);

  useEffect(() => {
    if (activeIndex < 0 || list.current === null) return;
    const top = list.current.getBoundingClientRect().top + activeIndex * rowHeight;
    const margin = rowHeight * 1.5;
    if (top < margin) scrollBy({ top: top - margin });
    else if (top + rowHeight > innerHeight - margin) scrollBy({ top: top + rowHeight - innerHeight + margin });
  }, [activeIndex, rowHeight]);

  const shown = items.slice(range.from, range.to);
  return (
    <ul ref={list} className="virtual" aria-label={label} style={{ height: items.length * rowHeight }}>
      {shown.map((item, offset) => {
        const index = range.from + offset;
        return (
          <li key={keyOf(item)} className="virtual-row" aria-setsize={items.length} aria-posinset={index + 1} style={{ height: rowHeight, transform: `translateY(${index * rowHeight}px)` }}>
            {render(item, index)}
          </li>
        );
      })}
    </ul>
  );
}
