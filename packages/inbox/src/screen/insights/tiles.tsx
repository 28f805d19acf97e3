/** The figures that are looked at first. */
import type { Insights } from "../../api/insights.ts";
import { numberWords, paceOrNone, rateWords } from "./figure-words.ts";

export function Tiles({ totals }: { readonly totals: Insights["totals"] }) {
  const { ran, refused, held, approved, denied, expired, granted, withdrawn, open, medianMs, p95Ms, answeredByAgents } = totals;
  const share = (part: number): string => (held === 0 ? "" : `${Math.round((100 * part) / held)} % of held calls`);
  return (
    <dl className="tiles">
      {ran === null || refused === null ? null : <Tile name="Calls" value={numberWords(ran + refused + held)} more={`${numberWords(ran)} ran unasked, ${numberWords(refused)} refused`} />}
      <Tile name="Held" value={numberWords(held)} more={heldWords({ granted, withdrawn, open, answeredByAgents })} />
      <Tile name="Approval rate" value={rateWords(approved, denied)} more={`${numberWords(approved)} approved, ${numberWords(denied)} denied by people`} />
      <Tile name="Median time to decision" value={paceOrNone(medianMs)} more={p95Ms === null ? "nobody has decided" : `95 of 100 within ${paceOrNone(p95Ms)}`} />
      <Tile name="Expired" value={numberWords(expired)} more={share(expired)} />
    </dl>
  );
}

function heldWords({ granted, withdrawn, open, answeredByAgents }: Pick<Insights["totals"], "granted" | "withdrawn" | "open" | "answeredByAgents">): string {
  const parts = [
    [open, "open"],
    [granted, "by a grant"],
    [withdrawn, "withdrawn"],
    [answeredByAgents ?? 0, "more answered in agents' own processes"],
  ] as const;
  return parts.filter(([count]) => count > 0).map(([count, words]) => `${numberWords(count)} ${words}`).join(", ");
}

function Tile({ name, value, more }: { readonly name: string; readonly value: string; readonly more: string }) {
  return (
    <div className="tile panel">
      <dt className="muted small">{name}</dt>
      <dd>
        <span className="tile-value numbers">{value}</span>
        <span className="tile-more muted small">{more}</span>
      </dd>
    </div>
  );
}
