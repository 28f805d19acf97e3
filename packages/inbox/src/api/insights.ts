/** Figures over the last days, in the reader's own days. */
import { insights } from "@countersign/sdk/contract";
import { callRoute } from "./call-route.ts";
import type { Result } from "./call-route.ts";

export type Insights = insights.Insights;
export const PERIODS = insights.INSIGHT_DAYS;
export type Period = (typeof PERIODS)[number];

export function readInsights(days: Period): Promise<Result<Insights>> {
  return callRoute("readInsights", insights.insights, { query: { days, offsetMinutes: -new Date().getTimezoneOffset() } });
}
