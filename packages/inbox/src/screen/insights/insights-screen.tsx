/** How people decide: figures, charts and tables over the last days, as far as one may read what they are made of. Called by page.tsx. */
import { useEffect, useState } from "react";
import { PERIODS, readInsights } from "../../api/insights.ts";
import type { Insights, Period } from "../../api/insights.ts";
import { refresh, useQuery } from "../../api/query.ts";
import { EmptyState, Notice } from "../../part/notice.tsx";
import { absoluteTime } from "../../part/time-words.ts";
import { stepName } from "../../part/chart/chart-data.ts";
import { Chart } from "../../part/chart/chart.tsx";
import { ApproverPanels, RubberStampWarning } from "./approver-panels.tsx";
import { FigureTables } from "./figure-tables.tsx";
import { callsChart, outcomesChart, paceChart } from "./insight-charts.ts";
import { Tiles } from "./tiles.tsx";
import "./insights-screen.css";

const PERIOD_NAMES: { readonly [K in Period]: string } = { 1: "24 hours", 7: "7 days", 30: "30 days", 90: "90 days" };
/** Figures change with every call; so often they are asked for anew while somebody looks. */
const AGAIN_MS = 30_000;
const SOON_MS = 1_000;

export function InsightsScreen() {
  const [days, setDays] = useState<Period>(7);
  const { value, failure, isLoading } = useQuery(`insights ${days}`, () => readInsights(days));
  const isComplete = value?.complete ?? true;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && refresh("insights"), isComplete ? AGAIN_MS : SOON_MS);
    return () => clearInterval(timer);
  }, [isComplete]);
  return (
    <div className="screen insights">
      <header className="screen-head">
        <h1>Insights</h1>
        <Periods days={days} onChange={setDays} />
      </header>
      <p className="muted small" role="status">
        {value === undefined ? (isLoading ? "Counting…" : "") : spanWords(value)}
      </p>
      {failure === undefined ? null : (
        <Notice tone="no" title="The figures cannot be shown" live>
          {failure.message}
        </Notice>
      )}
      {value === undefined ? null : <Figures insights={value} />}
    </div>
  );
}

function spanWords({ complete, countedFrom, from, step }: Insights): string {
  if (!complete) return countedFrom > from && Number.isFinite(countedFrom) ? `Counting older calls; so far back to ${absoluteTime(countedFrom)}.` : "Counting older calls…";
  if (countedFrom > from) return `There are more requests than are counted: these figures go back to ${absoluteTime(countedFrom)}.`;
  return `Since ${stepName(from, step)}. A call counts when it was asked about, whenever it was decided.`;
}

function Periods({ days, onChange }: { readonly days: Period; readonly onChange: (days: Period) => void }) {
  return (
    <fieldset className="periods">
      <legend className="only-read">Period</legend>
      {PERIODS.map((period) => (
        <label key={period} className="period">
          <input type="radio" name="period" className="only-read" checked={days === period} onChange={() => onChange(period)} />
          <span>{PERIOD_NAMES[period]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Figures({ insights }: { readonly insights: Insights }) {
  const { totals, approvers, weights } = insights;
  const charts = useUnchanged({ outcomes: outcomesChart(insights), calls: callsChart(insights), pace: paceChart(insights) });
  const isEmpty = totals.held === 0 && (totals.ran ?? 0) + (totals.refused ?? 0) === 0;
  if (isEmpty) {
    return (
      <EmptyState title="No calls in this time" mark="∅">
        What agents do, what a policy holds and how people decide is counted here as it happens.
      </EmptyState>
    );
  }
  return (
    <>
      <Tiles totals={totals} />
      {approvers === null ? null : <RubberStampWarning approvers={approvers} />}
      <div className="insight-charts">
        <Chart title="Held calls, and what became of them" data={charts.outcomes} />
        {charts.calls === undefined ? null : <Chart title="All calls" data={charts.calls} />}
        <Chart title="Time to decision" data={charts.pace} />
      </div>
      {approvers === null || weights === null ? null : <ApproverPanels approvers={approvers} weights={weights} />}
      <FigureTables insights={insights} />
    </>
  );
}

/** The same object as before while it says the same: a chart is drawn anew only where its figures are others. */
function useUnchanged<T extends object>(value: T): T {
  const [kept, setKept] = useState(value);
  if (JSON.stringify(kept) === JSON.stringify(value)) return kept;
  setKept(value);
  return value;
}
