/** Rows of any number and height, made when they come near the screen. What is not made yet keeps its place. */
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";

export interface LazyRowsProps<T> {
  readonly rows: readonly T[];
  readonly heightOf: (row: T) => number;
  readonly render: (row: T, index: number) => ReactNode;
}

const CHUNK = 80;

export function LazyRows<T>({ rows, heightOf, render }: LazyRowsProps<T>) {
  if (rows.length <= CHUNK) return rows.map(render);
  const chunks = Array.from({ length: Math.ceil(rows.length / CHUNK) }, (_, index) => index * CHUNK);
  return chunks.map((start) => <LazyChunk key={start} rows={rows} start={start} heightOf={heightOf} render={render} />);
}

function LazyChunk<T>({ rows, start, heightOf, render }: LazyRowsProps<T> & { readonly start: number }) {
  const place = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(start === 0);
  useEffect(() => {
    if (isNear || place.current === null) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setNear(true), { rootMargin: "800px 0px" });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [isNear]);
  const own = rows.slice(start, start + CHUNK);
  if (!isNear) return <div ref={place} style={{ height: own.reduce((sum, row) => sum + heightOf(row), 0) }} />;
  return <div>{own.map((row, offset) => render(row, start + offset))}</div>;
}
