/**
 * From what the record tells to the figures of some days. A call counts where it was asked about, whenever it was decided, so that in
 * every line held calls add up. Pauses again and again, so that nobody waits for it. Called by create-insights.ts.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { insights } from "@countersign/sdk/wire";
import { Voting } from "./voting.ts";
import type { FactBook } from "./request-facts.ts";
import { Tally } from "./tally.ts";
import type { UnaskedCalls } from "./unasked-calls.ts";

/** Days or hours of the reader's clock: the one that is now, and those before it. */
export interface Span {
  readonly from: number;
  readonly until: number;
  readonly step: "hour" | "day";
}

export function spanOf(now: number, days: number, offsetMs: number): Span {
  const step = days <= HOURLY_DAYS ? "hour" : "day";
  const steps = step === "hour" ? days * 24 : days;
  return { from: placeOf(now, step, offsetMs) - (steps - 1) * STEP_MS[step], until: now + 1, step };
}

function placeOf(at: number, step: Span["step"], offsetMs: number): number {
  return Math.floor((at + offsetMs) / STEP_MS[step]) * STEP_MS[step] - offsetMs;
}

export interface SummaryOptions {
  readonly facts: FactBook;
  readonly unasked: UnaskedCalls;
  readonly span: Span;
  /** Of the reader's clock from UTC. */
  readonly offsetMs: number;
  readonly maySee: MaySee;
}

/** What whoever asks may read otherwise: the record; votes, and who cast them. */
export interface MaySee {
  readonly record: boolean;
  readonly votes: boolean;
}

export type Summary = Omit<insights.Insights, "complete" | "countedFrom">;

const HOUR_MS = 3_600_000;
const STEP_MS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
/** Up to here the series goes by hours. */
const HOURLY_DAYS = 2;
const AT_ONCE = 1_000;
/** Lines of a table. */
const MOST_LINES = 100;

export async function summarise({ facts, unasked, span, offsetMs, maySee }: SummaryOptions): Promise<Summary> {
  const { from, until, step } = span;
  const totals = new Tally();
  const series = new Map<number, Tally>();
  for (let at = from; at < until; at += STEP_MS[step]) series.set(at, new Tally());
  const stepOf = (at: number): Tally | undefined => series.get(placeOf(at, step, offsetMs));
  const [tools, agents, policies] = [new Named(), new Named(), new Named()];
  const names = new Map<string, Set<string>>();
  const voting = new Voting();

  let seen = 0;
  for (const [id, { created, end, votes }] of facts.requests) {
    if (++seen % AT_ONCE === 0) await nextTurn();
    if (created === null || facts.isReplaced(id)) continue;
    const edit = facts.editOf(id);
    const askedAt = edit?.askedAt ?? created.at;
    if (askedAt < from || askedAt >= until) continue;
    const tallies = [totals, stepOf(askedAt), tools.of(created.policyId), agents.of(created.principal), ...created.policies.map((policy) => policies.of(policy))];
    for (const tally of tallies) tally?.takeHeld(end, askedAt);
    const known = names.get(created.principal) ?? new Set();
    if (created.agent !== "" && known.size < 3) names.set(created.principal, known.add(created.agent));
    if (maySee.votes) voting.take(created, votes, edit);
  }
  for (const [hour, of] of unasked.hours) {
    const at = hour * HOUR_MS;
    if (at + HOUR_MS <= from || at >= until) continue;
    const ofStep = stepOf(Math.max(at, from));
    for (const [name, counts] of of.tools) for (const tally of [totals, ofStep, tools.of(name)]) tally?.takeUnasked(counts);
    for (const [name, counts] of of.callers) agents.of(name).takeUnasked(counts);
  }

  await nextTurn();
  const both = (tally: Tally) => ({ ...tally.unasked(maySee.record), ...tally.held() });
  const shown = (named: Named) => named.largest(MOST_LINES, maySee.record);
  const answeredByAgents = maySee.record ? facts.answered.filter(({ at }) => at >= from && at < until).length : null;
  const lines = {
    totals: { ...both(totals), answeredByAgents },
    series: [...series].map(([at, tally]) => ({ at, ...both(tally) })),
    tools: shown(tools).map(([policyId, tally]) => ({ policyId, ...both(tally) })),
  };
  // Each part sorts every decision's time once.
  await nextTurn();
  return {
    ...span,
    ...lines,
    agents: shown(agents).map(([principal, tally]) => ({ principal, names: [...(names.get(principal) ?? [])], ...both(tally) })),
    policies: shown(policies).map(([policy, tally]) => ({ policy, ...tally.held() })),
    weights: maySee.votes ? voting.weights() : null,
    approvers: maySee.votes ? voting.approvers(MOST_LINES) : null,
  };
}

class Named {
  readonly #tallies = new Map<string, Tally>();

  of(name: string): Tally {
    let tally = this.#tallies.get(name);
    if (tally === undefined) this.#tallies.set(name, (tally = new Tally()));
    return tally;
  }

  largest(most: number, withUnasked: boolean): readonly (readonly [string, Tally])[] {
    const sized = [...this.#tallies].map(([name, tally]) => ({ name, tally, size: tally.size(withUnasked) })).filter((one) => one.size > 0);
    return sized.toSorted((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1)).slice(0, most).map(({ name, tally }) => [name, tally]);
  }
}
