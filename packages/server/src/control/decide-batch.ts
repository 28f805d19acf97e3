/** Decides the commands of one batch one after the other and makes of them one set of changes with its rows. Pure. */
import type { RecordHead } from "@countersign/sdk/record";
import type { Change, RecordLine } from "../store/store.ts";
import type { LedgerFacts } from "./ledger-facts.ts";
import { BatchView } from "./ledger-view.ts";
import type { Command, Plan } from "./ledger.ts";
import { linkRows } from "./link-rows.ts";
import { ACTIVE_POLICY } from "./policy-in-force.ts";
import type { PolicyInForce } from "./policy-in-force.ts";
import { assertTold } from "./resident-tables.ts";

export type Outcome = { readonly ok: true; readonly answer: unknown } | { readonly ok: false; readonly thrown: unknown };

export interface DecidedBatch {
  /** Of the commands from the first on; those without an outcome must wait for the next batch. */
  readonly outcomes: readonly Outcome[];
  readonly changes: readonly Change[];
  readonly lines: readonly RecordLine[];
  readonly head: RecordHead;
  /** The store's clock when the commit counts no more. */
  readonly before: number;
  readonly policy: PolicyInForce | undefined;
}

/**
 * What is decided counts only where the store's clock is not further than this from what it was decided by: an instance whose
 * clock lags (the store's was set forward) would give approvals and leases that have run out already.
 */
const MAX_LAG_MS = 5_000;

/** Rows of one commit at most, but for those of its last command. */
const MAX_ROWS = 2_000;
/** And text, in UTF-16 code units: what takes a store longer than a commit may take would be refused to all, again and again. */
const MAX_LENGTH = 4 * 1024 * 1024;

export function decideBatch(facts: LedgerFacts, commands: readonly Command<unknown>[]): DecidedBatch {
  const view = new BatchView(facts);
  const outcomes: Outcome[] = [];
  const lines: RecordLine[] = [];
  let length = 0;
  let { head } = facts;
  let before = facts.now + MAX_LAG_MS;
  for (const command of commands) {
    if (lines.length >= MAX_ROWS || length >= MAX_LENGTH) break;
    try {
      const plan = command.apply(view);
      const { answer, changes = [], entries = [] } = plan;
      assertTold(changes, entries);
      if (view.admit(changes) === "later") break;
      assertPolicy(changes, facts, view);
      const linked = linkPlan(plan, head, view);
      view.apply(changes);
      lines.push(...linked.lines);
      length += lengthOf(changes, linked.lines);
      head = linked.head;
      before = Math.min(before, plan.before ?? Infinity);
      outcomes.push({ ok: true, answer });
    } catch (thrown) {
      // The command's own error; it changed nothing, so those after it are decided as if it had not been.
      outcomes.push({ ok: false, thrown });
    }
  }
  const policy = lines.length === 0 ? facts.current : view.policy;
  return { outcomes, changes: view.changes(), lines, head, before, policy };
}

/** Of what can be long: rows, the arguments of requests, documents. */
function lengthOf(changes: readonly Change[], lines: readonly RecordLine[]): number {
  let length = 0;
  for (const { line } of lines) length += line.length;
  for (const { table, data } of changes) length += (table === "approval" ? data?.sealed?.data.length : table === "policy_version" ? data?.text.length : 0) ?? 0;
  return length;
}

/** Throws where a plan puts a document in force that cannot be: before it is part of the batch. */
function assertPolicy(changes: readonly Change[], facts: LedgerFacts, view: BatchView): void {
  const change = changes.find(({ table, id }) => table === "setting" && id === ACTIVE_POLICY);
  if (change?.table !== "setting" || change.data === null) return;
  const setting = { id: change.id, rev: change.rev + 1, data: change.data };
  const saved = changes.find((it) => it.table === "policy_version" && it.data?.version === change.data?.value);
  const find: BatchView["find"] = (table, column, value) => view.find(table, column, value);
  // Asked for this one row alone, and for the version that it names.
  facts.policy({ get: (() => setting) as BatchView["get"], find: saved === undefined ? find : ((() => ({ ...saved, rev: 1 })) as BatchView["find"]) });
}

/** Rows are found by principal and policy id of the request they tell of: as it was, or as this very plan makes it. */
function linkPlan({ changes = [], entries = [], seal }: Plan<unknown>, head: RecordHead, view: BatchView) {
  const requestOf = (id: string) => {
    const made = changes.find((change) => change.table === "approval" && change.id === id);
    if (made?.table === "approval" && made.data !== null) return made.data;
    // Where the command knows of it by other means, the row is found by its request id alone.
    return view.hasRead("approval", id) ? view.get("approval", id)?.data : undefined;
  };
  return linkRows(entries, head, requestOf, seal);
}
