/**
 * A chart for everybody: drawn, as a table, and in words for whoever goes along it with the arrow keys. Colour alone says nothing: each
 * series has a texture, and the legend tells the numbers of the step that is pointed at.
 */
import { useEffect, useId, useRef, useState } from "react";
import type { KeyboardEvent } from "react";
import "uplot/dist/uPlot.min.css";
import { Button } from "../button.tsx";
import { DataTable } from "../data-table.tsx";
import { stepName, stepWords, TONES } from "./chart-data.ts";
import type { ChartData, Tone } from "./chart-data.ts";
import { drawChart } from "./draw-chart.ts";
import type { DrawnChart } from "./draw-chart.ts";
import "./chart.css";

export interface ChartProps {
  readonly title: string;
  readonly data: ChartData;
}

export function Chart({ title, data }: ChartProps) {
  const id = useId();
  const [asTable, setAsTable] = useState(false);
  const [index, setIndex] = useState<number>();
  return (
    <figure className="chart panel" aria-labelledby={id}>
      <figcaption className="chart-head">
        <h2 id={id}>{title}</h2>
        <Button size="small" tone="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          As a table
        </Button>
      </figcaption>
      {asTable ? (
        <ChartTable title={title} data={data} />
      ) : (
        <>
          <Legend data={data} index={index} />
          <Drawing title={title} data={data} index={index} onIndex={setIndex} />
        </>
      )}
    </figure>
  );
}

function Legend({ data, index }: { readonly data: ChartData; readonly index: number | undefined }) {
  return (
    <ul className="chart-legend small">
      {data.series.map(({ name, tone, values }) => {
        const value = index === undefined ? undefined : values[index];
        return (
          <li key={name}>
            <span className={`chart-swatch swatch-${data.kind === "lines" ? "line" : "bar"} tone-${tone}`} aria-hidden="true" />
            {name}
            <span className="numbers chart-value">{value === undefined || value === null ? "" : data.format(value)}</span>
          </li>
        );
      })}
      <li className="muted chart-step">{index === undefined ? "" : stepName(data.at[index] ?? 0, data.step)}</li>
    </ul>
  );
}

interface DrawingProps extends ChartProps {
  readonly index: number | undefined;
  readonly onIndex: (index: number | undefined) => void;
}

function Drawing({ title, data, index, onIndex }: DrawingProps) {
  const place = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const drawn = useRef<DrawnChart>(undefined);
  const theme = useThemeChanges();

  useEffect(() => {
    const [where, colours] = [place.current, probe.current];
    if (where === null || colours === null) return undefined;
    let gone = false;
    const colourOf = (name: Tone | "ground" | "text" | "grid"): string => {
      const of = colours.querySelector(`.tone-${name}`);
      return of === null ? "" : getComputedStyle(of).color;
    };
    const observer = new ResizeObserver(() => drawn.current?.resize(where.clientWidth));
    void drawChart({ place: where, data, colourOf, onPoint: onIndex }).then((chart) => {
      if (gone) return chart.close();
      drawn.current = chart;
      observer.observe(where);
    });
    return () => {
      gone = true;
      observer.disconnect();
      drawn.current?.close();
      drawn.current = undefined;
    };
  }, [data, onIndex, theme]);

  function go(event: KeyboardEvent): void {
    const last = data.at.length - 1;
    const to = { ArrowLeft: (index ?? last + 1) - 1, ArrowRight: (index ?? last - 1) + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, to));
    drawn.current?.point(next);
    onIndex(next);
  }

  const shown = index ?? data.at.length - 1;
  return (
    <div
      ref={place}
      className="chart-place"
      role="slider"
      tabIndex={0}
      aria-label={`${title}, step by step`}
      aria-valuemin={0}
      aria-valuemax={data.at.length - 1}
      aria-valuenow={shown}
      aria-valuetext={stepWords(data, shown)}
      onKeyDown={go}
      onBlur={() => {
        drawn.current?.point(undefined);
        onIndex(undefined);
      }}
    >
      <span ref={probe} hidden>
        {[...TONES, "ground", "text", "grid"].map((name) => (
          <span key={name} className={`tone-${name}`} />
        ))}
      </span>
    </div>
  );
}

function ChartTable({ title, data }: ChartProps) {
  return (
    <DataTable
      name={title}
      heads={[data.step === "hour" ? "Hour" : "Day", ...data.series.map(({ name }) => name)]}
      rows={data.at.map((at, index) => ({ key: String(at), cells: [stepName(at, data.step), ...data.series.map(({ values }) => (values[index] === null || values[index] === undefined ? "–" : data.format(values[index])))] })).toReversed()}
    />
  );
}

/** Counts how often the page changed between light and dark: a drawing does not follow by itself. */
function useThemeChanges(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const changed = (): void => setChanges((before) => before + 1);
    const observer = new MutationObserver(changed);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", changed);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", changed);
    };
  }, []);
  return changes;
}
