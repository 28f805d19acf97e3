/** What a thread is asked to try, and what it answers. Data alone: it is copied from one thread to the other. */
import type { JsonObject } from "@countersign/sdk";
import type { PolicyProblem } from "@countersign/sdk";
import type { ArgumentKey } from "@countersign/sdk/record";
import type { trial } from "@countersign/sdk/wire";
import type { Tallied } from "./tally.ts";

/** A call as a row of the record tells it, or as a request does. */
export interface TriedCall {
  readonly row: JsonObject;
  /** RFC 8785 text; null where it is not there or not for whoever asks. */
  readonly argumentsText: string | null;
  /** What else is known of it, where it is a request's. */
  readonly definition: JsonObject | null;
}

export type TrialJob =
  | { readonly kind: "explain"; readonly draft: string; readonly inForce: string | null; readonly call: TriedCall }
  /** `keys`: those that open arguments; rows sealed under others count as without. `from`: earlier rows are left out. */
  | { readonly kind: "replay"; readonly draft: string; readonly against: string | null; readonly from: number; readonly keys: readonly ArgumentKey[] };

/** To a thread that replays: rows in order, then null. */
export type Rows = readonly string[] | null;

export type TrialReply =
  | { readonly kind: "more" }
  | { readonly kind: "explained"; readonly draft: trial.Explanation; readonly inForce: trial.Explanation | null }
  | { readonly kind: "replayed"; readonly tallied: Tallied }
  | { readonly kind: "problems"; readonly problems: readonly PolicyProblem[] };
