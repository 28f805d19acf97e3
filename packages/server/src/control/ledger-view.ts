/** What a command sees: what is stored, and over it what the commands before it in the same batch have changed. */
import { assertName } from "../store/column-text.ts";
import { TABLES } from "../store/tables.ts";
import type { Change, Stored } from "../store/store.ts";
import type { ColumnValue, ResidentTable, TableName, Tables } from "../store/tables.ts";
import type { View } from "./ledger.ts";
import type { PolicyInForce } from "./policy-in-force.ts";

/** What is stored, as of the record's head. `get` and `find` throw where nobody asked for the row. */
export interface Facts {
  /** Whether `get` can answer. */
  hasRead(table: TableName, id: string): boolean;
  get<K extends TableName>(table: K, id: string): Stored<Tables[K]> | undefined;
  find<K extends TableName>(table: K, column: string, value: ColumnValue): Stored<Tables[K]> | undefined;
  all<K extends ResidentTable>(table: K): readonly Stored<Tables[K]>[];
  /** `version` as the setting `policy.active` has it. */
  policy(view: Pick<View, "get" | "find">): PolicyInForce | undefined;
  readonly now: number;
}

type AnyRow = Stored<Tables[TableName]>;

interface Altered {
  readonly table: TableName;
  readonly id: string;
  /** What is stored, 0 where nothing is. */
  readonly storedRev: number;
  readonly data: Tables[TableName] | null;
}

/** Why the changes of a command cannot join the batch. `later`: a unique value is taken that another row gave up in this very batch. */
export type Admission = "ok" | "later";

export class BatchView implements View {
  readonly now: number;
  readonly #facts: Facts;
  readonly #altered = new Map<string, Altered>();
  /** Unique values that rows of this batch gave up. Databases may check uniqueness before they see that. */
  readonly #givenUp = new Set<string>();

  constructor(facts: Facts) {
    this.#facts = facts;
    this.now = facts.now;
  }

  get policy(): PolicyInForce | undefined {
    return this.#facts.policy(this);
  }

  get<K extends TableName>(table: K, id: string): Stored<Tables[K]> | undefined {
    const altered = this.#altered.get(rowKey(table, id));
    if (altered === undefined) return this.#facts.get(table, id);
    // Kept under the name of its table.
    return rowOf(altered) as Stored<Tables[K]> | undefined;
  }

  find<K extends TableName>(table: K, column: string, value: ColumnValue): Stored<Tables[K]> | undefined {
    const of = TABLES[table].columns[column]?.of;
    if (of === undefined) throw new TypeError(`${table} has no column ${column}`);
    for (const altered of this.#altered.values()) {
      if (altered.table !== table || altered.data === null) continue;
      // Both of the table that was just compared.
      const data = altered.data as Tables[K];
      if (of(data) === value) return rowOf(altered) as Stored<Tables[K]>;
    }
    const found = this.#facts.find(table, column, value);
    return found === undefined || this.#altered.has(rowKey(table, found.id)) ? undefined : found;
  }

  all<K extends ResidentTable>(table: K): readonly Stored<Tables[K]>[] {
    const stored = this.#facts.all(table);
    const altered = [...this.#altered.values()].filter((it) => it.table === table);
    if (altered.length === 0) return stored;
    const gone = new Set(altered.map(({ id }) => id));
    // Filtered to this table.
    const now = altered.map(rowOf).filter((row) => row !== undefined) as Stored<Tables[K]>[];
    return [...stored.filter(({ id }) => !gone.has(id)), ...now];
  }

  /** Whether these changes may be part of the batch. Throws TypeError where a command changes what it has not seen, or what no store holds: the commit would fail for all. */
  admit(changes: readonly Change[]): Admission {
    for (const change of changes) {
      assertName(change.id, "id");
      const seen = this.#seen(change.table, change.id)?.rev ?? 0;
      if (seen !== change.rev) throw new TypeError(`${change.table} ${change.id} is at revision ${seen}, and the command changes ${change.rev}`);
      for (const column of TABLES[change.table].unique) {
        const value = columnOf(change.table, column, change.data);
        if (value !== null && this.#givenUp.has(`${change.table}\0${column}\0${value}`)) return "later";
      }
    }
    return "ok";
  }

  apply(changes: readonly Change[]): void {
    for (const { table, id, data } of changes) {
      const before = this.#seen(table, id);
      for (const column of TABLES[table].unique) {
        const value = columnOf(table, column, before?.data ?? null);
        if (value !== null && value !== columnOf(table, column, data)) this.#givenUp.add(`${table}\0${column}\0${value}`);
      }
      const storedRev = this.#altered.get(rowKey(table, id))?.storedRev ?? before?.rev ?? 0;
      this.#altered.set(rowKey(table, id), { table, id, storedRev, data });
    }
  }

  hasRead(table: TableName, id: string): boolean {
    return this.#altered.has(rowKey(table, id)) || this.#facts.hasRead(table, id);
  }

  /** A row that nobody asked for is new, or the commit conflicts. */
  #seen<K extends TableName>(table: K, id: string): Stored<Tables[K]> | undefined {
    return this.hasRead(table, id) ? this.get(table, id) : undefined;
  }

  /** One change for each row: from what is stored to what it is after the last command. */
  changes(): readonly Change[] {
    return [...this.#altered.values()].flatMap(({ table, id, storedRev, data }): Change[] => {
      if (data === null && storedRev === 0) return [];
      // `data` came with this table.
      return [{ table, id, rev: storedRev, data } as Change];
    });
  }
}

/** One revision more than what is stored, however many commands of the batch changed it: that is what the commit makes of it. */
function rowOf({ id, storedRev, data }: Altered): AnyRow | undefined {
  return data === null ? undefined : { id, rev: storedRev + 1, data };
}

export function rowKey(table: TableName, id: string): string {
  return `${table}\0${id}`;
}

export function columnOf<K extends TableName>(table: K, column: string, data: Tables[K] | null): ColumnValue {
  return data === null ? null : (TABLES[table].columns[column]?.of(data) ?? null);
}
