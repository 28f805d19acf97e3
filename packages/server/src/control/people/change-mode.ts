/** One-person mode: on in a fresh installation of one machine; it ends in the very commit that makes a second person able to approve. */
import type { Person } from "../../store/entity/directory.ts";
import type { Change } from "../../store/store.ts";
import type { LedgerEntry, View } from "../ledger.ts";
import { isOnePersonMode, mayApprove, ONE_PERSON_MODE } from "./rights.ts";

export interface Part {
  readonly changes: readonly Change[];
  readonly entries: readonly LedgerEntry[];
}

export function setMode(view: View, on: boolean, by: string, why: string): Part {
  const rev = view.get("setting", ONE_PERSON_MODE)?.rev ?? 0;
  return {
    changes: [{ table: "setting", id: ONE_PERSON_MODE, rev, data: { name: ONE_PERSON_MODE, value: on } }],
    entries: [{ type: "event", at: view.now, event: "mode_changed", detail: { mode: ONE_PERSON_MODE, on, by, why } }],
  };
}

/** What a person's new data means for the mode. */
export function modeAfter(view: View, personId: string, data: Person, by: string): Part {
  if (!isOnePersonMode(view) || !mayApprove(data)) return { changes: [], entries: [] };
  const before = view.all("person").filter((it) => mayApprove(it.data));
  const others = before.filter((it) => it.id !== personId).length;
  if (before.length >= 2 || others === 0) return { changes: [], entries: [] };
  return setMode(view, false, by, "a second person can approve");
}
