/** What a chart shows, apart from how it is drawn. Pure. */

/** A colour and a texture, so that neither has to be told apart alone. */
export const TONES = ["yes", "no", "still", "accent", "doubt", "line"] as const;
export type Tone = (typeof TONES)[number];

export interface ChartSeries {
  readonly name: string;
  readonly tone: Tone;
  /** One for each of `at`; null where there is none. */
  readonly values: readonly (number | null)[];
}

export interface ChartData {
  /** Bars stand on each other and add up; lines are each for itself. */
  readonly kind: "bars" | "lines";
  /** Starts of the steps, in milliseconds. */
  readonly at: readonly number[];
  readonly step: "hour" | "day";
  readonly series: readonly ChartSeries[];
  readonly format: (value: number) => string;
}

/** Each series on top of those before it; null where it adds nothing, so that no empty bar is drawn. */
export function stacked(series: readonly ChartSeries[]): readonly (readonly (number | null)[])[] {
  const below: number[] = [];
  return series.map(({ values }) =>
    values.map((value, index) => {
      const top = (below[index] ?? 0) + (value ?? 0);
      below[index] = top;
      return value === null || value === 0 ? null : top;
    }),
  );
}

export function stepName(at: number, step: ChartData["step"], locale?: string): string {
  const how: Intl.DateTimeFormatOptions = step === "hour" ? { hour: "2-digit", minute: "2-digit", weekday: "short" } : { day: "numeric", month: "short", weekday: "short" };
  return new Intl.DateTimeFormat(locale, how).format(at);
}

/** As short as an axis wants it. */
export function stepMark(at: number, step: ChartData["step"], locale?: string): string {
  return new Intl.DateTimeFormat(locale, step === "hour" ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" }).format(at);
}

/** One step in words: what a screen reader says, and what stands under the chart. */
export function stepWords({ at, step, series, format }: ChartData, index: number): string {
  const said = series.map(({ name, values }) => {
    const value = values[index];
    return value === null || value === undefined ? `${name.toLowerCase()} none` : `${name.toLowerCase()} ${format(value)}`;
  });
  return `${stepName(at[index] ?? 0, step)}: ${said.join(", ")}`;
}

/** Every so many-th step has its name on the axis, so that names do not run into each other. */
export function markEvery(steps: number, width: number, markWidth: number): number {
  return Math.max(1, Math.ceil((steps * markWidth) / Math.max(1, width)));
}
