/** The small tables that every instance holds in memory as of the record's head, and which rows of the record say that one has changed. */
import type { EventEntry } from "@countersign/sdk/record";
import { RESIDENT } from "../store/tables.ts";
import type { Change, Stored } from "../store/store.ts";
import type { ColumnValue, ResidentTable, TableName, Tables } from "../store/tables.ts";
import { columnOf } from "./ledger-view.ts";
import type { LedgerEntry } from "./ledger.ts";
import { requestIdOf } from "./link-rows.ts";

/** What another instance loads again when it reads such a row. Whoever changes a resident table writes one of these. */
const CHANGED_BY: { readonly [event in EventEntry["event"]]?: readonly ResidentTable[] } = {
  person_added: ["person"],
  person_changed: ["person"],
  // A passkey's counter moves with every use.
  signed_in: ["person"],
  // A newer link ends the older ones of its person.
  link_made: ["person"],
  group_changed: ["person_group"],
  key_added: ["agent_key"],
  key_revoked: ["agent_key"],
  delegation_made: ["delegation"],
  delegation_ended: ["delegation"],
  grant_made: ["standing_grant"],
  grant_used: ["standing_grant"],
  grant_ended: ["standing_grant"],
  policy_activated: ["setting"],
  mode_changed: ["setting"],
  checkpoint_key_made: ["setting"],
  installation_key_set: ["setting"],
  policy_saved: ["setting"],
  data_key_made: ["data_key"],
  arguments_erased: ["data_key"],
  restored: RESIDENT,
};

export function tablesChangedBy(event: string | null): readonly ResidentTable[] {
  if (event === null || !Object.hasOwn(CHANGED_BY, event)) return [];
  // Just looked up among its own keys.
  return CHANGED_BY[event as keyof typeof CHANGED_BY] ?? [];
}

export function isResident(table: TableName): table is ResidentTable {
  return RESIDENT.some((name) => name === table);
}

/** Throws TypeError where other instances would not learn of a change: that is a mistake in the command, never in the data. */
export function assertTold(changes: readonly Change[], entries: readonly LedgerEntry[]): void {
  if (changes.length > 0 && entries.length === 0) throw new TypeError("a change leaves a row in the record");
  for (const { table, id } of changes) {
    const told =
      table === "approval"
        ? entries.some((entry) => requestIdOf(entry) === id)
        : !isResident(table) || entries.some((entry) => entry.type === "event" && tablesChangedBy(entry.event).includes(table));
    if (!told) throw new TypeError(`no row of this command tells of the change of ${table} ${id}`);
  }
}

type Rows = { readonly [K in ResidentTable]: Map<string, Stored<Tables[K]>> };

export class ResidentTables {
  readonly #rows: Rows = { person: new Map(), person_group: new Map(), agent_key: new Map(), delegation: new Map(), standing_grant: new Map(), setting: new Map(), data_key: new Map() };
  /** Lists are asked for with every vote and change seldom. */
  readonly #lists = new Map<ResidentTable, readonly Stored<Tables[ResidentTable]>[]>();

  get<K extends ResidentTable>(table: K, id: string): Stored<Tables[K]> | undefined {
    return this.#of(table).get(id);
  }

  find<K extends ResidentTable>(table: K, column: string, value: ColumnValue): Stored<Tables[K]> | undefined {
    return this.all(table).find(({ data }) => columnOf(table, column, data) === value);
  }

  all<K extends ResidentTable>(table: K): readonly Stored<Tables[K]>[] {
    const kept = this.#lists.get(table);
    // Kept under the name of its table.
    if (kept !== undefined) return kept as readonly Stored<Tables[K]>[];
    const list = [...this.#of(table).values()];
    this.#lists.set(table, list);
    return list;
  }

  replace<K extends ResidentTable>(table: K, rows: readonly Stored<Tables[K]>[]): void {
    const map = this.#of(table);
    map.clear();
    for (const row of rows) map.set(row.id, row);
    this.#lists.delete(table);
  }

  /** After a commit. */
  put<K extends ResidentTable>(table: K, id: string, rev: number, data: Tables[K] | null): void {
    if (data === null) this.#of(table).delete(id);
    else this.#of(table).set(id, { id, rev, data });
    this.#lists.delete(table);
  }

  #of<K extends ResidentTable>(table: K): Map<string, Stored<Tables[K]>> {
    return this.#rows[table];
  }
}
