/** The state of a request in a word and a colour. */
import type { RequestState } from "@countersign/sdk/contract";
import "./state-badge.css";

const STATES: { readonly [K in RequestState]: { readonly word: string; readonly tone: "wait" | "yes" | "no" | "doubt" | "still" } } = {
  pending: { word: "Waiting", tone: "wait" },
  approved: { word: "Approved", tone: "yes" },
  executing: { word: "Running", tone: "wait" },
  completed: { word: "Completed", tone: "yes" },
  failed: { word: "Failed", tone: "doubt" },
  outcome_unknown: { word: "Outcome unknown", tone: "doubt" },
  denied: { word: "Denied", tone: "no" },
  expired: { word: "Expired", tone: "still" },
  cancelled: { word: "Cancelled", tone: "still" },
  superseded: { word: "Superseded", tone: "still" },
};

export function StateBadge({ state }: { readonly state: RequestState }) {
  const { word, tone } = STATES[state];
  return <span className={`badge badge-${tone}`}>{word}</span>;
}
