/** Moves by what matters most to whoever puts a document in force: what would run that did not. Pure. */
import type { trial } from "@countersign/sdk/contract";

/** How free a call is: refused, asked about, or running. */
const FREEDOM: Readonly<Record<trial.VerdictKind, number>> = { never: 0, throttled: 0, block: 1, throttle: 2, warn: 2, allow: 2 };

export type FreedomChange = "freer" | "stricter" | "same";

export function freedomChange(before: trial.VerdictKind, after: trial.VerdictKind): FreedomChange {
  const change = FREEDOM[after] - FREEDOM[before];
  return change > 0 ? "freer" : change < 0 ? "stricter" : "same";
}

const RANK = { freer: 0, stricter: 1, same: 2 } as const;

export function sortMoves(moves: readonly trial.ReplayMove[]): readonly trial.ReplayMove[] {
  return moves.toSorted((a, b) => RANK[freedomChange(a.before, a.after)] - RANK[freedomChange(b.before, b.after)] || b.denied - a.denied || b.calls - a.calls);
}
