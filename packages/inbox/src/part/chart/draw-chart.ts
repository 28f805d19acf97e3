/**
 * Draws a chart with uPlot, which is loaded when the first is drawn. Colours are those of the page's own styles, and every series has a
 * texture of its own beside its colour. Touches no markup but its own canvas. Called by chart.tsx.
 */
import type uPlot from "uplot";
import { markEvery, stacked, stepMark } from "./chart-data.ts";
import type { ChartData, Tone } from "./chart-data.ts";

export interface DrawnChart {
  /** Shows this step; undefined: none. */
  point(index: number | undefined): void;
  resize(width: number): void;
  close(): void;
}

export interface DrawOptions {
  readonly place: HTMLElement;
  readonly data: ChartData;
  /** A colour of the page, as it is now. */
  readonly colourOf: (name: Tone | "ground" | "text" | "grid") => string;
  /** The step that is pointed at. */
  readonly onPoint: (index: number | undefined) => void;
}

const HEIGHT = 190;
const MARK_WIDTH = 54;
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];
const SECOND = 1000;
const TIMES = [SECOND, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800].map((value, index) => (index === 0 ? value : value * SECOND));

export async function drawChart({ place, data, colourOf, onPoint }: DrawOptions): Promise<DrawnChart> {
  const { default: UPlot } = await import("uplot");
  const seconds = data.at.map((at) => at / SECOND);
  const values = data.kind === "bars" ? stacked(data.series) : data.series.map((one) => one.values);
  // The tallest first: what stands on it is drawn over it.
  const order = data.series.map((_, index) => index).toReversed();
  const plot = new UPlot(optionsOf(UPlot, data, order, colourOf, onPoint, place.clientWidth), [seconds, ...order.map((index) => [...(values[index] ?? [])])] as uPlot.AlignedData, place); // lists of equal length
  return {
    point(index) {
      const at = index === undefined ? undefined : seconds[index];
      plot.setCursor(at === undefined ? { left: -10, top: -10 } : { left: plot.valToPos(at, "x"), top: 1 }, false);
    },
    resize: (width) => plot.setSize({ width, height: HEIGHT }),
    close: () => plot.destroy(),
  };
}

function optionsOf(UPlot: typeof uPlot, data: ChartData, order: readonly number[], colourOf: DrawOptions["colourOf"], onPoint: DrawOptions["onPoint"], width: number): uPlot.Options {
  const { at, kind, step, format } = data;
  const half = ((at[1] ?? 0) - (at[0] ?? 0)) / SECOND / 2 || 1800;
  const seconds = at.map((one) => one / SECOND);
  const axis = { stroke: colourOf("text"), grid: { stroke: colourOf("grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const every = (self: uPlot): number => markEvery(at.length, self.width - 60, MARK_WIDTH);
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "lines" }, focus: { prox: -1 } },
    scales: { x: { time: true, range: [(seconds[0] ?? 0) - half, (seconds.at(-1) ?? 0) + half] }, y: { range: (_, __, most) => [0, Math.max(kind === "bars" ? 4 : SECOND, most ?? 0) * 1.08] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 4, splits: (self) => seconds.filter((_, index) => (at.length - 1 - index) % every(self) === 0), values: (_, splits) => splits.map((one) => stepMark(one * SECOND, step)) },
      { ...axis, size: 62, incrs: kind === "bars" ? COUNTS : TIMES, values: (_, splits) => splits.map((value) => format(value)) },
    ],
    series: [{}, ...order.map((index) => seriesOf(UPlot, data, index, colourOf))],
    hooks: { setCursor: [(self) => onPoint(self.cursor.idx ?? undefined)] },
  };
}

function seriesOf(UPlot: typeof uPlot, { kind, series }: ChartData, index: number, colourOf: DrawOptions["colourOf"]): uPlot.Series {
  const tone = series[index]?.tone ?? "line";
  const colour = colourOf(tone);
  if (kind === "lines") return { stroke: colour, width: 2, dash: index === 0 ? [] : [6, 4], points: { show: true, size: 6, fill: colour, stroke: colour }, spanGaps: true };
  const bars = UPlot.paths.bars;
  return { stroke: colour, width: 1, fill: (self) => texture(self.ctx, tone, colour, colourOf("ground")), points: { show: false }, ...(bars === undefined ? {} : { paths: bars({ size: [0.72, 46], align: 0 }) }) };
}

/** Opaque, so that what is under it does not shine through. */
function texture(context: CanvasRenderingContext2D, tone: Tone, colour: string, ground: string): CanvasPattern | string {
  if (tone === "yes") return colour;
  const side = 8 * Math.max(1, Math.round(devicePixelRatio));
  const tile = new OffscreenCanvas(side, side);
  const brush = tile.getContext("2d");
  if (brush === null) return colour;
  brush.fillStyle = ground;
  brush.fillRect(0, 0, side, side);
  brush.strokeStyle = brush.fillStyle = colour;
  brush.lineWidth = side / 4;
  const lines: { readonly [K in Exclude<Tone, "yes">]: readonly (readonly [number, number, number, number])[] } = {
    no: [[-0.25, 0.25, 0.25, -0.25], [0, 1, 1, 0], [0.75, 1.25, 1.25, 0.75]],
    accent: [[0, 0.5, 1, 0.5]],
    doubt: [[0.5, 0, 0.5, 1]],
    still: [],
    line: [],
  };
  brush.beginPath();
  for (const [x, y, toX, toY] of lines[tone]) {
    brush.moveTo(x * side, y * side);
    brush.lineTo(toX * side, toY * side);
  }
  brush.stroke();
  if (tone === "still") for (const [x, y] of [[0.12, 0.12], [0.62, 0.62]] as const) brush.fillRect(x * side, y * side, side / 3, side / 3);
  return context.createPattern(tile, "repeat") ?? colour;
}
