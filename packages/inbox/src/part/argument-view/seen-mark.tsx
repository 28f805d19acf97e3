/** Reports once that a place came onto the screen, clear of the bar at its bottom. */
import { useEffect, useRef } from "react";

export function SeenMark({ part, onSeen }: { readonly part: string; readonly onSeen: () => void }) {
  const place = useRef<HTMLSpanElement>(null);
  const latest = useRef(onSeen);
  useEffect(() => {
    latest.current = onSeen;
  });
  useEffect(() => {
    if (place.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        latest.current();
      },
      // The bar with the buttons covers the bottom of a small screen, and of a dialog.
      { rootMargin: matchMedia("(max-width: 999px)").matches || place.current.closest("[role=dialog]") !== null ? "0px 0px -96px 0px" : "0px" },
    );
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return <span ref={place} className="seen-mark" data-end={part} aria-hidden="true" />;
}
