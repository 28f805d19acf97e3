/** All that a control plane keeps, read beside it from its database: every row of every table, and whether any has changed. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { dumpPostgres } from "./test-tools.ts";

export type Tables = ReadonlyMap<string, readonly string[]>;

export interface StoredState {
  /** Every row as text, by table. */
  dump(): Promise<Tables>;
  /** Another one after any commit of anybody, of whatever; undefined where only a dump tells. */
  version(): number | undefined;
  close(): void;
}

/** Statements about the head, made by time: they say nothing that was not there. */
const LEFT_OUT = new Set(["checkpoint"]);
/** Noted once a minute, by whatever a person does. */
const LAST_USED = /lastUsedAt\W+\d+/;

export function openStoredState(directory: string): StoredState {
  const database = new DatabaseSync(join(directory, "countersign.db"), { readOnly: true });
  const names = database.prepare("select name from sqlite_schema where type = 'table' order by name").all().map(({ name }) => String(name));
  const dump = (): Tables => {
    database.exec("begin");
    try {
      return new Map(names.filter((name) => !LEFT_OUT.has(name)).map((name) => [name, database.prepare(`select * from "${name}" order by 1, 2`).all().map((row) => JSON.stringify(row).replace(LAST_USED, ""))]));
    } finally {
      database.exec("commit");
    }
  };
  return {
    dump: async () => dump(),
    version: () => Number(database.prepare("pragma data_version").get()?.["data_version"]),
    close: () => database.close(),
  };
}

export function postgresState(url: string): StoredState {
  const dump = async (): Promise<Tables> => new Map([...(await dumpPostgres(url))].filter(([name]) => !LEFT_OUT.has(name)).map(([name, rows]) => [name, rows.map((row) => row.replace(LAST_USED, ""))]));
  return { dump, version: () => undefined, close: () => undefined };
}

/** Rows that are in one of the two alone, each behind the name of its table. */
export function differences(before: Tables, after: Tables): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [new Set(before.get(name)), new Set(after.get(name))];
    return [...[...old].filter((row) => !now.has(row)).map((row) => `- ${name} ${row}`), ...[...now].filter((row) => !old.has(row)).map((row) => `+ ${name} ${row}`)];
  });
}
