/**
 * The kill matrix (R9, R10, R11, R26): where a trial is stopped, which part is killed there, and what must be true afterwards.
 * Written down before any run; a run that disagrees is a bug in one of the two, and says in which cell.
 */

export const POINTS = [
  "K0 the agent has the call and has judged nothing",
  "K1 the verdict is computed, and the question is on its way",
  "K2 the request's row is committed, and nobody knows yet",
  "K3 the notification is sent, and has not arrived",
  // No channel keeps a row of its own about a notification yet: that it arrived is all that can be told of K4.
  "K4 the notification has arrived, and the agent does not know of its request",
  "K5 the agent waits",
  "K6 the decision has come in, and is not committed",
  "K7 the decision is committed, and nobody knows yet",
  "K8 the approver has the acknowledgement, and the agent's news is on its way",
  "K9 the waiter is awake, and its claim is on its way",
  "K10 claim and intent are committed, and the claimer does not know",
  "K11 one byte of the call has gone upstream",
  "K12 all bytes have gone upstream, and the upstream has done it",
  // The caller's answer does not wait for the outcome to be told: from K13 on the caller has it, or is about to.
  "K13 the reply is received, and the outcome is on its way",
  "K14 the outcome is committed, and nobody knows yet",
  "K15 the caller has the reply, and the outcome is told",
] as const;

export const VICTIMS = ["agent", "control plane", "store", "upstream", "caller"] as const;
export type Victim = (typeof VICTIMS)[number];

export interface Cell {
  /** State of the request once the dead part is back and nobody has done anything; `none`: there is no row. */
  readonly settled: "none" | "pending" | "approved" | "completed" | "cancelled" | "outcome_unknown";
  /** What the upstream has done by then. */
  readonly sends: 0 | 1;
  /** What the caller got, one of these; `waits`: nothing yet. */
  readonly caller: readonly ("gone" | "waits" | "result" | "error" | "refused: control_plane_unavailable")[];
  /**
   * How it goes on. `vote`: the person votes, and the waiting caller gets its result. `again`: the same call joins the same
   * request and runs. `anew`: the same call is asked about anew. `end`: this was the end. In all but the last the call has run once.
   */
  readonly goesOn: "vote" | "again" | "anew" | "end";
  readonly why: string;
}

const GONE = ["gone"] as const;
const WAITS = ["waits"] as const;
const RESULT = ["result"] as const;
/** The reply was being handed over when the agent or the caller died. */
const PERHAPS = ["gone", "result"] as const;
const REFUSED = ["refused: control_plane_unavailable"] as const;

const nothingAsked: Cell = { settled: "none", sends: 0, caller: GONE, goesOn: "anew", why: "nobody was asked" };
const unasked: Cell = { settled: "none", sends: 0, caller: REFUSED, goesOn: "anew", why: "nobody can be asked, so the call is refused within two seconds" };
const unheard: Cell = { settled: "pending", sends: 0, caller: REFUSED, goesOn: "again", why: "the row stands, but whoever asked could not learn of it in time; the same call joins it" };
const stillAsked: Cell = { settled: "pending", sends: 0, caller: WAITS, goesOn: "vote", why: "the row stands and the caller waits on" };
const wentOn: Cell = { settled: "completed", sends: 1, caller: RESULT, goesOn: "end", why: "what was committed stands, what was not is told again, and the call runs once" };
const done: Cell = { settled: "completed", sends: 1, caller: RESULT, goesOn: "end", why: "it was over" };

const AGENT: readonly Cell[] = [
  nothingAsked,
  { ...nothingAsked, why: "the question died with the agent" },
  ...[2, 3, 4, 5].map((): Cell => ({ settled: "pending", sends: 0, caller: GONE, goesOn: "again", why: "the row outlives the agent; its successor joins it" })),
  ...[6, 7, 8, 9].map((): Cell => ({ settled: "approved", sends: 0, caller: GONE, goesOn: "again", why: "the yes outlives the agent; its successor claims it" })),
  { settled: "outcome_unknown", sends: 0, caller: GONE, goesOn: "end", why: "claimed by a process that never spoke again: it may have run, so it is never run again" },
  { settled: "outcome_unknown", sends: 0, caller: GONE, goesOn: "end", why: "a part of the call had left" },
  { settled: "outcome_unknown", sends: 1, caller: GONE, goesOn: "end", why: "it ran, and whoever could say so is dead" },
  { settled: "outcome_unknown", sends: 1, caller: PERHAPS, goesOn: "end", why: "it ran, and the report died with the agent" },
  { ...done, caller: PERHAPS, why: "the outcome was committed before the agent died" },
  done,
];

const CONTROL_PLANE: readonly Cell[] = [
  unasked,
  unasked,
  unheard,
  unheard,
  unheard,
  stillAsked,
  { ...stillAsked, why: "the vote was never committed and never acknowledged: the approver votes again" },
  ...[7, 8, 9, 10, 11, 12, 13, 14].map(() => wentOn),
  done,
];

const STORE: readonly Cell[] = [
  unasked,
  unasked,
  unheard,
  { ...stillAsked, why: "the row was acknowledged; the store's restart has it" },
  { ...stillAsked, why: "the row was acknowledged; the store's restart has it" },
  stillAsked,
  { ...stillAsked, why: "the vote was never committed: the approver was told so and votes again" },
  ...[7, 8, 9, 10, 11, 12, 13, 14].map(() => wentOn),
  done,
];

const UPSTREAM: readonly Cell[] = [
  ...[0, 1, 2, 3, 4, 5].map((): Cell => ({ ...stillAsked, why: "nothing had been sent; the upstream is back before anything is" })),
  ...[6, 7, 8, 9, 10].map((): Cell => ({ ...wentOn, why: "nothing had been sent; the upstream is back before anything is" })),
  { settled: "outcome_unknown", sends: 0, caller: ["error"], goesOn: "end", why: "a part of the call had left and no answer came" },
  { settled: "outcome_unknown", sends: 1, caller: ["error"], goesOn: "end", why: "it ran, and no answer came" },
  { ...done, why: "the reply was there already" },
  { ...done, why: "the reply was there already" },
  done,
];

const CALLER: readonly Cell[] = [
  nothingAsked,
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((): Cell => ({ settled: "cancelled", sends: 0, caller: GONE, goesOn: "anew", why: "nobody waits for it any more, so it ends, a yes included" })),
  ...[9, 10].map((): Cell => ({ settled: "cancelled", sends: 0, caller: GONE, goesOn: "anew", why: "the claim was on its way and is given back, since nothing was sent; nobody waits for it any more, so it ends" })),
  { settled: "outcome_unknown", sends: 1, caller: GONE, goesOn: "end", why: "a part of the call had left; the rest went too, and nobody waited for the answer" },
  { settled: "outcome_unknown", sends: 1, caller: GONE, goesOn: "end", why: "it ran, and nobody waited for the answer" },
  { ...done, caller: PERHAPS },
  { ...done, caller: PERHAPS },
  done,
];

const TABLE: Readonly<Record<Victim, readonly Cell[]>> = { agent: AGENT, "control plane": CONTROL_PLANE, store: STORE, upstream: UPSTREAM, caller: CALLER };

/** On SQLite the control plane is the store: one process, and its column says what becomes of both. */
export function cellOf(victim: Victim, point: number, kind: "sqlite" | "postgres"): Cell {
  const column = victim === "store" && kind === "sqlite" ? "control plane" : victim;
  const cell = TABLE[column][point];
  if (cell === undefined) throw new RangeError(`there is no K${point}`);
  return cell;
}
