/** From figures to charts. Pure. */
import type { Insights } from "../../api/insights.ts";
import type { ChartData } from "../../part/chart/chart-data.ts";
import { numberWords, paceWords } from "./figure-words.ts";

type Step = Insights["series"][number];

function chart({ series, step }: Insights, kind: ChartData["kind"], format: ChartData["format"], lines: readonly (readonly [string, ChartData["series"][number]["tone"], (of: Step) => number | null])[]): ChartData {
  return { kind, step, format, at: series.map(({ at }) => at), series: lines.map(([name, tone, of]) => ({ name, tone, values: series.map(of) })) };
}

export function outcomesChart(insights: Insights): ChartData {
  return chart(insights, "bars", numberWords, [
    ["Approved", "yes", (of) => of.approved],
    ["Denied", "no", (of) => of.denied],
    ["Expired", "still", (of) => of.expired],
    ["By a grant", "accent", (of) => of.granted],
    ["Withdrawn", "doubt", (of) => of.withdrawn],
    ["Open", "line", (of) => of.open],
  ]);
}

/** Undefined for whoever may not know of calls that nobody was asked about. */
export function callsChart(insights: Insights): ChartData | undefined {
  if (insights.totals.ran === null) return undefined;
  return chart(insights, "bars", numberWords, [
    ["Ran unasked", "yes", (of) => of.ran],
    ["Held", "accent", (of) => of.held],
    ["Refused", "no", (of) => of.refused],
  ]);
}

export function paceChart(insights: Insights): ChartData {
  return chart(insights, "lines", paceWords, [
    ["Median", "accent", (of) => of.medianMs],
    ["95 of 100 within", "doubt", (of) => of.p95Ms],
  ]);
}
